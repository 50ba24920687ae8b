import Ground
import Testing

@Suite("Bots", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence)) struct BotAdministrationTests {
    @Test("a bot is added with its token, opens its doors and no others, and is forgotten", arguments: Stores.all)
    func life(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withGatehouse(on: kind, ["TELEGRAM_API_URL": Stores.telegram ?? ""]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let signer = SignedByTelegram(telegram.token.text)
            #expect(try gatehouse.miniApp(1, signer: signer).code == "telegram_not_configured")
            let made = try root.post(
                "/telegram/bots",
                ["token": .string(telegram.token.text), "doors": ["mini_app"], "auto_create": true, "client_secret": "vPzNk0b8q2RsU4wX"])
            try #require(made.status == 201, "\(made.text)")
            #expect(made["id"]?.integer == telegram.token.botID && made["username"]?.string == telegram.username)
            #expect(made["has_client_secret"] == true && !made.text.contains(telegram.token.text))
            #expect(try gatehouse.miniApp(1, signer: signer).status == 200)
            let unknown = try gatehouse.telegram(signer.widget(1, at: gatehouse.clock.now), query: "?bot_id=7")
            #expect(unknown.status == 400 && unknown["errors"]?[0]?["code"] == "no_such_bot")
            let closed = try gatehouse.telegram(signer.widget(1, at: gatehouse.clock.now))
            #expect(closed.status == 403 && closed.code == "door_closed")
            let path = "/telegram/bots/\(telegram.token.botID)"
            #expect(try root.patch(path, ["doors": ["widget"]]).status == 200)
            #expect(try gatehouse.telegram(signer.widget(1, at: gatehouse.clock.now)).status == 200)
            #expect(try gatehouse.miniApp(1, signer: signer).code == "door_closed")
            let again = try root.post("/telegram/bots", ["token": .string(telegram.token.text)])
            #expect(again.status == 409 && again.code == "bot_taken")
            #expect(try root.get("/telegram/bots")["items"]?.array?.count == 1)
            // Nothing of the token lies open in the database.
            let row = try #require(try await gatehouse.store.reading.telegramBots.find(telegram.token.botID, within: nil))
            #expect(!String(decoding: row.token, as: UTF8.self).contains(telegram.token.text.suffix(10)))
            #expect(try root.delete(path).status == 200)
            #expect(try root.get(path).status == 404)
            #expect(try gatehouse.telegram(signer.widget(2, at: gatehouse.clock.now)).code == "telegram_not_configured")
            #expect(try await gatehouse.audit().filter { $0.event.hasPrefix("telegram_bot.") }.count == 3)
        }
    }

    @Test("what Telegram does not know as a bot's token is refused, and no answer says so")
    func refused() async throws {
        let telegram = try LocalTelegram()
        try await withGatehouse(["TELEGRAM_API_URL": Stores.telegram ?? ""]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let unknown = try root.post("/telegram/bots", ["token": .string(SignedByTelegram.token)])
            #expect(unknown.status == 400 && unknown.code == "bot_token_refused")
            try telegram.fails("getMe", .code(502))
            let dropped = try root.post("/telegram/bots", ["token": .string(telegram.token.text)])
            #expect(dropped.status == 503 && dropped.code == "telegram_unreachable")
            #expect(try root.post("/telegram/bots", ["token": "110201543"]).code == "validation_failed")
            #expect(try root.post("/telegram/bots", ["token": .string(telegram.token.text), "doors": ["window"]]).status == 400)
            #expect(try root.get("/telegram/bots/abc").status == 404)
        }
    }

    @Test("a bot is nobody's but whose permission holds everywhere", arguments: Stores.all)
    func everywhereOnly(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["TELEGRAM_API_URL": Stores.telegram ?? ""]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try root.post("/roles", ["name": "Botmaster", "permissions": ["telegram:manage"]]).status == 201)
            #expect(try root.post("/users/\(ada.id)/roles", ["role": "Botmaster", "company_id": JSON(ada.companyID)]).status == 201)
            let refused = try ada.post("/telegram/bots", ["token": .string(try LocalTelegram().token.text)])
            #expect(refused.status == 403 && refused.code == "forbidden", "\(refused.text)")
            #expect(try ada.get("/telegram/bots").status == 403)
        }
    }

    @Test("through a company's bot come its people and nobody else", arguments: Stores.all)
    func company(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withGatehouse(on: kind, ["TELEGRAM_API_URL": Stores.telegram ?? ""]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let made = try root.post(
                "/telegram/bots",
                ["token": .string(telegram.token.text), "company_id": JSON(ada.companyID), "auto_create": true])
            try #require(made.status == 201, "\(made.text)")
            let signer = SignedByTelegram(telegram.token.text)
            let stranger = try gatehouse.miniApp(7, signer: signer)
            #expect(stranger["company"]?["id"]?.string == ada.companyID)
            let data = signer.initData(8, at: gatehouse.clock.now)
            #expect(try gatehouse.telegram(["init_data": .string(data)], to: "/auth/telegram/link", token: root.accessToken).status == 200)
            // Who has the token of that bot could sign this: it must not open what belongs to others.
            #expect(try gatehouse.miniApp(8, signer: signer).code == "access_required")
            let rootID: JSON = ["user_id": .string(root.id)]
            #expect(try root.post("/companies/\(ada.companyID ?? "")/members", rootID).status == 200)
            let above = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(8, signer: signer))
            #expect(above.id == root.id)
            #expect(try above.get("/users").status == 403)
            #expect(try root.get("/auth/permissions").text.contains("\"*\""))
            #expect(try !above.get("/auth/permissions").text.contains("\"*\""))
            #expect(try above.post("/authorize", ["permission": "users:read"])["allowed"] == false)
            let member = try Member(gatehouse, email: "", reply: stranger)
            let other = try root.post("/companies", ["name": "Difference Engines"])["id"]?.string
            #expect(try root.post("/companies/\(other ?? "")/members", ["user_id": .string(member.id)]).status == 200)
            let moved = try member.patch("/auth/session", ["company_id": JSON(other)])
            #expect(moved.status == 409 && moved.code == "not_member", "\(moved.text)")
            #expect(try root.post("/users/\(member.id)/roles", ["role": "Viewer"]).status == 201)
            #expect(try member.get("/users").status == 403)
        }
    }
}
