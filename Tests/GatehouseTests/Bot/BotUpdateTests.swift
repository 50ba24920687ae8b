import Ground
import HTTP
import Services
import Testing

@Suite("How bots hear", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct BotUpdateTests {
    @Test("of two nodes one asks, and the other takes over when it stops", arguments: Stores.all)
    func handover(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withStores(kind) { stores async throws in
            let settings = telegram.settings.merging(["TELEGRAM_UPDATES": "polling", "LEASE_TIME": "1s", "JWT_ISSUER": "one"]) { $1 }
            let one = try await stores.node(settings)
            let talk = Conversation(telegram: telegram, gatehouse: one)
            let ada = try telegram.person("Ada")
            _ = try await talk.ask(ada, "/whoami")
            let two = try await stores.node(settings)
            _ = try await talk.ask(ada, "/whoami")
            await one.stop()
            let later = Conversation(telegram: telegram, gatehouse: two)
            _ = try await later.ask(ada, "/whoami")
            #expect(try telegram.said(ada).count == 3)
            // Two that ask at once are told so by Telegram; nobody was.
            #expect(!one.logText.contains("status 409"))
            await two.stop()
            #expect(!two.logText.contains("status 409"))
        }
    }

    @Test("a node that died holds the bot as long as its lease, and no longer", arguments: Stores.all)
    func deadHolder(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withStores(kind) { stores async throws in
            let dead = try await stores.node(telegram.settings)
            let taken = try await dead.services.leases.take("telegram.updates:\(telegram.token.botID)")
            try #require(taken != nil)
            let settings = telegram.settings.merging(["TELEGRAM_UPDATES": "polling", "LEASE_TIME": "1s"]) { $1 }
            let next = try await stores.node(settings)
            let talk = Conversation(telegram: telegram, gatehouse: next)
            let ada = try telegram.person("Ada")
            try telegram.says(ada, "/whoami")
            // It has looked twice, and found the lease taken.
            let looked = next.database.writes
            #expect(await eventually { next.database.writes >= looked + 2 })
            #expect(try telegram.calls("getUpdates").isEmpty)
            next.clock.advance(by: .seconds(60))
            _ = try await telegram.said(ada, 1)
            _ = try await talk.ask(ada, "/whoami")
            await next.stop()
            await dead.stop()
        }
    }

    @Test("errors of Telegram and outages lose nothing that was said", arguments: [
        LocalTelegram.Trouble.code(429, retryAfter: 1), .code(502), .code(409), .drop,
    ])
    func trouble(_ trouble: LocalTelegram.Trouble) async throws {
        try await withConversation(["LEASE_TIME": "2s"]) { talk async throws in
            let ada = try talk.telegram.person("Ada")
            _ = try await talk.ask(ada, "/whoami")
            try talk.telegram.fails("getUpdates", trouble, count: 2)
            _ = try await talk.ask(ada, "/whoami")
            #expect(try talk.gatehouse.registered().isSignedIn())
        }
    }

    @Test("a database that fails for a while loses nothing that was said")
    func databaseOutage() async throws {
        try await withConversation(["LEASE_TIME": "1s"]) { talk async throws in
            let ada = try talk.telegram.person("Ada")
            _ = try await talk.ask(ada, "/whoami")
            // What was sent and could not be noted would be sent again.
            _ = try await talk.gatehouse.letter(of: talk.telegram) { $0.state == .sent }
            talk.gatehouse.database.setFailing(true)
            // Whether the bot still gets to hear it is a matter of moments: without its lease it asks no more.
            try talk.telegram.says(ada, "/whoami")
            talk.gatehouse.database.setFailing(false)
            // What was claimed when the database failed is free again by then.
            talk.gatehouse.clock.advance(by: .seconds(61))
            let hasAnswered = try await eventually(within: .seconds(60)) { try talk.telegram.said(ada).count >= 2 }
            #expect(hasAnswered)
            // What was answered twice would stand before the next answer.
            #expect(try await talk.ask(ada, "/help") != (try talk.telegram.said(ada)[1]["text"]?.string))
        }
    }

    @Test("a bot that was told by a webhook before asks again")
    func webhookBefore() async throws {
        let telegram = try LocalTelegram()
        try await withGatehouse(telegram.settings) { before async throws in
            let set = await before.services.botAPI.call(
                "setWebhook", of: telegram.token, ["url": "http://127.0.0.1:9/elsewhere"])
            guard case .ok = set else { throw LocalTelegram.Failure(reason: "\(set)") }
        }
        try await withGatehouse(telegram.settings.merging(Conversation.polling) { $1 }) { gatehouse async throws in
            let talk = Conversation(telegram: telegram, gatehouse: gatehouse)
            _ = try await talk.ask(try telegram.person("Ada"), "/whoami")
        }
    }

    @Test("with updates off nothing is asked")
    func off() async throws {
        try await withConversation(["TELEGRAM_UPDATES": "off"]) { talk async throws in
            _ = try talk.telegram.acquaintance()
            #expect(try talk.gatehouse.registered().isSignedIn())
            #expect(try talk.telegram.calls("getUpdates").isEmpty && talk.telegram.calls("deleteWebhook").isEmpty)
        }
    }

    @Test("case 70: an update is taken with the secret alone, and once, by two nodes too", arguments: Stores.all)
    func webhook(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withStores(kind) { stores async throws in
            let settings = telegram.settings.merging(
                ["TELEGRAM_UPDATES": "webhook", "PUBLIC_URL": "http://localhost:9", "JWT_ISSUER": "one"]) { $1 }
            let one = try await stores.node(settings)
            let two = try await stores.node(settings)
            #expect(try await eventually { try !telegram.calls("setWebhook").isEmpty })
            let hook = try #require(try telegram.calls("setWebhook").first?["parameters"])
            let secret = try #require(hook["secret_token"]?.string)
            let path = "/telegram/webhook/\(telegram.token.botID)"
            #expect(hook["url"]?.string == "http://localhost:9" + path)
            let ada = try telegram.acquaintance()
            let person: JSON = ["id": .integer(ada), "is_bot": false, "first_name": "Ada"]
            let update: JSON = [
                "update_id": 7_000_001,
                "message": [
                    "message_id": 1, "date": 1, "text": "/whoami", "from": person,
                    "chat": ["id": .integer(ada), "type": "private", "first_name": "Ada"],
                ],
            ]
            for headers in [
                [:], ["X-Telegram-Bot-Api-Secret-Token": ""], ["X-Telegram-Bot-Api-Secret-Token": secret + "x"],
                ["X-Telegram-Bot-Api-Secret-Token": telegram.token.text],
            ] {
                #expect(try one.client.send("POST", path, json: update, headers: headers).status == 404)
            }
            let shown = ["X-Telegram-Bot-Api-Secret-Token": secret]
            #expect(try one.client.send("POST", "/telegram/webhook/42", json: update, headers: shown).status == 404)
            #expect(try telegram.said(ada).isEmpty)
            let request = HTTPClient.request("POST", path, json: update, headers: shown)
            let replies = try one.client.sendAtOnce([request, request]) + two.client.sendAtOnce([request, request])
            #expect(replies.allSatisfy { $0.status == 200 || $0.status == 503 } && replies.contains { $0.status == 200 })
            #expect(try two.client.send("POST", path, json: update, headers: shown).status == 200)
            _ = try await telegram.said(ada, 1)
            try await one.pass()
            #expect(try telegram.said(ada).count == 1)
            #expect(try one.client.send("POST", path, body: Array("no".utf8), headers: shown.merging(["Content-Type": "application/json"]) { $1 }).status == 400)
            await one.stop()
            await two.stop()
            #expect(!one.logText.contains(secret))
        }
    }

    @Test("where bots ask, nobody brings updates")
    func noWebhook() async throws {
        try await withConversation { talk async throws in
            let path = "/telegram/webhook/\(talk.telegram.token.botID)"
            #expect(try talk.gatehouse.client.send("POST", path, json: ["update_id": 1]).status == 404)
        }
    }
}
