import Ground
import SQL
import Testing

@Suite("Finding people by what Telegram calls them") struct TelegramSearchTests {
    private let signer = SignedByTelegram()

    private func initData(_ gatehouse: Gatehouse, _ id: Int64, _ first: String, _ username: String?) -> JSON {
        let more: [JSON.Member] = [.init("last_name", "Kovalevskaya")] + (username.map { [.init("username", .string($0))] } ?? [])
        let data = signer.initData(
            id, first, at: gatehouse.clock.now, queryID: "\(RandomSource.system.uint64())", user: more)
        return ["init_data": .string(data)]
    }

    private func found(_ root: Member, _ words: String) throws -> [String] {
        let reply = try root.get("/users?search=\(words)")
        try #require(reply.status == 200, "\(reply.text)")
        return (reply["items"]?.array ?? []).compactMap { $0["id"]?.string }
    }

    @Test("who is linked is found by each name, who is renamed by the new ones, and who is unlinked by none", arguments: Stores.all)
    func names(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try found(root, "sofya").isEmpty)
            let linked = try ada.post("/auth/telegram/link", initData(gatehouse, 42, "Sofya", "Sonya_K"))
            try #require(linked.status == 200, "\(linked.text)")
            for words in ["sofya", "kovalev", "sonya_k", "%40SONYA", "%40sonya%20lovelace"] {
                #expect(try found(root, words) == [ada.id], "\(words)")
            }
            // Her own name stays as she has chosen it, so only what Telegram says is another.
            #expect(try gatehouse.telegram(initData(gatehouse, 42, "Sophie", "sophie")).status == 200)
            for words in ["sophie", "%40sophie", "lovelace", "ada%40example.com"] {
                #expect(try found(root, words) == [ada.id], "\(words)")
            }
            for words in ["sofya", "sonya_k"] { #expect(try found(root, words).isEmpty, "\(words)") }
            // A change of the account leaves them.
            #expect(try ada.patch("/auth/profile", ["name": "Augusta King"]).status == 200)
            #expect(try found(root, "augusta%20sophie") == [ada.id])
            #expect(try ada.delete("/auth/telegram").status == 200)
            for words in ["sophie", "kovalev"] { #expect(try found(root, words).isEmpty, "\(words)") }
            #expect(try found(root, "augusta") == [ada.id])
        }
    }

    @Test("who comes in through Telegram, and who was erased and restored, is found as they should be", arguments: Stores.all)
    func newcomers(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let sofya = try Member(gatehouse, email: "", reply: try gatehouse.telegram(initData(gatehouse, 7, "Sofya", "sonya")))
            #expect(try found(root, "%40sonya") == [sofya.id])
            #expect(try root.delete("/users/\(sofya.id)").status == 200)
            #expect(try root.post("/users/\(sofya.id)/restore").status == 200)
            #expect(try found(root, "%40sonya") == [sofya.id])
            #expect(try root.post("/users/\(sofya.id)/erase").status == 200)
            #expect(try found(root, "%40sonya").isEmpty)
        }
    }

    @Test("those who were linked before are found once the server has written their words, and again a day later", arguments: Stores.all)
    func backfill(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let people = try (1...3).map { number in
                try Member(
                    gatehouse, email: "",
                    reply: try gatehouse.telegram(initData(gatehouse, Int64(number), "Sofya", "sonya\(number)")))
            }
            /// As a program of the version before leaves them.
            func forget() async throws {
                _ = try await gatehouse.database.write(Statement("DELETE FROM user_words WHERE word LIKE 'sonya%'"), [])
            }
            let chores = gatehouse.services.housekeeping
            try await forget()
            #expect(try found(root, "sonya").isEmpty)
            #expect(try await chores.writeMissingWords() == 3)
            #expect(try Set(found(root, "sonya")) == Set(people.map(\.id)))
            try await forget()
            #expect(try await chores.writeMissingWords() == 0)
            gatehouse.clock.advance(by: .seconds(86400))
            #expect(try await chores.writeMissingWords() == 3)
            let later = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            #expect(try found(later, "sonya").count == 3)
            gatehouse.clock.advance(by: .seconds(10 * 86400))
            #expect(try await chores.writeMissingWords() == 0)
            #expect(try await gatehouse.store.reading.backfills.position(of: "telegram_words", at: gatehouse.clock.now) == nil)
        }
    }

    @Test("a known person who comes in unchanged costs no statement for it", arguments: Stores.all)
    func unchanged(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            func enter(_ username: String) async throws -> [String] {
                try await gatehouse.database.statements { () async throws in
                    #expect(try gatehouse.telegram(initData(gatehouse, 42, "Sofya", username)).status == 200)
                }
            }
            #expect(try await enter("sonya").contains { $0.contains("user_words") })
            _ = try await enter("sonya")
            let again = try await enter("sonya")
            #expect(!again.isEmpty && again.allSatisfy { !$0.contains("user_words") && !$0.contains("backfills") })
            #expect(try await enter("sophie").contains { $0.contains("user_words") })
        }
    }
}
