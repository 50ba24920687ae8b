import Ground
import SQL
import Services
import Store
import Testing

@Suite("The same way twice is one factor") struct SameWayTwiceTests {
    /// The six digits in the newest of so many mails.
    private func code(_ mails: MailFolder, _ count: Int) async throws -> String {
        let mail = try #require(try await mails.mails(.signInCode, count).last)
        let word = mail.text.split { $0.isWhitespace }.first { $0.utf8.count == 6 && $0.allSatisfy(\.isNumber) }
        return String(try #require(word, "\(mail.text)"))
    }

    /// Somebody with a proved address.
    private func proved(_ gatehouse: Gatehouse, _ mails: MailFolder) async throws -> Member {
        let ada = try gatehouse.registered()
        let token = try await mails.mail(.emailVerification).token
        let reply = try gatehouse.client.send("POST", "/auth/email-verification/confirm", json: ["token": .string(token)])
        try #require(reply.status == 200)
        return ada
    }

    /// Comes in by the link of a mail.
    private func byLink(_ gatehouse: Gatehouse, _ mails: MailFolder, _ count: Int) async throws -> HTTPClient.Reply {
        gatehouse.clock.advance(by: .seconds(1))
        let asked = try gatehouse.client.send("POST", "/auth/magic-link/request", json: ["email": "ada@example.com"])
        let cookie = try #require(asked.cookie("gatehouse_magic_link"), "\(asked.text)")
        let token = try #require(try await mails.mails(.magicLink, count).last).token
        return try gatehouse.client.send(
            "POST", "/auth/magic-link/session", json: ["token": .string(token)],
            headers: ["Cookie": "gatehouse_magic_link=\(cookie)"])
    }

    @Test("whoever came by a link in a mail sets no code by mail up, and an app all the same", arguments: Stores.all)
    func enrolment(kind: StoreKind) async throws {
        try await withMail(on: kind, ["MAGIC_LINK": "true"]) { gatehouse, mails async throws in
            _ = try await proved(gatehouse, mails)
            let ada = try Member(gatehouse, email: "ada@example.com", reply: try await byLink(gatehouse, mails, 1))
            #expect(try ada.get("/auth/validate")["session"]?["methods"] == ["email"])
            #expect(try ada.post("/auth/2fa/setup", ["method": "email"]).code == "second_factor_unavailable")
            #expect(try ada.post("/auth/2fa/enable", ["method": "email", "code": "123456"]).code == "second_factor_unavailable")
            #expect(try mails.mails(.signInCode).isEmpty)
            _ = try ada.authenticator()
            #expect(try ada.get("/auth/validate")["session"]?["methods"] == ["email", "otp", "mfa"])
            #expect(try await gatehouse.audit("second_factor.failed").isEmpty)
        }
    }

    @Test("a code by mail proves nothing more in a session that was opened by mail", arguments: Stores.all)
    func stepUp(kind: StoreKind) async throws {
        try await withMail(on: kind, ["MAGIC_LINK": "true"]) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let other = try Member(gatehouse, email: "ada@example.com", reply: try await byLink(gatehouse, mails, 1))
            // With the password the same code is a second factor.
            try #require(try ada.post("/auth/2fa/setup", ["method": "email"]).status == 200)
            let sent = try await code(mails, 1)
            let enabled = try ada.post("/auth/2fa/enable", ["method": "email", "code": .string(sent)])
            let paper = enabled["recovery_codes"]?.array?.compactMap(\.string) ?? []
            try #require(paper.count == 10, "\(enabled.text)")
            #expect(try await byLink(gatehouse, mails, 2)["methods"] == ["recovery_code"])

            #expect(try other.post("/auth/step-up/code", ["method": "email"]).code == "second_factor_unavailable")
            for _ in 0..<7 {
                let guess: JSON = ["method": "email", "code": "123456"]
                #expect(try other.post("/auth/step-up", guess).code == "second_factor_unavailable")
            }
            #expect(try other.post("/auth/2fa/recovery-codes").code == "insufficient_user_authentication")
            #expect(try mails.mails(.signInCode).count == 1)
            #expect(try await gatehouse.audit("second_factor.failed").isEmpty)
            let proved = try other.post("/auth/step-up", ["method": "recovery_code", "code": .string(paper[0])])
            #expect(proved.status == 200, "\(proved.text)")
            #expect(try other.get("/auth/validate")["session"]?["methods"] == ["email", "otp", "mfa"])
            // Nor does it switch anything off there.
            let off: JSON = [
                "factor": "email", "method": "email", "code": "123456", "password": .string(Member.password),
            ]
            #expect(try other.post("/auth/2fa/disable", off).code == "second_factor_unavailable")
        }
    }

    @Test("a session that an older program took for two factors counts as one", arguments: Stores.all)
    func former(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["JWT_EXPIRES_IN": "1h"]) { gatehouse async throws in
            let ada = try gatehouse.registered()
            _ = try ada.authenticator()
            let id = try #require(UUID(ada.sessionID))
            func become(_ methods: String) async throws {
                _ = try await gatehouse.database.write(
                    Statement("UPDATE user_sessions SET methods = $2, authenticated_at = $3 WHERE id = $1"),
                    [id.sqlValue, methods.sqlValue, (gatehouse.clock.now + .seconds(61)).sqlValue])
                // What is remembered of it is over then.
                gatehouse.clock.advance(by: .seconds(61))
            }
            for (methods, level) in [
                ("email mfa", "aal1"), ("telegram mfa", "aal1"), ("telegram company_bot mfa", "aal1"), ("hwk mfa", "aal1"),
                ("hwk user mfa", "aal2"), ("email otp mfa", "aal2"), ("pwd email mfa", "aal2"),
            ] {
                let refusal = methods.contains("company_bot") ? "company_bot_session" : "insufficient_user_authentication"
                try await become(methods)
                #expect(try ada.get("/auth/validate")["session"]?["acr"]?.string == level, "\(methods)")
                let code = try ada.post("/auth/2fa/recovery-codes").code
                #expect(code == (level == "aal1" ? refusal : ""), "\(methods): \(code)")
            }
        }
    }

    @Test("a key that opened the session without asking for the person is no second factor in it")
    func sameKey() async throws {
        try await withGatehouse(["PASSKEY_USER_VERIFICATION": "preferred"]) { gatehouse async throws in
            var ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey()
            key.isUserVerified = false
            ada.member = try Member(gatehouse, email: "ada@example.com", reply: try ada.signIn(with: key))
            // Another key of theirs is set up there, and the session is as sure as before.
            var factor = try SoftwareAuthenticator()
            factor.isUserVerified = false
            let kept = try ada.register(factor, for: "second_factor")
            #expect(kept.status == 201 && kept["recovery_codes"]?.array?.count == 10, "\(kept.text)")
            #expect(try ada.member.get("/auth/validate")["session"]?["acr"] == "aal1")
            func shown(_ key: SoftwareAuthenticator) throws -> HTTPClient.Reply {
                let options = try ada.member.post("/auth/passkeys/step-up-options").json
                return try ada.member.post("/auth/passkeys/step-up", ["credential": key.get(options)])
            }
            #expect(try shown(factor).code == "second_factor_required")
            #expect(try ada.member.get("/auth/validate")["session"]?["acr"] == "aal1")
            key.isUserVerified = true
            #expect(try shown(key).status == 200)
            #expect(try ada.member.get("/auth/validate")["session"]?["methods"] == ["hwk", "user", "mfa"])
            #expect(try ada.member.get("/auth/validate")["session"]?["acr"] == "aal2")
        }
    }
}
