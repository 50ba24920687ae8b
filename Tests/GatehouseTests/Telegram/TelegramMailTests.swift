import Ground
import SQL
import Services
import Store
import Testing

@Suite("What bots say from the outbox", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct TelegramMailTests {
    private func withBot(
        on kind: StoreKind = .sqliteInMemory, _ settings: [String: String] = [:],
        _ body: (LocalTelegram, Gatehouse) async throws -> Void
    ) async throws {
        let telegram = try LocalTelegram()
        try await withGatehouse(on: kind, telegram.settings.merging(settings) { $1 }) { try await body(telegram, $0) }
    }

    @Test("what is committed is said, what is rolled back is not", arguments: Stores.all)
    func saying(on kind: StoreKind) async throws {
        try await withBot(on: kind) { telegram, gatehouse async throws in
            let ada = try telegram.acquaintance()
            gatehouse.database.setFailing(true)
            await #expect(throws: (any Error).self) { try await gatehouse.post(telegram, ada, ["never"]) }
            gatehouse.database.setFailing(false)
            try await gatehouse.post(telegram, ada, ["once"])
            #expect(try await telegram.said(ada, 1).map(\.words) == ["once"])
            let row = try await gatehouse.letter(of: telegram) { $0.state == .sent }
            #expect(row.attempts == 1 && row.lastStatus == 200 && row.topic == "\(ada)")
            #expect(try telegram.said(ada).count == 1)
        }
    }

    @Test("what goes to one chat goes in its order, through errors and on two nodes", arguments: Stores.all)
    func order(on kind: StoreKind) async throws {
        let telegram = try LocalTelegram()
        try await withStores(kind) { stores async throws in
            let settings = telegram.settings.merging(["JWT_ISSUER": "one"]) { $1 }
            let one = try await stores.node(settings)
            let two = try await stores.node(settings)
            let (ada, bob) = (try telegram.acquaintance("Ada"), try telegram.acquaintance("Bob"))
            let words = (0..<5).map { "\($0)" }
            try telegram.fails("sendMessage", .code(500), count: 2)
            try await one.post(telegram, ada, words)
            try await one.post(telegram, bob, words)
            // Both heads may have failed, or one of them twice: their time comes when the clock is moved.
            let areThere = try await eventually {
                try await one.letTimePass(telegram, .seconds(5))
                two.services.outbox.wake()
                return try telegram.said(ada).count >= 5 && telegram.said(bob).count >= 5
            }
            #expect(areThere)
            #expect(try telegram.said(ada).map(\.words) == words)
            #expect(try telegram.said(bob).map(\.words) == words)
            await one.stop()
            await two.stop()
        }
    }

    @Test("when Telegram asks for patience the bot waits as long as it asks, and loses no attempt", arguments: Stores.all)
    func patience(on kind: StoreKind) async throws {
        try await withBot(on: kind) { telegram, gatehouse async throws in
            let (ada, bob) = (try telegram.acquaintance("Ada"), try telegram.acquaintance("Bob"))
            try telegram.fails("sendMessage", .code(429, retryAfter: 120))
            try await gatehouse.post(telegram, ada, ["to Ada"])
            let asked = try await gatehouse.letter(of: telegram) { $0.lastError == "too_many_requests" }
            #expect(asked.attempts == 0 && asked.nextAttemptAt == gatehouse.clock.now + .seconds(120))
            try await gatehouse.post(telegram, bob, ["to Bob"])
            gatehouse.clock.advance(by: .seconds(119))
            gatehouse.services.outbox.wake()
            // Lanes have their turns: before this other bot's has its second, this bot's has had one.
            for _ in 0..<2 { try await gatehouse.pass() }
            #expect(try telegram.calls("sendMessage").count == 1)
            gatehouse.clock.advance(by: .seconds(1))
            gatehouse.services.outbox.wake()
            #expect(try await telegram.said(ada, 1).count == 1)
            #expect(try await telegram.said(bob, 1).count == 1)
            _ = try await gatehouse.letter(of: telegram) { $0.topic == "\(ada)" && $0.state == .sent && $0.attempts == 1 }
        }
    }

    @Test("who is asked for patience for two days gives up")
    func endOfPatience() async throws {
        try await withBot { telegram, gatehouse async throws in
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", .code(429, retryAfter: 500_000), count: 10)
            try await gatehouse.post(telegram, ada, ["never"])
            for days in 1...2 {
                let now = gatehouse.clock.now
                _ = try await gatehouse.letter(of: telegram) { $0.lastAttemptAt == now && $0.state == .pending }
                #expect(try telegram.calls("sendMessage").count == days)
                gatehouse.clock.advance(by: .seconds(86400))
                gatehouse.services.outbox.wake()
            }
            _ = try await gatehouse.letter(of: telegram) { $0.state == .dead }
        }
    }

    @Test("errors of Telegram and of the way to it are tried again", arguments: [500, 502, 401, 404, 409])
    func retries(code: Int) async throws {
        try await withBot { telegram, gatehouse async throws in
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", .code(code))
            try telegram.fails("sendMessage", .drop)
            try await gatehouse.post(telegram, ada, ["late"])
            let isThere = try await eventually {
                try await gatehouse.letTimePass(telegram, .seconds(13))
                return try telegram.said(ada).count == 1
            }
            #expect(isThere)
            let sent = try await gatehouse.letter(of: telegram) { $0.state == .sent }
            #expect(sent.attempts >= 2)
        }
    }

    @Test("what Telegram will never take is given up at once, with a name for why", arguments: [
        (400, "Bad Request: chat not found", "chat_not_found"),
        (400, "Bad Request: BUTTON_DATA_INVALID", "message_refused"),
        (403, "Forbidden: bot was blocked by the user", "bot_blocked"),
        (403, "Forbidden: user is deactivated", "chat_closed"),
        (400, "Bad Request: message is not modified: specified", nil), (400, "Bad Request: message to delete not found", nil),
    ] as [(Int, String, String?)])
    func hopeless(code: Int, words: String, error: String?) async throws {
        try await withBot { telegram, gatehouse async throws in
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", .code(code, description: words))
            try await gatehouse.post(telegram, ada, ["no", "yes"])
            _ = try await telegram.said(ada, 1)
            let settled = try await gatehouse.letter(of: telegram) { $0.payload.contains("\"no\"") && $0.state != .pending }
            #expect(settled.state == (error == nil ? .sent : .dead) && settled.lastError == error)
            #expect(settled.attempts == 1 && settled.lastStatus == code)
            #expect(try telegram.said(ada).map(\.words) == ["yes"])
        }
    }

    @Test("who has blocked the bot, or never started it, hears nothing and holds up nobody")
    func blocked() async throws {
        try await withBot { telegram, gatehouse async throws in
            let (ada, bob) = (try telegram.acquaintance("Ada"), try telegram.acquaintance("Bob"))
            let carol = try telegram.person("Carol")
            try telegram.blocks(ada)
            for person in [ada, carol, bob] { try await gatehouse.post(telegram, person, ["Hello"]) }
            _ = try await telegram.said(bob, 1)
            _ = try await gatehouse.letter(of: telegram) { $0.topic == "\(ada)" && $0.lastError == "bot_blocked" }
            _ = try await gatehouse.letter(of: telegram) { $0.topic == "\(carol)" && $0.lastError == "chat_closed" }
            #expect(try telegram.said(ada).isEmpty)
        }
    }

    @Test("a group that has become another chat hears it there")
    func migration() async throws {
        try await withBot { telegram, gatehouse async throws in
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", migratingTo: ada)
            try await gatehouse.post(telegram, 12345, ["moved"])
            #expect(try await telegram.said(ada, 1).map(\.words) == ["moved"])
        }
    }

    @Test("Telegram that says nothing delays no request, and loses no message")
    func silence() async throws {
        let telegram = try LocalTelegram()
        try await withStores(.sqliteInMemory) { stores async throws in
            let gatehouse = try await stores.node(telegram.settings)
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", .silence)
            try await gatehouse.post(telegram, ada, ["first", "second"])
            #expect(try await eventually { try telegram.calls("sendMessage").count == 1 })
            #expect(try gatehouse.registered().get("/auth/profile").status == 200)
            await gatehouse.stop()
            let waiting = try await gatehouse.letters(of: telegram)
            #expect(waiting.count == 2 && waiting.allSatisfy { $0.state == .pending && $0.attempts == 0 && $0.claim == nil })
        }
    }

    @Test("a bot that is not there any more, or a payload that is none, is given up")
    func unknown() async throws {
        try await withBot { telegram, gatehouse async throws in
            try await gatehouse.store.transaction {
                try await gatehouse.services.botMail.post(
                    TelegramMessage(bot: 42, method: "sendMessage", parameters: ["chat_id": 1]), in: $0)
            }
            let isDead = try await eventually {
                try await gatehouse.store.reading.outbox.page(of: TelegramMessage.lane(42), after: nil, limit: 9)
                    .map(\.lastError) == ["bot_unknown"]
            }
            #expect(isDead)
        }
    }

    @Test("a bot keeps to thirty messages a second, and to one a second in a chat, but for a few at once")
    func pace() {
        let pace = TelegramPace()
        let toOne = (0..<5).map { _ in pace.reserve(bot: 1, chat: "7", at: 0) }
        #expect(toOne == [0, 0, 0, 1000, 2000])
        #expect(pace.reserve(bot: 2, chat: "7", at: 0) == 0)
        #expect(pace.reserve(bot: 1, chat: "7", at: 60_000) == 0)
        let toMany = (0..<63).map { pace.reserve(bot: 3, chat: "\($0)", at: 0) }
        #expect(toMany[29] == 0 && toMany[30] == 33 && toMany[60] > 1000 && toMany[60] <= 1100)
        #expect(pace.reserve(bot: 3, chat: "100", at: 10_000) == 0)
    }

    @Test("the token is in no log, no audit row and no row of the outbox")
    func secrecy() async throws {
        let telegram = try LocalTelegram()
        var log = ""
        try await withStores(.sqliteInMemory) { stores async throws in
            let gatehouse = try await stores.node(telegram.settings)
            let ada = try telegram.acquaintance()
            try telegram.fails("sendMessage", .code(401))
            try await gatehouse.post(telegram, ada, ["Hello"])
            let row = try await gatehouse.letter(of: telegram) { $0.lastError == "token_refused" }
            #expect(!"\(row)".contains(telegram.token.text))
            #expect(try await !gatehouse.audit().contains { $0.metadata.contains(telegram.token.text) })
            await gatehouse.stop()
            log = gatehouse.logText
        }
        #expect(!log.contains(telegram.token.text))
    }
}

extension Gatehouse {
    /// Has the bot say something in a chat.
    func post(_ telegram: LocalTelegram, _ chat: Int64, _ texts: [String]) async throws {
        let mail = services.botMail
        try await store.transaction { repositories in
            for text in texts {
                let parameters: JSON = ["chat_id": .integer(chat), "text": .string(text)]
                try await mail.post(
                    TelegramMessage(bot: telegram.token.botID, method: "sendMessage", parameters: parameters),
                    in: repositories)
            }
        }
    }

    func letters(of telegram: LocalTelegram) async throws -> [OutboxMessage] {
        try await store.reading.outbox.page(of: TelegramMessage.lane(telegram.token.botID), after: nil, limit: 100)
    }

    /// A message of the bot's in the outbox, once there is one that is as it should be.
    func letter(of telegram: LocalTelegram, where condition: (OutboxMessage) -> Bool) async throws -> OutboxMessage {
        var all: [OutboxMessage] = []
        _ = try await eventually {
            all = try await letters(of: telegram)
            return all.contains(where: condition)
        }
        let found = all.first(where: condition)
        return try #require(found, "\(all)")
    }

    /// Moves the clock while nothing is under way, whose claim would end by it.
    func letTimePass(_ telegram: LocalTelegram, _ time: Duration) async throws {
        guard try await letters(of: telegram).allSatisfy({ $0.claim == nil }) else { return }
        clock.advance(by: time)
        services.outbox.wake()
    }

    /// Waits until the lane of a bot that is not there has had its turn.
    func pass() async throws {
        let message = TelegramMessage(bot: 9_999_999_999_999, method: "getMe", parameters: [:])
        try await store.transaction { [services] in try await services.botMail.post(message, in: $0) }
        let has = try await eventually {
            try await store.reading.outbox.page(of: TelegramMessage.lane(message.bot), after: nil, limit: 9)
                .allSatisfy { $0.state == .dead }
        }
        try #require(has)
    }
}

extension JSON {
    fileprivate var words: String { self["text"]?.string ?? "" }
}
