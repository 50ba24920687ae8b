import Ground
import Services
import Testing

@Suite("One-time codes of the bot", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct SignInCodeTests {
    private func code(_ talk: Conversation, _ person: Int64) async throws -> String {
        let text = try await talk.ask(person, "/code")
        return try #require(text.split(separator: "\n").first.map(String.init), "\(text)")
    }

    private func use(_ code: String, _ talk: Conversation) throws -> HTTPClient.Reply {
        try talk.gatehouse.client.send("POST", "/auth/telegram/code", json: ["code": .string(code)])
    }

    @Test("a code signs in once, and is nowhere to be read", arguments: Stores.all)
    func once(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member()
            let code = try await code(talk, ada)
            #expect(code.filter(\.isNumber).count == 12)
            let reply = try use(code, talk)
            try #require(reply.status == 200, "\(reply.text)")
            #expect(reply["user"]?["id"]?.string == member.id)
            #expect(try talk.gatehouse.refresh(try #require(reply["refresh_token"]?.string)).status == 200)
            let again = try use(code, talk)
            #expect(again.status == 401 && again.code == "code_invalid")
            let digits = code.filter(\.isNumber)
            _ = try await talk.gatehouse.letter(of: talk.telegram) { $0.payload == "{}" }
            for letter in try await talk.gatehouse.letters(of: talk.telegram) {
                #expect(!letter.payload.contains(code) && !letter.payload.contains(digits))
            }
            for row in try await talk.gatehouse.audit() { #expect(!row.metadata.contains(String(digits.suffix(8)))) }
        }
    }

    @Test("codes at the same moment are one sign-in", arguments: Stores.all)
    func atOnce(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, _) = try talk.member()
            let code = try await code(talk, ada)
            let request = HTTPClient.request("POST", "/auth/telegram/code", json: ["code": .string(code)])
            let replies = try talk.gatehouse.client.sendAtOnce(Array(repeating: request, count: 4))
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.code == "code_invalid" }.count == 3)
        }
    }

    @Test("a code ends after five minutes, with the next one, and with five wrong guesses", arguments: Stores.all)
    func ends(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, _) = try talk.member()
            let old = try await code(talk, ada)
            let guessed = try await code(talk, ada)
            #expect(try use(old, talk).code == "code_invalid")
            for _ in 0..<5 {
                let wrong = guessed.prefix(10) + (guessed.hasSuffix("1111") ? "2222" : "1111")
                #expect(try use(String(wrong), talk).code == "code_invalid")
            }
            #expect(try use(guessed, talk).code == "code_invalid")
            #expect(try await talk.gatehouse.audit("sign_in.failed").count == 7)
            let late = try await code(talk, ada)
            talk.gatehouse.clock.advance(by: .seconds(301))
            #expect(try use(late, talk).code == "code_invalid")
        }
    }

    @Test("who was blocked, or belongs to nobody any more, comes in by no code")
    func blocked() async throws {
        try await withConversation { talk async throws in
            let root = try talk.gatehouse.superAdmin()
            let (ada, member) = try talk.member()
            let code = try await code(talk, ada)
            #expect(try root.post("/users/\(member.id)/block").status == 200)
            #expect(try use(code, talk).code == "account_blocked")
            #expect(try use("1234 5678", talk).code == "validation_failed")
            #expect(try use("123456789012x", talk).code == "validation_failed")
        }
    }
}
