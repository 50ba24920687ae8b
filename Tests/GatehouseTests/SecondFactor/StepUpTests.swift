import Credentials
import Ground
import SQL
import Services
import Store
import Testing

@Suite("Proving oneself again") struct StepUpTests {
    /// Something that is done only by who has proved themselves of late.
    private struct Sensitive {
        let name: String
        let method: String
        let path: String
        let json: JSON?
        /// The code of what it answers where the proof is recent: none, or that something else is missing.
        let then: String
    }

    /// What asks of whoever is signed in. Each leaves the others as they were.
    private func sensitive(of ada: Member, passkey: String, over other: Member, role: String) throws -> [Sensitive] {
        let company = try #require(ada.companyID)
        let data = SignedByTelegram().initData(7, "Ada", at: ada.gatehouse.clock.now)
        return [
            Sensitive(
                name: "an address that shall be the account's", method: "POST", path: "/auth/email-change/request",
                json: ["new_email": "new@example.com"], then: ""),
            Sensitive(
                name: "a passkey to be made", method: "POST", path: "/auth/passkeys/registration-options", json: [:], then: ""),
            Sensitive(
                name: "a passkey that is made", method: "POST", path: "/auth/passkeys",
                json: ["credential": try SoftwareAuthenticator().create(["public_key": ["challenge": "AAAA"]])],
                then: "challenge_invalid"),
            Sensitive(name: "an app to be set up", method: "POST", path: "/auth/2fa/setup", json: [:], then: ""),
            Sensitive(
                name: "recovery codes", method: "POST", path: "/auth/2fa/recovery-codes", json: [:],
                then: "second_factor_unavailable"),
            Sensitive(
                name: "a factor switched off", method: "POST", path: "/auth/2fa/disable",
                json: ["password": .string(Member.password), "code": "123456"], then: "second_factor_unavailable"),
            Sensitive(
                name: "Telegram linked", method: "POST", path: "/auth/telegram/link", json: ["init_data": .string(data)],
                then: ""),
            Sensitive(name: "Telegram unlinked", method: "DELETE", path: "/auth/telegram", json: nil, then: ""),
            Sensitive(
                name: "Telegram to be linked", method: "POST", path: "/auth/telegram/link/start",
                json: ["return_to": "/"], then: "telegram_not_configured"),
            Sensitive(name: "a passkey deleted", method: "DELETE", path: "/auth/passkeys/\(passkey)", json: nil, then: ""),
            Sensitive(
                name: "one's own address", method: "PATCH", path: "/users/\(ada.id)", json: ["email": "third@example.com"],
                then: ""),
            Sensitive(
                name: "somebody's factors taken away", method: "DELETE", path: "/users/\(other.id)/second-factors", json: nil,
                then: "not_found"),
            Sensitive(
                name: "a password given", method: "POST", path: "/users/\(other.id)/password",
                json: ["password": "violet anchors hum"], then: ""),
            Sensitive(
                name: "a requirement of a company lifted", method: "PATCH", path: "/companies/\(company)",
                json: ["requires_second_factor": false], then: ""),
            Sensitive(
                name: "a requirement of a role lifted", method: "PATCH", path: "/roles/\(role)",
                json: ["requires_second_factor": false], then: ""),
        ]
    }

    private func send(_ route: Sensitive, by ada: Member) throws -> HTTPClient.Reply {
        try ada.gatehouse.client.send(route.method, route.path, json: route.json, token: ada.accessToken)
    }

    /// Somebody who may do all of it, as a SuperAdmin who has a company.
    private func prepared(_ gatehouse: Gatehouse) throws -> (Member, [Sensitive]) {
        let root = try gatehouse.superAdmin()
        let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
        _ = try ada.newPasskey()
        let passkey = try #require(try ada.member.get("/auth/passkeys")["items"]?[0]?["id"]?.string)
        try #require(try root.post("/users/\(ada.member.id)/roles", ["role": "SuperAdmin"]).status == 201)
        let company = try #require(ada.member.companyID)
        let other = try root.created("grace@example.com", company: company)
        let role = try #require(
            try root.post("/roles", ["name": "Watched", "requires_second_factor": true])["id"]?.string)
        try #require(try root.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
        return (ada.member, try sensitive(of: ada.member, passkey: passkey, over: other, role: role))
    }

    @Test("every route that must asks for a recent proof, and takes one", arguments: Stores.all)
    func everyRoute(kind: StoreKind) async throws {
        let mails = MailFolder()
        let settings = SignedByTelegram.settings.merging(mails.settings) { $1 }
        try await withGatehouse(on: kind, settings.merging(["JWT_EXPIRES_IN": "1h"]) { $1 }) { gatehouse async throws in
            let (ada, routes) = try prepared(gatehouse)
            gatehouse.clock.advance(by: .seconds(601))
            for route in routes {
                let refused = try send(route, by: ada)
                #expect(refused.status == 401, "\(route.name): \(refused.text)")
                #expect(refused.code == "insufficient_user_authentication", "\(route.name): \(refused.text)")
                #expect(refused.header("www-authenticate")?.contains("max_age=600") == true, "\(route.name)")
            }
            try #require(try ada.post("/auth/step-up", ["password": .string(Member.password)]).status == 200)
            for route in routes where route.name != "Telegram linked" && route.name != "Telegram unlinked" {
                let reply = try send(route, by: ada)
                #expect(reply.code == route.then, "\(route.name): \(reply.text)")
            }
            // Where no factor is required there is nothing to take away.
            gatehouse.clock.advance(by: .seconds(601))
            for route in routes where route.json?["requires_second_factor"] == false {
                #expect(try send(route, by: ada).status == 200, "\(route.name)")
            }
        }
    }

    @Test("a session of a company's bot is sure enough for none of them, however new it is", arguments: Stores.all)
    func boundToCompany(kind: StoreKind) async throws {
        let mails = MailFolder()
        let settings = SignedByTelegram.settings.merging(mails.settings) { $1 }
        try await withGatehouse(on: kind, settings.merging(["JWT_EXPIRES_IN": "1h"]) { $1 }) { gatehouse async throws in
            let (ada, routes) = try prepared(gatehouse)
            let session = try #require(UUID(ada.sessionID))
            gatehouse.clock.advance(by: .seconds(61))
            _ = try await gatehouse.database.write(
                Statement("UPDATE user_sessions SET methods = $2, authenticated_at = $3 WHERE id = $1"),
                [session.sqlValue, "telegram company_bot otp mfa".sqlValue, gatehouse.clock.now.sqlValue])
            for route in routes where !route.path.hasPrefix("/roles") {
                let refused = try send(route, by: ada)
                #expect(refused.status == 403 && refused.code == "company_bot_session", "\(route.name): \(refused.text)")
            }
            // What is beyond the company it may not even try.
            let role = try #require(routes.first { $0.path.hasPrefix("/roles") })
            #expect(try send(role, by: ada).code == "forbidden")
        }
    }

    @Test("a session that an older program has made says of no proof when it was, and counts as none", arguments: Stores.all)
    func former(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["JWT_EXPIRES_IN": "1h"]) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let session = try #require(UUID(ada.sessionID))
            _ = try await gatehouse.database.write(
                Statement("UPDATE user_sessions SET authenticated_at = NULL WHERE id = $1"), [session.sqlValue])
            // What is remembered of it is over then; the session is as new as any.
            gatehouse.clock.advance(by: .seconds(61))
            #expect(try ada.post("/auth/2fa/setup").code == "insufficient_user_authentication")
            #expect(try ada.get("/auth/validate")["session"]?["auth_time"] == "1970-01-01T00:00:00.000Z")
            // A new password leads to a session that has proved as little.
            let changed = try ada.post(
                "/auth/change-password",
                ["current_password": .string(Member.password), "new_password": "seventeen quiet looms"])
            let next = try Member(gatehouse, email: ada.email, reply: changed)
            #expect(try next.post("/auth/2fa/setup").code == "insufficient_user_authentication")
            #expect(try next.post("/auth/step-up", ["password": "seventeen quiet looms"]).status == 200)
            #expect(try next.post("/auth/2fa/setup").status == 200)
        }
    }

    @Test("what is sensitive asks for a recent proof, as RFC 9470 says it", arguments: Stores.all)
    func password(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(600))
            #expect(try ada.post("/auth/2fa/setup").status == 200)
            gatehouse.clock.advance(by: .seconds(1))
            let refused = try ada.post("/auth/2fa/setup")
            #expect(refused.status == 401 && refused.code == "insufficient_user_authentication")
            #expect(
                refused.header("www-authenticate")
                    == "Bearer realm=\"gatehouse\", error=\"insufficient_user_authentication\", max_age=600, acr_values=\"aal1\"")
            #expect(try ada.post("/auth/step-up", ["password": "wrong"]).code == "credentials_invalid")
            #expect(try ada.post("/auth/step-up").code == "validation_failed")
            let proved = try ada.post("/auth/step-up", ["password": .string(Member.password)])
            #expect(proved.status == 200, "\(proved.text)")
            let claims = try Member.claims(try #require(proved["access_token"]?.string))
            #expect(claims["auth_time"]?.integer == gatehouse.clock.now.seconds && claims["acr"] == "aal1")
            // The session has proved it: the old token is as good.
            #expect(try ada.post("/auth/2fa/setup").status == 200)
            #expect(try await gatehouse.audit("session.stepped_up").count == 1)
        }
    }

    @Test("whoever has a second factor proves that one, and no password instead", arguments: Stores.all)
    func secondFactor(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["JWT_EXPIRES_IN": "1h"]) { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let ada = try browser.signedIn(app)
            gatehouse.clock.advance(by: .seconds(601))
            let refused = try ada.post("/auth/2fa/recovery-codes")
            #expect(refused.header("www-authenticate")?.contains("acr_values=\"aal2\"") == true)
            #expect(try ada.post("/auth/step-up", ["password": .string(Member.password)]).code == "second_factor_required")
            #expect(try ada.post("/auth/step-up", ["code": .string(app.wrongCode())]).code == "code_invalid")
            #expect(try ada.post("/auth/2fa/verify", ["code": .string(app.nextCode())]).status == 200)
            #expect(try ada.post("/auth/2fa/recovery-codes").status == 201)
            gatehouse.clock.advance(by: .seconds(601))
            #expect(try ada.post("/auth/step-up", ["code": .string(app.recoveryCodes[0]), "method": "recovery_code"]).code == "code_invalid")
            #expect(try ada.post("/auth/step-up", ["code": .string(app.nextCode())]).status == 200)
        }
    }

    @Test("a session that never showed the second factor shows it before it changes any", arguments: Stores.all)
    func otherSession(kind: StoreKind) async throws {  // case 33
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let other = try gatehouse.signedIn()
            let app = try ada.authenticator()
            let off: JSON = ["password": .string(Member.password), "code": .string(app.nextCode())]
            #expect(try other.post("/auth/2fa/disable", off).code == "insufficient_user_authentication")
            #expect(try other.post("/auth/2fa/recovery-codes").code == "insufficient_user_authentication")
            #expect(try other.get("/auth/2fa")["enabled"] == true)
            #expect(try other.post("/auth/step-up", ["code": .string(app.code())]).status == 200)
            #expect(try other.get("/auth/validate")["session"]?["methods"] == ["pwd", "otp", "mfa"])
            #expect(
                try other.post("/auth/2fa/disable", ["password": .string(Member.password), "code": .string(app.nextCode())])
                    .status == 200)
        }
    }

    @Test("guesses in a session lock the account like any other")
    func lockout() async throws {  // case 41
        try await withGatehouse { gatehouse async throws in
            let ada = try gatehouse.registered()
            for _ in 0..<5 { #expect(try ada.post("/auth/step-up", ["password": "wrong"]).code == "credentials_invalid") }
            #expect(try ada.post("/auth/step-up", ["password": .string(Member.password)]).code == "account_locked")
            #expect(try gatehouse.login().code == "account_locked")
            #expect(try await gatehouse.audit("account.locked").count == 1)
        }
    }

    @Test("Telegram is taken off only by who has proved themselves of late")
    func unlinking() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let ada = try gatehouse.registered()
            let data = SignedByTelegram().initData(7, "Ada", at: gatehouse.clock.now)
            #expect(try ada.post("/auth/telegram/link", ["init_data": .string(data)]).status == 200)
            gatehouse.clock.advance(by: .seconds(601))
            #expect(try ada.delete("/auth/telegram").code == "insufficient_user_authentication")
            #expect(try ada.post("/auth/step-up", ["password": .string(Member.password)]).status == 200)
            #expect(try ada.delete("/auth/telegram").status == 200)
        }
    }
}
