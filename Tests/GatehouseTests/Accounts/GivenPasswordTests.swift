import Ground
import SQL
import Store
import Testing

@Suite("Passwords that administrators give") struct GivenPasswordTests {
    @Test("it ends what there was, and opens nothing but the choice of another", arguments: Stores.all)
    func given(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["MAX_LOGIN_ATTEMPTS": "3"]) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            let before = try root.get("/users/\(grace.id)")["user"]?["last_login_at"]
            for _ in 0..<3 { _ = try gatehouse.login(grace.email, password: "wrong") }
            #expect(try gatehouse.login(grace.email).code == "account_locked")

            let given = try root.post("/users/\(grace.id)/password")
            let password = try #require(given["password"]?.string, "\(given.text)")
            #expect(given.status == 200 && given["user"]?["id"]?.string == grace.id)
            #expect(try !grace.isSignedIn())
            #expect(try gatehouse.refresh(grace.refreshToken).code == "session_ended")
            #expect(try root.get("/users/\(grace.id)")["user"]?["last_login_at"] == before)
            #expect(try gatehouse.login(grace.email).code == "credentials_invalid")

            let login = try gatehouse.login(grace.email, password: password)
            #expect(login["requires_password_change"] == true && login["access_token"] == nil)
            let token = try #require(login["password_change_token"]?.string)
            func choose(_ new: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/first-login/change-password",
                    json: ["password_change_token": .string(token), "new_password": .string(new)])
            }
            #expect(try choose(password)["errors"]?[0]?["code"] == "password_unchanged")
            let entries = try await gatehouse.audit("sign_in.succeeded").count
            #expect(try choose("violet anchors hum").status == 200)
            let rows = try await gatehouse.audit("sign_in.succeeded")
            #expect(rows.count == entries + 1)
            #expect(rows.contains { $0.metadata.contains("\"method\":\"pwd\",\"amr\":[\"pwd\"]") })
            let reset = try await gatehouse.audit("password.reset")
            #expect(reset.map { $0.actorID?.description } == [root.id] && reset.map { $0.userID?.description } == [grace.id])
        }
    }

    @Test("one that is given by word is held to the rules, and shown to nobody")
    func chosen() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            let path = "/users/\(grace.id)/password"
            #expect(try root.post(path, ["password": "short"])["errors"]?[0]?["field"] == "password")
            #expect(try root.post(path, ["passwort": "violet anchors hum"]).code == "validation_failed")
            #expect(try grace.isSignedIn())
            let given = try root.post(path, ["password": "violet anchors hum"])
            #expect(given.status == 200 && given["password"] == .null)
            #expect(try gatehouse.login(grace.email, password: "violet anchors hum")["requires_password_change"] == true)
        }
    }

    @Test("nobody gives one to themselves, to those above them, nor with a proof that is old", arguments: Stores.all)
    func refused(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["JWT_EXPIRES_IN": "1h"]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let admin = try root.created("admin@example.com", roles: ["Admin"])
            let grace = try root.created("grace@example.com")
            #expect(try admin.post("/users/\(admin.id)/password").code == "forbidden")
            #expect(try admin.post("/users/\(root.id)/password").code == "forbidden")
            #expect(try grace.post("/users/\(admin.id)/password").code == "forbidden")
            #expect(try admin.post("/users/\(UUID(high: 1, low: 1))/password").code == "not_found")
            #expect(try root.isSignedIn() && admin.isSignedIn())
            gatehouse.clock.advance(by: .seconds(601))
            #expect(try admin.post("/users/\(grace.id)/password").code == "insufficient_user_authentication")
            #expect(try grace.isSignedIn())
        }
    }

    @Test("the person is told, not of whom it comes from; links in mails and what waits for a second factor are over")
    func told() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            let link: JSON = ["email": .string(ada.email)]
            #expect(try gatehouse.client.send("POST", "/auth/password-reset/request", json: link).status < 300)
            let reset = try await mails.mail(.passwordReset).token
            gatehouse.clock.advance(by: .seconds(30))
            var browser = Browser(gatehouse)
            let challenge = try browser.challenged()
            #expect(try root.post("/users/\(ada.id)/password").status == 200)
            #expect(try await !mails.mail(.passwordChanged).text.contains("127.0.0.1"))
            #expect(try browser.finish(challenge, app.code()).code == "token_invalid")
            let confirmed = try gatehouse.client.send(
                "POST", "/auth/password-reset/confirm",
                json: ["token": .string(reset), "new_password": "seventeen violet looms"])
            #expect(confirmed.code == "link_invalid")
        }
    }

    @Test("a forced change behind a second factor is one sign-in, with all that was proved and the device that is new")
    func forcedChange() async throws {
        try await withGatehouse(["TRUSTED_PROXIES": "127.0.0.1"]) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            var known = Browser(gatehouse)
            _ = try known.signedIn(app)
            #expect(try root.post("/users/\(ada.id)/require-password-change").status == 200)
            gatehouse.clock.advance(by: .seconds(60))
            var other = Browser(gatehouse, headers: ["X-Forwarded-For": "203.0.113.9"])
            let asked = try other.finish(try other.challenged(), app.code())
            let token = try #require(asked["password_change_token"]?.string, "\(asked.text)")
            let before = try await gatehouse.audit("sign_in.succeeded").count
            let chosen = try other.send(
                "POST", "/auth/first-login/change-password",
                ["password_change_token": .string(token), "new_password": "violet anchors hum"])
            #expect(chosen.status == 200, "\(chosen.text)")
            let rows = try await gatehouse.audit("sign_in.succeeded")
            let row = try #require(rows.first { $0.metadata.contains("\"amr\"") })
            #expect(rows.count == before + 1)
            #expect(row.metadata.contains("[\"pwd\",\"otp\",\"mfa\"]") && row.metadata.contains("new_device"), "\(row.metadata)")
        }
    }

    @Test("whoever has no address has no use for one")
    func withoutAddress() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let data = SignedByTelegram().initData(7, "Ada", at: gatehouse.clock.now)
            let ada = try gatehouse.telegram(["init_data": .string(data)])
            let id = try #require(ada["user"]?["id"]?.string, "\(ada.text)")
            #expect(try root.post("/users/\(id)/password")["errors"]?[0]?["code"] == "no_email")
        }
    }

    @Test("a second factor is asked for as ever, by a browser that was remembered too", arguments: Stores.all)
    func secondFactor(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            gatehouse.clock.advance(by: .seconds(60))
            var browser = Browser(gatehouse)
            #expect(try browser.finish(try browser.challenged(), app.code(), .init("remember_device", true)).status == 200)
            #expect(try browser.login()["access_token"] != nil)
            try #require(try root.post("/users/\(ada.id)/password", ["password": "violet anchors hum"]).status == 200)
            #expect(try browser.login(password: "violet anchors hum")["second_factor_required"] == true)
        }
    }

    @Test("after a reset by mail nobody has signed in")
    func resetIsNoSignIn() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let before = try ada.get("/auth/validate")["user"]?["last_login_at"]
            gatehouse.clock.advance(by: .seconds(60))
            #expect(
                try gatehouse.client.send("POST", "/auth/password-reset/request", json: ["email": .string(ada.email)]).status < 300)
            let token = try await mails.mail(.passwordReset).token
            let confirmed = try gatehouse.client.send(
                "POST", "/auth/password-reset/confirm",
                json: ["token": .string(token), "new_password": "violet anchors hum"])
            try #require(confirmed.status == 200, "\(confirmed.text)")
            let id = try #require(UUID(ada.id))
            let user = try #require(try await gatehouse.store.reading.users.find(id))
            #expect(user.lastLoginAt.map { JSON.string($0.rfc3339) } ?? .null == before)
        }
    }
}
