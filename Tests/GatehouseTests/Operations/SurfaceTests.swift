import Ground
import SQL
import Services
import Testing

@Suite("The whole surface") struct SurfaceTests {
    @Test("every route that is not open refuses without a token, and with a bad one")
    func case50Guards() async throws {  // case 50, REQ-AUTH-11
        try await withGatehouse { gatehouse in
            let document = try gatehouse.client.send("GET", "/api/openapi.json").json
            var guarded = 0
            for path in document["paths"]?.members ?? [] {
                for operation in path.value.members ?? [] {
                    guard operation.value["security"]?.array?.contains(where: { $0["access_token"] != nil }) == true else { continue }
                    guarded += 1
                    let concrete = path.name.replacing(/\{\w+\}/, with: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293")
                    let method = operation.name.uppercased()
                    let without = try gatehouse.client.send(method, concrete)
                    #expect(without.status == 401 && without.code == "token_missing", "\(method) \(concrete)")
                    #expect(without.header("www-authenticate") == "Bearer realm=\"gatehouse\"")
                    for bad in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", String(repeating: ".", count: 5000)] {
                        let reply = try gatehouse.client.send(method, concrete, token: bad)
                        #expect(reply.code == "token_invalid", "\(method) \(concrete)")
                    }
                }
            }
            #expect(guarded >= 40)
        }
    }

    @Test("unknown paths are 404, unknown methods 405 with Allow, both as problem details")
    func notFound() async throws {
        try await withGatehouse { gatehouse in
            let missing = try gatehouse.client.send("GET", "/nothing/here")
            #expect(missing.status == 404 && missing.code == "not_found")
            #expect(missing["request_id"]?.string == missing.header("x-request-id"))
            let wrong = try gatehouse.client.send("DELETE", "/auth/login")
            #expect(wrong.status == 405 && wrong.header("allow") == "POST, OPTIONS")
            #expect(try gatehouse.client.send("OPTIONS", "/auth/login").status == 204)
            #expect(try gatehouse.client.send("POST", "/auth/sessions/not-an-id/revoke").status == 404)
        }
    }

    @Test("metrics name the matched route, never the path, and stay on the machine")
    func metrics() async throws {
        try await withGatehouse { gatehouse in
            _ = try gatehouse.client.send("POST", "/auth/sessions/0198a3f4-5c1e-7a2b-8c3d-4e5f60718293/revoke")
            _ = try gatehouse.client.send("GET", "/secret-path-of-a-client")
            let text = try gatehouse.client.send("GET", "/metrics").text
            #expect(text.contains("route=\"/auth/sessions/{id:uuid}/revoke\",status=\"401\"} 1"))
            #expect(!text.contains("0198a3f4") && !text.contains("secret-path"))
            let forwarded = try gatehouse.client.send("GET", "/metrics", headers: ["X-Forwarded-For": "127.0.0.1"])
            #expect(forwarded.status == 404)
        }
        try await withGatehouse(["METRICS_TOKEN": "scrape-me-please"]) { gatehouse async throws in
            #expect(try gatehouse.client.send("GET", "/metrics").status == 401)
            #expect(try gatehouse.client.send("GET", "/metrics", token: "wrong").status == 401)
            #expect(try gatehouse.client.send("GET", "/metrics", token: "scrape-me-please").status == 200)
        }
    }

    @Test("health tells the state, and readiness fails with the store")
    func health() async throws {
        try await withGatehouse { gatehouse async throws in
            #expect(try gatehouse.client.send("GET", "/health/live")["status"] == "ok")
            #expect(try gatehouse.client.send("GET", "/health")["database"] == "up")
            gatehouse.database.setFailing(true)
            #expect(try gatehouse.client.send("GET", "/health/ready").status == 503)
            #expect(try gatehouse.client.send("GET", "/health/live").status == 200)
        }
    }

    @Test("a forwarded address counts only from a trusted proxy, and an unreadable one is refused")
    func case38Forwarded() async throws {  // case 38
        try await withGatehouse { gatehouse in
            _ = try gatehouse.register(headers: ["X-Forwarded-For": "203.0.113.9"])
            #expect(try await gatehouse.audit("account.registered").first?.ip == "127.0.0.1")
        }
        try await withGatehouse(["TRUSTED_PROXIES": "127.0.0.0/8, 10.0.0.0/8"]) { gatehouse in
            let headers = ["X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.2.3.4"]
            _ = try gatehouse.register(headers: headers)
            #expect(try await gatehouse.audit("account.registered").first?.ip == "203.0.113.9")
            for bad in ["unknown", "203.0.113.9, , 10.0.0.1", "203.0.113.999", "<script>"] {
                let reply = try gatehouse.login(headers: ["X-Forwarded-For": bad])
                #expect(reply.status == 400 && reply.code == "forwarded_header_invalid")
            }
        }
    }

    @Test("the access log names the client behind the proxy, and what was refused too")
    func accessLog() async throws {
        let database = FaultyDatabase(try SQLiteDatabase(path: ":memory:"))
        let gatehouse = try await Gatehouse(
            database: database, keyValue: nil, clock: ManualClock(), settings: ["TRUSTED_PROXIES": "127.0.0.1"])
        _ = try gatehouse.client.send("GET", "/health/live?token=secret", headers: ["X-Forwarded-For": "203.0.113.9"])
        let refused = try gatehouse.client.send("GET", "/health/live", headers: ["X-Forwarded-For": "x"])
        #expect(refused.header("x-content-type-options") == "nosniff")
        await gatehouse.stop()
        database.close()
        let lines = gatehouse.logText.split(separator: "\n").filter { $0.contains("http.request") }
        #expect(lines.count == 2)
        #expect(lines.first?.contains("\"client\":\"203.0.113.9\"") == true)
        #expect(lines.first?.contains("secret") == false)
        #expect(lines.last?.contains("\"status\":400") == true)
    }

    @Test("a user agent that could mislead is stored harmless")
    func case55UserAgent() async throws {  // case 55
        try await withGatehouse { gatehouse in
            let agent = "evil\u{1b}[2J\u{202e}txt" + String(repeating: "x", count: 2000)
            #expect(try gatehouse.register(headers: ["User-Agent": agent]).status == 400)
            let reply = try gatehouse.register(headers: ["User-Agent": "evil\u{202e}txt" + String(repeating: "x", count: 2000)])
            #expect(reply.status == 201)
            let stored = try #require(try await gatehouse.audit("account.registered").first?.userAgent)
            #expect(!stored.contains("\u{202e}") && stored.utf8.count <= 512)
        }
    }

    @Test("settings that cannot be read stop the start, all named at once", arguments: [
        ("PORT", "eighty"), ("RATE_LIMIT_SIGN_IN", "5"), ("RATE_LIMIT_SIGN_IN", "-1/60"), ("JWT_EXPIRES_IN", "soon"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"), ("CORS_ORIGINS", "*"), ("JWT_SECRET", "short"), ("ENCRYPTION_KEY", "00"),
        ("PASSWORD_MIN_LENGTH", "4"), ("MAX_LOGIN_ATTEMPTS", "0"), ("DATABASE_URL", "mysql://x"), ("GATEHOUSE_ENV", "prod"),
        ("LOGOUT_EVERYWHERE", "maybe"), ("JWT_ALGORITHM", "none"),
    ])
    func case61Configuration(name: String, value: String) throws {  // case 61
        var reader = SettingReader(environment: [name: value, "THREADS": "zero"])
        let faults = #expect(throws: SettingReader.Faults.self) { _ = try Configuration(reading: &reader) }
        #expect(Set(faults?.all.map(\.name) ?? []) == [name, "THREADS"])
    }
}
