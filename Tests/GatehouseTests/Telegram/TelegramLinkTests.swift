import Ground
import Testing

@Suite("Binding an account to Telegram") struct TelegramLinkTests {
    private let signer = SignedByTelegram()

    @Test("who is signed in binds the account, and comes in through Telegram from then on", arguments: Stores.all)
    func link(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let ada = try gatehouse.registered()
            let proof = signer.widget(42, at: gatehouse.clock.now)
            let linked = try gatehouse.telegram(proof, to: "/auth/telegram/link", token: ada.accessToken)
            #expect(linked.status == 200 && linked["telegram_id"] == 42, "\(linked.text)")
            #expect(try gatehouse.telegram(proof).code == "telegram_data_replayed")
            let reply = try gatehouse.miniApp(42)
            #expect(reply["user"]?["id"]?.string == ada.id && reply["company"]?["id"]?.string == ada.companyID)
            #expect(try await gatehouse.audit("telegram.linked").first?.userID?.description == ada.id)
            #expect(try ada.delete("/auth/telegram").status == 200)
            #expect(try ada.delete("/auth/telegram").status == 404)
            #expect(try gatehouse.miniApp(42)["user"]?["id"]?.string != ada.id)
        }
    }

    @Test("nobody takes another's person of Telegram, and an account belongs to one", arguments: Stores.all)
    func taken(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let ada = try gatehouse.registered()
            let grace = try gatehouse.registered("grace@example.com")
            func link(_ id: Int64, _ member: Member) throws -> HTTPClient.Reply {
                let data = signer.initData(id, at: gatehouse.clock.now, queryID: "\(RandomSource.system.uint64())")
                return try gatehouse.telegram(["init_data": .string(data)], to: "/auth/telegram/link", token: member.accessToken)
            }
            #expect(try link(1, ada).status == 200)
            #expect(try link(1, ada).status == 200)
            let stolen = try link(1, grace)
            #expect(stolen.status == 409 && stolen.code == "telegram_taken")
            let second = try link(2, ada)
            #expect(second.status == 409 && second.code == "telegram_linked")
            #expect(try gatehouse.telegram(signer.widget(3, at: gatehouse.clock.now), to: "/auth/telegram/link").status == 401)
        }
    }

    @Test("the last way in stays")
    func lastWayIn() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            let refused = try ada.delete("/auth/telegram")
            #expect(refused.status == 409 && refused.code == "last_way_in")
            #expect(try gatehouse.miniApp(42)["user"]?["id"]?.string == ada.id)
        }
    }

    @Test("who is erased is a stranger to Telegram's doors again", arguments: Stores.all)
    func erased(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            let code = try await gatehouse.services.referrals.code(of: try #require(UUID(ada.id)))
            try await gatehouse.store.writing.telegramChats.note(bot: 110_201_543, telegramID: 42, language: "ru", at: gatehouse.clock.now)
            let kept = try ada.get("/users/\(ada.id)/export")
            #expect(kept["telegram"]?["telegram_id"] == 42 && kept["telegram"]?["bots"] == [110_201_543])
            #expect(kept["referrals"]?["code"]?.string == code)
            #expect(try root.get("/users/\(ada.id)")["telegram"]?["telegram_id"] == 42)
            #expect(try root.delete("/users/\(ada.id)").status == 200)
            let erased = try root.post("/users/\(ada.id)/erase")
            #expect(erased.status == 200, "\(erased.text)")
            #expect(try await gatehouse.store.reading.telegramChats.all(of: 42).isEmpty)
            let stranger = try gatehouse.miniApp(42)
            #expect(stranger.status == 200 && stranger["user"]?["id"]?.string != ada.id)
        }
    }
}
