import Credentials
import Ground
import Testing

@Suite("Known faults of others: second factors") struct SecondFactorCasesTests {
    @Test("case 22: a token of one kind is none of another", arguments: Stores.all)
    func case22Kinds(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            var browser = Browser(gatehouse)
            let challenge = try browser.challenged()
            #expect(try gatehouse.client.send("GET", "/auth/validate", token: challenge).code == "token_invalid")
            #expect(try gatehouse.refresh(challenge).code == "token_invalid")
            let change = try browser.send(
                "POST", "/auth/first-login/change-password",
                ["password_change_token": .string(challenge), "new_password": "another brass clatter"])
            #expect(change.code == "token_invalid")
            for token in [ada.accessToken, ada.refreshToken, "gh2_", "gh2_AAAA", String(challenge.dropLast()), challenge + "A"] {
                guard token.utf8.count <= 128 else { continue }
                #expect(try browser.finish(token, app.code()).code == "token_invalid", "\(token)")
            }
            // Any bit of it.
            let bytes = try #require(Base64URL.decode(challenge.dropFirst(4)))
            for index in stride(from: 0, to: bytes.count, by: 5) {
                var other = bytes
                other[index] ^= 1
                #expect(try browser.finish("gh2_" + Base64URL.encode(other), app.code()).code == "token_invalid")
            }
            #expect(try browser.finish(challenge, app.nextCode()).status == 200)
        }
    }

    @Test("case 30: no door leads past the second factor, and the second factor alone leads nowhere", arguments: Stores.all)
    func case30Doors(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let signer = SignedByTelegram()
            let ada = try gatehouse.registered()
            let data = signer.initData(7, "Ada", at: gatehouse.clock.now)
            #expect(try ada.post("/auth/telegram/link", ["init_data": .string(data)]).status == 200)
            let app = try ada.authenticator()
            func isAsked(_ reply: HTTPClient.Reply, _ json: JSON) {
                #expect(json["second_factor_required"] == true, "\(reply.text)")
                #expect(!reply.text.contains("access_token") && !reply.text.contains("\"token\""))
                #expect(reply.cookie("refreshToken") == nil)
            }
            let password = try gatehouse.login()
            isAsked(password, password.json)
            let miniApp = try gatehouse.miniApp(7)
            isAsked(miniApp, miniApp.json)
            let widget = try gatehouse.telegram(signer.widget(7, at: gatehouse.clock.now))
            isAsked(widget, widget.json)
            var browser = Browser(gatehouse)
            gatehouse.clock.advance(by: .seconds(1))
            let old = try browser.send(
                "POST", "/api/v2/auth/telegram",
                ["initData": .string(signer.initData(7, "Ada", at: gatehouse.clock.now, queryID: "v2"))])
            isAsked(old, old["data"] ?? .null)
            let finished = try browser.send(
                "POST", "/api/v2/auth/2fa/login",
                ["second_factor_token": old["data"]?["second_factor_token"] ?? .null, "code": .string(app.nextCode())])
            #expect(finished["data"]?["token"] != nil, "\(finished.text)")
            // A browser that was sent here and there keeps the token in a cookie, and is told what to ask for.
            let query = signer.widgetQuery(7, at: gatehouse.clock.now)
            let sent = try browser.send("GET", "/auth/telegram/callback?return_to=/welcome&\(query)")
            #expect(sent.header("location")?.hasSuffix("/welcome?second_factor=totp%2Crecovery_code") == true, "\(sent.headers)")
            #expect(sent.cookie("refreshToken") == nil)
            let code = app.nextCode()
            #expect(try gatehouse.client.send("POST", "/auth/2fa/login", json: ["code": .string(code)]).code == "token_missing")
            #expect(try browser.send("POST", "/auth/2fa/login", ["code": .string(code)]).status == 200)
        }
    }

    @Test("case 30: a challenge is for the browser that gave the first proof, and works once", arguments: Stores.all)
    func case30Binding(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            var thief = Browser(gatehouse)
            _ = try thief.login("nobody@example.com")
            let token = try browser.challenged()
            let code = app.nextCode()
            #expect(try thief.finish(token, code).code == "token_invalid")
            #expect(try browser.finish(token, code).status == 200)
            #expect(try browser.finish(token, app.nextCode()).code == "token_invalid")
        }
    }

    @Test("case 31: five guesses at a challenge, whatever it is, and a lock that more challenges do not lift", arguments: Stores.all)
    func case31Guesses(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["MAX_LOGIN_ATTEMPTS": "7", "TRUSTED_PROXIES": "127.0.0.1"]) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse, headers: ["X-Forwarded-For": "203.0.113.9"])
            let first = try browser.challenged()
            for _ in 0..<5 { #expect(try browser.finish(first, app.wrongCode()).code == "code_invalid") }
            // The right one comes too late.
            #expect(try browser.finish(first, app.nextCode()).code == "token_invalid")
            // The right password between guesses forgives none.
            let second = try browser.challenged()
            for _ in 0..<2 { #expect(try browser.finish(second, app.wrongCode()).code == "code_invalid") }
            #expect(try browser.finish(second, app.nextCode()).code == "account_locked")
            #expect(try browser.login().code == "account_locked")
        }
    }

    @Test("case 31: a hundred guesses at once are five", arguments: Stores.all)
    func case31Parallel(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["MAX_LOGIN_ATTEMPTS": "100"]) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let token = try browser.challenged()
            let request = HTTPClient.request(
                "POST", "/auth/2fa/login", json: ["second_factor_token": .string(token), "code": .string(app.wrongCode())],
                headers: ["Cookie": "gatehouse_device=\(browser.cookies["gatehouse_device"] ?? "")"])
            let replies = try gatehouse.client.sendAtOnce(Array(repeating: request, count: 40))
            #expect(replies.filter { $0.code == "code_invalid" }.count == 5, "\(replies.map(\.code))")
            #expect(replies.filter { $0.code == "token_invalid" }.count == 35)
        }
    }

    @Test("case 32: a code works once, also at the same moment, and not after its window", arguments: Stores.all)
    func case32Replay(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["MAX_LOGIN_ATTEMPTS": "100"]) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browsers = (0..<4).map { _ in Browser(gatehouse) }
            let tokens = try browsers.indices.map { try browsers[$0].challenged() }
            let code = app.nextCode()
            let requests = browsers.indices.map { index in
                HTTPClient.request(
                    "POST", "/auth/2fa/login",
                    json: ["second_factor_token": .string(tokens[index]), "code": .string(code)],
                    headers: ["Cookie": "gatehouse_device=\(browsers[index].cookies["gatehouse_device"] ?? "")"])
            }
            let replies = try gatehouse.client.sendAtOnce(requests)
            #expect(replies.filter { $0.status == 200 }.count == 1, "\(replies.map(\.text))")
            #expect(replies.filter { $0.code == "code_invalid" }.count == 3)
            // The one of the step before is older than what was taken.
            var browser = Browser(gatehouse)
            #expect(try browser.finish(try browser.challenged(), app.code(-1)).code == "code_invalid")
            gatehouse.clock.advance(by: .seconds(90))
            let late = app.code(-2)
            #expect(try browser.finish(try browser.challenged(), late).code == "code_invalid")
            #expect(try browser.finish(try browser.challenged(), app.code(-1)).status == 200)
        }
    }

    @Test("case 37: what has expired is refused though nobody has cleaned up", arguments: Stores.all)
    func case37Expiry(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let early = try browser.challenged()
            gatehouse.clock.advance(by: .seconds(299))
            #expect(try browser.finish(early, app.code()).status == 200)
            let late = try browser.challenged()
            gatehouse.clock.advance(by: .seconds(300))
            #expect(try browser.finish(late, app.code()).code == "token_expired")
        }
    }

    @Test("case 41: a locked account is locked for second factors too", arguments: Stores.all)
    func case41Lockout(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let token = try browser.challenged()
            for _ in 0..<5 { #expect(try gatehouse.login(password: "wrong").code == "credentials_invalid") }
            #expect(try browser.finish(token, app.nextCode()).code == "account_locked")
        }
    }

    @Test("case 51: who was blocked, or whose company was suspended, between the two proofs stays out", arguments: Stores.all)
    func case51Between(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let company = try #require(ada.companyID)
            let app = try ada.authenticator()
            var browser = Browser(gatehouse)
            let first = try browser.challenged()
            #expect(try root.patch("/companies/\(company)", ["status": "SUSPENDED"]).status == 200)
            #expect(try browser.finish(first, app.nextCode()).code == "company_suspended")
            #expect(try root.patch("/companies/\(company)", ["status": "ACTIVE"]).status == 200)
            let second = try browser.challenged()
            #expect(try root.delete("/companies/\(company)/members/\(ada.id)").status == 200)
            #expect(try browser.finish(second, app.nextCode()).code == "not_member")
            let third = try browser.challenged()
            #expect(try root.post("/users/\(ada.id)/block").status == 200)
            #expect(try browser.finish(third, app.nextCode()).code == "account_blocked")
        }
    }

    @Test("case 60: an empty step is no step", arguments: [
        JSON.object([]), ["code": ""], ["code": "123456", "method": "none"], ["code": nil], ["code": 123456],
    ])
    func case60Empty(body: JSON) async throws {
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let token = try browser.challenged()
            let members = [JSON.Member("second_factor_token", .string(token))] + (body.members ?? [])
            let reply = try browser.send("POST", "/auth/2fa/login", .object(members))
            #expect(reply.status == 400 && reply["access_token"] == nil, "\(reply.text)")
        }
    }

    @Test("codes with other digits, letters or too much of them are told apart from wrong ones", arguments: [
        ("totp", "１２３４５６"), ("totp", "12345"), ("totp", "1234567"), ("totp", "12345a"), ("totp", "٣٤٥٦٧٨"),
        ("recovery_code", "123456"), ("recovery_code", "7Q2M-0XKZ-9A4U"), ("totp", "-1-2-3-4-5-6-----------"),
    ])
    func malformed(method: String, code: String) async throws {
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let reply = try browser.finish(try browser.challenged(), code, method: method)
            #expect(reply.status == 400 && reply["errors"]?[0]?["code"] == "not_a_code", "\(reply.text)")
        }
    }
}
