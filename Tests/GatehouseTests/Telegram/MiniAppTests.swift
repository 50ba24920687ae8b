import Ground
import Services
import Testing

/// `/api/v2`, as the clients call it that were there before.
@Suite("Mini Apps that keep one token") struct MiniAppTests {
    private let signer = SignedByTelegram()

    private func enter(_ gatehouse: Gatehouse, _ id: Int64 = 42, _ more: JSON.Member...) throws -> HTTPClient.Reply {
        let data = signer.initData(
            id, at: gatehouse.clock.now, queryID: "\(RandomSource.system.uint64())", user: [.init("username", "ada")])
        return try gatehouse.client.send(
            "POST", "/api/v2/auth/telegram", json: .object([.init("initData", .string(data))] + more))
    }

    private func data(_ reply: HTTPClient.Reply) throws -> JSON {
        try #require(reply.status == 200 && reply["success"] == true, "\(reply.text)")
        return try #require(reply["data"])
    }

    private func post(_ gatehouse: Gatehouse, _ path: String, _ body: JSON, cookie: String? = nil, origin: String? = nil)
        throws -> HTTPClient.Reply
    {
        var headers: [String: String] = [:]
        if let cookie { headers["Cookie"] = "refreshToken=\(cookie)" }
        if let origin { headers["Origin"] = origin }
        return try gatehouse.client.send("POST", "/api/v2/auth/\(path)", json: body, headers: headers)
    }

    private func claims(of token: JSON?) throws -> JSON {
        let parts = try #require(token?.string).split(separator: ".")
        return try JSON.parse(try #require(Base64URL.decode(String(parts[1]))))
    }

    /// A dead token, in the form that tells the client so.
    private func isDead(_ reply: HTTPClient.Reply, _ code: String) -> Bool {
        reply.status == 401 && reply["success"] == false && reply["need_new_token"] == true && reply.code == code
            && reply["error"]?.string?.isEmpty == false
    }

    @Test("what opened the app gives a token that says who one is, of a session like any other", arguments: Stores.all)
    func signIn(on kind: StoreKind) async throws {  // UNI-1, UNI-2, UNI-4
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let reply = try enter(gatehouse)
            let entered = try data(reply)
            let said = try claims(of: entered["token"])
            let person = try #require(entered["user"])
            for name in ["userId", "telegram_id", "username", "first_name", "ref_code"] {
                #expect(said[name] != nil && said[name] == person[name], "\(name)")
            }
            #expect(said["telegram_id"] == 42 && said["username"] == "ada" && said["sub"] == said["userId"])
            #expect(said["iat"]?.integer == gatehouse.clock.now.seconds && said["exp"]?.integer == gatehouse.clock.now.seconds + 900)
            let token = try #require(entered["token"]?.string)
            // The rest of the interface takes it.
            #expect(try gatehouse.client.send("GET", "/auth/validate", token: token).status == 200)
            let checked = try data(try gatehouse.client.send("GET", "/api/v2/auth/check", token: token))
            #expect(checked["valid"] == true && checked["user"] == person)
            #expect(try data(try post(gatehouse, "validate", ["token": .string(token)])) == checked)
            let again = try data(try enter(gatehouse))
            #expect(again["user"] == person && again["session_id"] != entered["session_id"])
            let session = try data(try gatehouse.client.send("GET", "/api/v2/auth/session", token: token))
            #expect(session["active_sessions"] == 2 && session["session"]?["id"] == entered["session_id"])
            #expect(session["session"]?["current"] == true)
        }
    }

    @Test("tokens of the rest of the interface stay small")
    func minimal() async throws {  // TEL-10
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let member = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            let said = try claims(of: .string(member.accessToken))
            #expect(Set((said.members ?? []).map(\.name)) == ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "amr", "acr", "auth_time"])
            let entered = try data(try enter(gatehouse, 42, .init("ref_code", "nobody")))
            let renewed = try gatehouse.refresh(try #require(entered["refresh_token"]?.string))
            #expect(try claims(of: renewed["access_token"])["telegram_id"] == nil)
        }
    }

    @Test("registering signs in who is known, and notes who brought a new person", arguments: Stores.all)
    func register(on kind: StoreKind) async throws {  // UNI-3
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let ada = try data(try enter(gatehouse, 1))["user"]
            let code = try #require(ada?["ref_code"])
            let body: JSON = ["init_data": .string(signer.initData(2, at: gatehouse.clock.now)), "ref_code": code]
            let bob = try data(try post(gatehouse, "register/telegram", body))["user"]
            #expect(try post(gatehouse, "register/telegram", body).code == "telegram_data_replayed")
            let ids = try [ada, bob].map { try #require($0?["userId"]?.string.flatMap { UUID($0) }) }
            #expect(try await gatehouse.services.referrals.count(broughtBy: ids[0]) == 1)
            #expect(try await gatehouse.store.reading.referrals.inviter(of: ids[1]) == ids[0])
            #expect(bob?["ref_code"] != nil && bob?["ref_code"] != code)
            let again = try data(try post(
                gatehouse, "register/telegram", ["init_data": .string(signer.initData(2, at: gatehouse.clock.now, queryID: "b"))]))
            #expect(again["user"]?["userId"] == bob?["userId"])
        }
    }

    @Test("a refresh token renews the token, wherever it comes; the token itself does not", arguments: Stores.all)
    func refresh(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let reply = try enter(gatehouse)
            let first = try data(reply)
            let (token, refreshToken) = (try #require(first["token"]), try #require(first["refresh_token"]))
            #expect(reply.cookie("refreshToken") == refreshToken.string)
            #expect(reply.headers("set-cookie").allSatisfy { $0.contains("Path=/api/v2/auth;") && $0.contains("HttpOnly") })
            #expect(isDead(try post(gatehouse, "refresh", ["token": token]), "token_invalid"))
            #expect(isDead(try post(gatehouse, "refresh", [:]), "token_missing"))
            let second = try data(try post(gatehouse, "refresh", ["refresh_token": refreshToken]))
            #expect(second["session_id"] == first["session_id"] && second["refresh_token"] != refreshToken)
            #expect(try claims(of: second["token"])["telegram_id"] == 42)
            let third = try data(try post(gatehouse, "refresh", ["token": try #require(second["refresh_token"])]))
            let byCookie = try post(gatehouse, "refresh", ["token": token], cookie: third["refresh_token"]?.string)
            let fourth = try data(byCookie)
            #expect(byCookie.cookie("refreshToken") == fourth["refresh_token"]?.string)
            let foreign = try post(
                gatehouse, "refresh", ["token": token], cookie: fourth["refresh_token"]?.string, origin: "https://evil.example")
            #expect(foreign.status == 403 && foreign.code == "origin_not_allowed" && foreign["need_new_token"] == false)
            // A used one, later, ends the session: reuse.
            gatehouse.clock.advance(by: .seconds(60))
            #expect(isDead(try post(gatehouse, "refresh", ["refresh_token": refreshToken]), "token_reused"))
            let latest = try #require(fourth["token"])
            #expect(isDead(try gatehouse.client.send("GET", "/api/v2/auth/check", token: latest.string), "session_ended"))
            #expect(isDead(try post(gatehouse, "validate", ["token": latest]), "session_ended"))
            #expect(isDead(try post(gatehouse, "refresh", ["token": try #require(fourth["refresh_token"])]), "session_ended"))
        }
    }

    @Test("logging out kills every token of the session, with any of them", arguments: Stores.all)
    func logout(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            for way in ["token", "refresh_token", "cookie", "bearer"] {
                let entered = try data(try enter(gatehouse))
                let token = try #require(entered["token"]), refreshToken = try #require(entered["refresh_token"])
                let answer =
                    switch way {
                    case "token": try post(gatehouse, "logout", ["token": token])
                    case "refresh_token": try post(gatehouse, "logout", ["token": refreshToken])
                    case "cookie": try post(gatehouse, "logout", [:], cookie: refreshToken.string)
                    default: try gatehouse.client.send("POST", "/api/v2/auth/logout", token: token.string)
                    }
                #expect(try data(answer) == [:] && answer.cookie("refreshToken") == "", "\(way)")
                #expect(isDead(try gatehouse.client.send("GET", "/api/v2/auth/session", token: token.string), "session_ended"))
                #expect(isDead(try post(gatehouse, "refresh", ["token": refreshToken]), "session_ended"))
            }
            let kept = try data(try enter(gatehouse))["token"]?.string
            #expect(try post(gatehouse, "logout", ["token": "nonsense", "more": 1]).status == 200)
            #expect(try gatehouse.client.send("GET", "/api/v2/auth/check", token: kept).status == 200)
            let other = try data(try enter(gatehouse))["token"]
            #expect(try post(gatehouse, "logout", ["token": try #require(other), "everywhere": true]).status == 200)
            #expect(isDead(try gatehouse.client.send("GET", "/api/v2/auth/check", token: kept), "session_ended"))
        }
    }

    @Test("every refusal below /api/v2 has one form")
    func refusals() async throws {  // UNI-5
        try await withGatehouse(SignedByTelegram.settings.merging(["MAX_BODY_BYTES": "2048"]) { $1 }) { gatehouse in
            func expect(_ reply: HTTPClient.Reply, _ status: Int, _ code: String, _ needsToken: Bool = false) {
                #expect(reply.status == status && reply.code == code, "\(reply.status) \(reply.text)")
                #expect(reply.header("content-type") == "application/json" && reply["success"] == false)
                #expect(reply["need_new_token"] == .bool(needsToken) && reply["errors"]?.array != nil)
            }
            let client = gatehouse.client
            expect(try client.send("GET", "/api/v2/nothing"), 404, "not_found")
            expect(try client.send("GET", "/api/v2/auth/telegram"), 405, "method_not_allowed")
            expect(try post(gatehouse, "telegram", ["initData": "", "more": 1]), 400, "validation_failed")
            expect(try post(gatehouse, "telegram", ["initData": ""]), 400, "telegram_data_malformed")
            expect(try post(gatehouse, "telegram", ["initData": "hash=0&user=%7B%7D&auth_date=1"]), 401, "telegram_data_not_signed")
            expect(try client.send("POST", "/api/v2/auth/telegram", body: Array("{}".utf8)), 415, "unsupported_media_type")
            expect(try post(gatehouse, "telegram", ["initData": .string(String(repeating: "x", count: 4096))]), 413, "body_too_large")
            expect(try client.send("GET", "/api/v2/auth/check"), 401, "token_missing", true)
            expect(try post(gatehouse, "validate", ["token": "nonsense"]), 401, "token_invalid", true)
            let old = try data(try enter(gatehouse))["token"]
            gatehouse.clock.advance(by: .seconds(901))
            expect(try post(gatehouse, "validate", ["token": try #require(old)]), 401, "token_expired", true)
            gatehouse.database.setFailing(true)
            expect(try enter(gatehouse), 503, "unavailable")
            gatehouse.database.setFailing(false)
            // The rest keeps its own.
            #expect(try client.send("GET", "/api/v3").header("content-type") == "application/problem+json")
        }
        try await withGatehouse { gatehouse in
            let reply = try enter(gatehouse)
            #expect(reply.status == 503 && reply.code == "telegram_not_configured" && reply["success"] == false)
        }
    }

    @Test("signing in is held to a strict limit, checking to a liberal one")
    func limits() async throws {  // UNI-6
        let settings = ["RATE_LIMIT_SIGN_IN": "2/60", "RATE_LIMIT_CHECK": "1200/60"]
        try await withGatehouse(SignedByTelegram.settings.merging(settings) { $1 }) { gatehouse in
            let token = try data(try enter(gatehouse))["token"]?.string
            #expect(try enter(gatehouse).status == 200)
            let third = try enter(gatehouse)
            #expect(third.status == 429 && third["success"] == false && third.header("retry-after") != nil)
            for _ in 0..<30 { #expect(try gatehouse.client.send("GET", "/api/v2/auth/check", token: token).status == 200) }
        }
    }

    @Test("nobody's word is taken for who they are, unless a setting for development says so")
    func direct() async throws {  // UNI-7
        let body: JSON = ["direct_registration": true, "telegram_id": 7, "first_name": "Ada", "username": "ada"]
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let refused = try post(gatehouse, "register/telegram", body)
            #expect(refused.status == 403 && refused.code == "door_closed")
            #expect(try await gatehouse.store.reading.telegramIdentities.find(7) == nil)
            #expect(try await gatehouse.audit("sign_in.failed").first?.metadata.contains("unverified") == true)
        }
        let settings = SignedByTelegram.settings.merging(["TELEGRAM_DIRECT_REGISTRATION": "true"]) { $1 }
        try await withGatehouse(settings) { gatehouse in
            let first = try data(try post(gatehouse, "register/telegram", body))
            #expect(first["user"]?["telegram_id"] == 7)
            #expect(try data(try post(gatehouse, "register/telegram", body))["user"]?["userId"] == first["user"]?["userId"])
            #expect(try await gatehouse.audit("sign_in.succeeded").allSatisfy { $0.metadata.contains("\"unverified\":true") })
            for wrong: JSON in [
                ["telegram_id": 7, "first_name": "Ada"], ["direct_registration": true, "telegram_id": 7],
                ["direct_registration": true, "telegram_id": 7, "first_name": "Ada", "init_data": "x"],
                ["direct_registration": true, "telegram_id": 0, "first_name": "Ada"],
            ] { #expect(try post(gatehouse, "register/telegram", wrong).code == "validation_failed", "\(wrong.text)") }
            #expect(try post(gatehouse, "telegram", body).code == "validation_failed")
        }
        var reader = SettingReader(environment: settings.merging(["GATEHOUSE_ENV": "production"]) { $1 })
        do {
            _ = try Configuration(reading: &reader)
            Issue.record("production takes anybody's word")
        } catch { #expect(error.all.contains { "\($0)".contains("TELEGRAM_DIRECT_REGISTRATION") }) }
    }
}
