import Credentials
import Ground
import Testing

@Suite("Proving oneself again") struct StepUpTests {
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
