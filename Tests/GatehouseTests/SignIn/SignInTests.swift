import Credentials
import Ground
import SQL
import Testing

@Suite("Signing in") struct SignInTests {
    @Test("the address is compared without case and surrounding space", arguments: Stores.all)
    func spelling(kind: StoreKind) async throws {  // CO-4, case 40
        try await withGatehouse(on: kind) { gatehouse in
            _ = try gatehouse.registered("ada@example.com")
            let reply = try gatehouse.login("  ADA@Example.COM ")
            #expect(reply.status == 200)
            #expect(reply["company"]?["name"] == "Analytical Engines")
            #expect(try await gatehouse.audit("sign_in.succeeded").count == 1)
        }
    }

    @Test("an unknown address and a wrong password are answered alike, and cost a hash each")
    func case43Enumeration() async throws {  // CO-3, case 43
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered()
            let hashes = gatehouse.services.passwords.counters.completed
            let unknown = try gatehouse.login("nobody@example.com", password: "wrong")
            let afterUnknown = gatehouse.services.passwords.counters.completed
            let wrong = try gatehouse.login(password: "wrong")
            let afterWrong = gatehouse.services.passwords.counters.completed
            #expect(unknown.status == 401 && wrong.status == 401)
            #expect(afterUnknown - hashes == 1 && afterWrong - afterUnknown == 1)
            func shown(_ reply: HTTPClient.Reply) -> [JSON.Member] {
                (reply.json.members ?? []).filter { $0.name != "request_id" }
            }
            #expect(shown(unknown) == shown(wrong))
            let names = { (reply: HTTPClient.Reply) in reply.headers.map(\.name) }
            #expect(names(unknown) == names(wrong))
        }
    }

    @Test("failed sign-ins are logged and audited with the reason, and without the password", arguments: Stores.all)
    func audited(kind: StoreKind) async throws {  // CO-9
        try await withGatehouse(on: kind) { gatehouse in
            _ = try gatehouse.registered()
            _ = try gatehouse.login(password: "hunter2-hunter2")
            _ = try gatehouse.login("nobody@example.com", password: "hunter2-hunter2")
            let rows = try await gatehouse.audit("sign_in.failed")
            #expect(Set(rows.map(\.metadata)) == ["{\"reason\":\"wrong_password\"}", "{\"reason\":\"unknown_account\"}"])
            #expect(rows.allSatisfy { $0.ip == "127.0.0.1" && $0.outcome == "failure" && $0.requestID != nil })
        }
    }

    @Test("neither password nor token is ever logged")
    func nothingSecretLogged() async throws {
        var log = ""
        var member: Member?
        let clock = ManualClock()
        let database = FaultyDatabase(try SQLiteDatabase(path: ":memory:"))
        let gatehouse = try await Gatehouse(database: database, keyValue: nil, clock: clock, settings: [:])
        member = try gatehouse.registered()
        _ = try gatehouse.login(password: "wrong-password-here")
        _ = try gatehouse.refresh(try #require(member).refreshToken)
        await gatehouse.stop()
        log = gatehouse.logText
        database.close()
        let ada = try #require(member)
        #expect(log.contains("sign_in.failed"))
        for secret in [Member.password, "wrong-password-here", ada.accessToken, ada.refreshToken] {
            #expect(!log.contains(secret))
        }
    }

    @Test("an empty body, and bodies that are none, are told what is wrong", arguments: [
        ("", "validation_failed"), ("{}", "validation_failed"), ("[]", "malformed_body"), ("{", "malformed_body"),
        ("null", "malformed_body"), ("{\"email\":1,\"password\":[]}", "validation_failed"),
        ("{\"email\":\"a@example.com\",\"email\":\"b@example.com\",\"password\":\"x\"}", "malformed_body"),
        (String(repeating: "[", count: 5000), "malformed_body"),
        ("{\"a\":" + String(repeating: "{\"a\":", count: 5000) + "1" + String(repeating: "}", count: 5001), "malformed_body"),
    ])
    func case60EmptyBody(body: String, code: String) async throws {  // cases 59, 60; CO-6
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.client.send(
                "POST", "/auth/login", body: Array(body.utf8), headers: ["Content-Type": "application/json"])
            #expect(reply.status == 400)
            #expect(reply.code == code)
            #expect(reply.header("content-type") == "application/problem+json")
        }
    }

    @Test("only JSON is taken")
    func mediaType() async throws {
        try await withGatehouse { gatehouse async throws in
            let body = Array("email=a%40example.com&password=x".utf8)
            let form = ["Content-Type": "application/x-www-form-urlencoded"]
            #expect(try gatehouse.client.send("POST", "/auth/login", body: body, headers: form).status == 415)
            #expect(try gatehouse.client.send("POST", "/auth/login", body: body).code == "unsupported_media_type")
            for type in ["application/json", "Application/JSON ;charset=utf-8"] {
                let headers = ["Content-Type": type]
                let reply = try gatehouse.client.send("POST", "/auth/login", body: Array("{}".utf8), headers: headers)
                #expect(reply.code == "validation_failed")
            }
        }
    }

    @Test("the sixth attempt within a minute waits, for whichever account")
    func rateLimitByAddress() async throws {  // CO-2, TEL-9
        try await withGatehouse(["RATE_LIMIT_SIGN_IN": "5/60"]) { gatehouse in
            for index in 0..<5 { #expect(try gatehouse.login("u\(index)@example.com").status == 401) }
            let refused = try gatehouse.login("u9@example.com")
            #expect(refused.status == 429)
            #expect(refused.header("retry-after") != nil)
            #expect(refused.code == "rate_limited")
        }
    }

    @Test("one account's allowance is used up from many addresses, but not its owner's")
    func rateLimitByAccount() async throws {  // TEL-9, case 42
        let settings = ["RATE_LIMIT_SIGN_IN": "5/60", "TRUSTED_PROXIES": "127.0.0.1", "MAX_LOGIN_ATTEMPTS": "100"]
        try await withGatehouse(settings) { gatehouse in
            let home = ["X-Forwarded-For": "198.51.100.7"]
            #expect(try gatehouse.register(headers: home).status == 201)
            for index in 1...5 {
                let reply = try gatehouse.login(password: "wrong", headers: ["X-Forwarded-For": "203.0.113.\(index)"])
                #expect(reply.status == 401)
            }
            #expect(try gatehouse.login(headers: ["X-Forwarded-For": "203.0.113.99"]).status == 429)
            #expect(try gatehouse.login(headers: home).status == 200)
        }
    }

    @Test("a suspended or deleted company is a clean refusal, and ends its sessions", arguments: Stores.all)
    func companySuspended(kind: StoreKind) async throws {  // CO-5
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let company = try #require(ada.companyID)
            #expect(try ada.isSignedIn())
            #expect(try root.patch("/companies/\(company)", ["status": "SUSPENDED"]).status == 200)
            #expect(try ada.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.login().code == "company_suspended")
            #expect(try root.patch("/companies/\(company)", ["status": "ACTIVE"]).status == 200)
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("a stored hash follows the setting at the next sign-in", arguments: Stores.all)
    func rehash(kind: StoreKind) async throws {  // REQ-AUTH-40
        try await withGatehouse(on: kind, ["ARGON2_MEMORY": "128", "MAX_SESSIONS_PER_USER": "10"]) { gatehouse in
            let ada = try gatehouse.registered()
            let id = try #require(UUID(ada.id))
            let weak = try PasswordHasher(scheme: .argon2id(memoryKiB: 64, passes: 1), peppers: [[UInt8](0..<32)])
            let old = try weak.hash(Member.password)
            try await gatehouse.store.transaction { try await $0.users.setPassword(of: id, to: old, at: Timestamp(seconds: 0)) }
            #expect(try gatehouse.login().status == 200)
            let again = HTTPClient.request(
                "POST", "/auth/login", json: ["email": "ada@example.com", "password": .string(Member.password)])
            try await gatehouse.store.transaction { try await $0.users.setPassword(of: id, to: old, at: Timestamp(seconds: 0)) }
            let together = try gatehouse.client.sendAtOnce(Array(repeating: again, count: 4))
            #expect(together.map(\.code) == ["", "", "", ""])
            let stored = try await gatehouse.store.reading.users.find(id)?.passwordHash
            #expect(stored?.contains("m=128,") == true)
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("an attempt that could not be checked for want of time does not count towards the lock", arguments: Stores.all)
    func overloadIsNoFailure(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["HASH_QUEUE": "0"]) { gatehouse in
            let ada = try gatehouse.registered()
            await gatehouse.services.stop()
            for _ in 0..<12 { #expect(try gatehouse.login(password: "wrong").code == "overloaded") }
            #expect(try gatehouse.login("nobody@example.com").code == "overloaded")
            let count = try await gatehouse.store.reading.attempts.count(ofUser: try #require(UUID(ada.id)))
            #expect(count?.failed == 0 && count?.lockedUntil == nil)
        }
    }

    @Test("more hashing than the queue holds is refused with a time to wait, and the rest is served")
    func overload() async throws {
        try await withGatehouse(["HASH_QUEUE": "2", "ARGON2_MEMORY": "65536"]) { gatehouse in
            let request = HTTPClient.request(
                "POST", "/auth/login", json: ["email": "nobody@example.com", "password": "x"])
            let replies = try gatehouse.client.sendAtOnce(Array(repeating: request, count: 4) + (0..<8).map { index in
                HTTPClient.request("POST", "/auth/login", json: ["email": .string("n\(index)@example.com"), "password": "x"])
            })
            let refused = replies.filter { $0.status == 503 }
            #expect(!refused.isEmpty)
            #expect(refused.allSatisfy { $0.code == "overloaded" && $0.header("retry-after") != nil })
            #expect(replies.contains { $0.status == 401 })
        }
    }
}
