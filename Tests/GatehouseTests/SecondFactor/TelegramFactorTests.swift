import Credentials
import Ground
import Testing

@Suite("Codes that a bot tells", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct TelegramFactorTests {
    /// The six digits in what the bot said last.
    private func code(_ talk: Conversation, _ person: Int64, after count: Int) async throws -> String {
        let text = try #require(try await talk.telegram.said(person, count + 1).last?["text"]?.string)
        let code = String(text.prefix { $0.isNumber })
        try #require(code.count == 6, "\(text)")
        return code
    }

    @Test("a code of the bot is a second factor beside the password, and none beside Telegram", arguments: Stores.all)
    func wholeWay(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let gatehouse = talk.gatehouse
            let ada = try gatehouse.registered()
            #expect(try ada.post("/auth/2fa/setup", ["method": "telegram"]).code == "second_factor_unavailable")
            let person = try talk.link(ada, "Ada")
            _ = try await talk.ask(person, "/start")
            #expect(try ada.post("/auth/2fa/setup", ["method": "telegram"]).status == 200)
            let first = try await code(talk, person, after: 1)
            let enabled = try ada.post("/auth/2fa/enable", ["method": "telegram", "code": .string(first)])
            #expect(enabled.status == 200 && enabled["recovery_codes"]?.array?.count == 10, "\(enabled.text)")
            let paper = enabled["recovery_codes"]?.array?.compactMap(\.string) ?? []

            var browser = Browser(gatehouse)
            let asked = try browser.login()
            #expect(asked["methods"] == ["telegram", "recovery_code"])
            let token = try #require(asked["second_factor_token"])
            let order: JSON = ["second_factor_token": token, "method": "telegram"]
            // A code for setting up is none for signing in.
            #expect(try browser.finish(token.string ?? "", first, method: "telegram").code == "code_invalid")
            #expect(try browser.send("POST", "/auth/2fa/code", order).status == 202)
            let stale = try await code(talk, person, after: 2)
            #expect(try browser.send("POST", "/auth/2fa/code", order).status == 202)
            let second = try await code(talk, person, after: 3)
            if stale != second {
                #expect(try browser.finish(token.string ?? "", stale, method: "telegram").code == "code_invalid")
            }
            let done = try browser.finish(token.string ?? "", second, method: "telegram")
            #expect(done.status == 200, "\(done.text)")
            #expect(try Member.claims(done["access_token"]?.string ?? "")["amr"] == ["pwd", "telegram", "mfa"])

            // By Telegram first, Telegram is no second.
            let first2 = try gatehouse.miniApp(person, "Ada", signer: SignedByTelegram(talk.telegram.token.text))
            #expect(first2["methods"] == ["recovery_code"], "\(first2.text)")
            // Nor is it in the bot itself.
            #expect(try await talk.ask(person, "/sessions").contains("Send me one of your recovery codes"))
            // As long as codes come that way, it is not taken off.
            let member = try Member(gatehouse, email: ada.email, reply: done)
            #expect(try member.delete("/auth/telegram").code == "second_factor_enabled")
            let off = try member.post(
                "/auth/2fa/disable",
                [
                    "factor": "telegram", "password": .string(Member.password), "method": "recovery_code",
                    "code": .string(paper[0]),
                ])
            #expect(off.status == 200, "\(off.text)")
            #expect(try await talk.telegram.said(person, 6).last?["text"]?.string?.contains("switched off") == true)
            #expect(try member.delete("/auth/telegram").status == 200)
        }
    }

    @Test("whoever came by Telegram is told no code to prove anything beside, and sets none up")
    func sameWay() async throws {
        try await withConversation { talk async throws in
            let gatehouse = talk.gatehouse
            let ada = try gatehouse.registered()
            let person = try talk.link(ada, "Ada")
            _ = try await talk.ask(person, "/start")
            let signer = SignedByTelegram(talk.telegram.token.text)
            let other = try Member(gatehouse, email: ada.email, reply: try gatehouse.miniApp(person, "Ada", signer: signer))
            #expect(try other.post("/auth/2fa/setup", ["method": "telegram"]).code == "second_factor_unavailable")
            let guess: JSON = ["method": "telegram", "code": "123456"]
            #expect(try other.post("/auth/2fa/enable", guess).code == "second_factor_unavailable")
            #expect(try ada.post("/auth/2fa/setup", ["method": "telegram"]).status == 200)
            let sent = try await code(talk, person, after: 1)
            #expect(try ada.post("/auth/2fa/enable", ["method": "telegram", "code": .string(sent)]).status == 200)
            #expect(try other.post("/auth/step-up/code", ["method": "telegram"]).code == "second_factor_unavailable")
            for _ in 0..<6 { #expect(try other.post("/auth/step-up", guess).code == "second_factor_unavailable") }
            #expect(try ada.post("/auth/step-up/code", ["method": "telegram"]).status == 202)
            #expect(try await gatehouse.audit("second_factor.failed").isEmpty)
        }
    }

    @Test("a code of the bot steps up, and only in the session that asked")
    func stepUp() async throws {
        try await withConversation { talk async throws in
            let gatehouse = talk.gatehouse
            let ada = try gatehouse.registered()
            let person = try talk.link(ada, "Ada")
            _ = try await talk.ask(person, "/start")
            _ = try ada.post("/auth/2fa/setup", ["method": "telegram"])
            let setup = try await code(talk, person, after: 1)
            #expect(try ada.post("/auth/2fa/enable", ["method": "telegram", "code": .string(setup)]).status == 200)
            #expect(try ada.post("/auth/step-up/code", ["method": "telegram"]).status == 202)
            let sent = try await code(talk, person, after: 2)
            var browser = Browser(gatehouse)
            #expect(try browser.finish(try browser.challenged(), sent, method: "telegram").code == "code_invalid")
            #expect(try ada.post("/auth/step-up", ["method": "telegram", "code": .string(sent)]).status == 200)
            #expect(try ada.post("/auth/step-up", ["method": "telegram", "code": .string(sent)]).code == "code_invalid")
        }
    }
}
