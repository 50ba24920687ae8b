import Ground
import Testing

@Suite("Second factors that nobody asks for") struct UnaskedFactorTests {
    @Test("a factor that is not set up is refused, and is no failure: not at the challenge, not at the account", arguments: Stores.all)
    func signIn(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let token = try browser.challenged()
            // One guess is left then.
            for _ in 0..<4 { #expect(try browser.finish(token, app.wrongCode()).code == "code_invalid") }
            for _ in 0..<7 {
                for method in ["email", "telegram"] {
                    #expect(try browser.finish(token, "123456", method: method).code == "second_factor_unavailable")
                }
                let enrolment = try browser.send(
                    "POST", "/auth/2fa/enrolment", ["second_factor_token": .string(token), "code": "123456"])
                #expect(enrolment.code == "second_factor_unavailable", "\(enrolment.text)")
            }
            #expect(try browser.finish(token, app.nextCode()).status == 200)
            #expect(try await gatehouse.audit("second_factor.failed").count == 4)
            #expect(try await gatehouse.audit("account.locked").isEmpty)
        }
    }

    @Test("an account that is locked is not asked about what it has not", arguments: Stores.all)
    func locked(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            for _ in 0..<5 { #expect(try ada.post("/auth/step-up", ["code": .string(app.wrongCode())]).code == "code_invalid") }
            #expect(try ada.post("/auth/step-up", ["code": .string(app.nextCode())]).code == "account_locked")
            #expect(
                try ada.post("/auth/step-up", ["code": "123456", "method": "email"]).code == "second_factor_unavailable")
        }
    }

    @Test("in a session too, whatever it is for", arguments: Stores.all)
    func session(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            for _ in 0..<7 {
                for method: JSON in ["email", "telegram"] {
                    let guess: JSON = ["code": "123456", "method": method]
                    #expect(try ada.post("/auth/step-up", guess).code == "second_factor_unavailable")
                    #expect(try ada.post("/auth/2fa/verify", guess).code == "second_factor_unavailable")
                    #expect(try ada.post("/auth/step-up/code", ["method": method]).code == "second_factor_unavailable")
                    let off: JSON = ["password": .string(Member.password), "code": "123456", "method": method]
                    #expect(try ada.post("/auth/2fa/disable", off).code == "second_factor_unavailable")
                }
            }
            #expect(try ada.post("/auth/step-up", ["code": .string(app.nextCode())]).status == 200)
            #expect(try await gatehouse.audit("second_factor.failed").isEmpty)
        }
    }
}
