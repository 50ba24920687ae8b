import Ground
import Testing

@Suite("Signing in by a bot", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct BotSignInTests {
    /// A page that wants somebody to sign in.
    private struct Page {
        let gatehouse: Gatehouse
        let offer: JSON
        let headers: [String: String]

        var payload: String { String((offer["url"]?.string ?? "").split(separator: "=").last ?? "") }
        var number: String { offer["match_number"]?.integer.map { "\($0)" } ?? "" }

        init(_ gatehouse: Gatehouse, userAgent: String = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") throws {
            self.gatehouse = gatehouse
            headers = ["User-Agent": userAgent]
            let reply = try gatehouse.client.send("POST", "/auth/telegram/bot-sign-ins", headers: headers)
            try #require(reply.status == 201, "\(reply.text)")
            offer = reply.json
        }

        func asks(_ secret: String? = nil) throws -> HTTPClient.Reply {
            try gatehouse.client.send(
                "POST", "/auth/telegram/bot-sign-ins/session", json: ["secret": JSON(secret ?? offer["secret"]?.string)],
                headers: headers)
        }
    }

    @Test("who presses the number of the page signs the page in, once", arguments: Stores.all)
    func confirming(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member()
            let page = try Page(talk.gatehouse)
            let url = try #require(page.offer["url"]?.string)
            #expect(url.hasPrefix("https://t.me/\(talk.telegram.username)?start=in_"))
            #expect(page.payload.utf8.count <= 64)
            #expect(page.offer["qr"]?.string?.hasPrefix("<svg ") == true)
            #expect(try page.asks()["status"] == "waiting")
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            let words = question["text"]?.string ?? ""
            #expect(words.contains("Firefox on Linux") && words.contains("127.0.0.1"))
            #expect(try page.asks()["status"] == "waiting")
            _ = try await talk.press(ada, question, page.number)
            #expect(try await talk.says(question, in: ada, "Confirmed"))
            let reply = try page.asks()
            let signedIn = try Member(talk.gatehouse, email: "", reply: reply)
            #expect(signedIn.id == member.id)
            #expect(reply.cookie("refreshToken") != nil)
            let session = try signedIn.get("/auth/sessions")["items"]?.array?.first { $0["id"]?.string == signedIn.sessionID }
            #expect(session?["device"]?["browser"] == "Firefox")
            #expect(try page.asks().code == "sign_in_not_begun")
            let rows = try await talk.gatehouse.audit("sign_in.succeeded")
            #expect(rows.contains { $0.metadata.contains("\"door\":\"bot\"") })
        }
    }

    @Test("another number, or no, ends it", arguments: [false, true])
    func refusing(byNumber: Bool) async throws {
        try await withConversation { talk async throws in
            let (ada, _) = try talk.member()
            let page = try Page(talk.gatehouse)
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            let labels = question["reply_markup"]?["inline_keyboard"]?[0]?.array?.compactMap { $0["text"]?.string } ?? []
            #expect(labels.count == 3 && labels.contains(page.number))
            let wrong = try #require(labels.first { $0 != page.number })
            _ = try await talk.press(ada, question, byNumber ? wrong : "No, it was not me")
            #expect(try await talk.says(question, in: ada, "Nobody was signed in"))
            let reply = try page.asks()
            #expect(reply.status == 403 && reply.code == "sign_in_refused")
            let row = try #require(try await talk.gatehouse.audit("sign_in.failed").first)
            #expect(row.metadata.contains("refused_in_bot") && row.userID != nil)
            // The right one comes too late.
            _ = try await talk.press(ada, question, page.number)
            #expect(try page.asks().code == "sign_in_refused")
        }
    }

    @Test("the link is the matter of whoever opens it first", arguments: Stores.all)
    func others(on kind: StoreKind) async throws {  // security case 69
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member("Ada")
            let (eve, _) = try talk.member("Eve")
            let page = try Page(talk.gatehouse)
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            #expect(try await talk.ask(eve, "/start \(page.payload)").contains("not valid any more"))
            // The button of another's message, pressed by somebody else.
            let data = try #require(question.button(page.number))
            _ = try await talk.press(eve, question, data: data)
            #expect(try page.asks()["status"] == "waiting")
            _ = try await talk.press(ada, question, page.number)
            #expect(try await talk.says(question, in: ada, "Confirmed"))
            #expect(try page.asks()["user"]?["id"]?.string == member.id)
        }
    }

    @Test("after five minutes it is over")
    func expiry() async throws {
        try await withConversation { talk async throws in
            let (ada, _) = try talk.member()
            let page = try Page(talk.gatehouse)
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            talk.gatehouse.clock.advance(by: .seconds(300))
            _ = try await talk.press(ada, question, page.number)
            #expect(try await talk.says(question, in: ada, "not valid any more"))
            let reply = try page.asks()
            #expect(reply.status == 401 && reply.code == "sign_in_not_begun")
            try await talk.gatehouse.services.housekeeping.sweep()
        }
    }

    @Test("neither half is of use without the other")
    func halves() async throws {
        try await withConversation { talk async throws in
            let page = try Page(talk.gatehouse)
            let other = try Page(talk.gatehouse)
            #expect(page.offer["secret"] != other.offer["secret"] && page.payload != other.payload)
            #expect(try page.asks(String(page.payload.dropFirst(3))).code == "sign_in_not_begun")
            #expect(try page.asks(page.payload).code == "sign_in_not_begun")
            let (ada, _) = try talk.member()
            #expect(try await talk.ask(ada, "/start in_\(page.offer["secret"]?.string ?? "")").contains("not valid any more"))
        }
    }

    @Test("who is blocked stays out, and a stranger gets an account where the bot makes accounts", arguments: [true, false])
    func standing(makesAccounts: Bool) async throws {
        try await withConversation(["TELEGRAM_AUTO_CREATE": "\(makesAccounts)"]) { talk async throws in
            let mallory = try talk.telegram.person("Mallory")
            let page = try Page(talk.gatehouse)
            let question = try await talk.askFor(mallory, "/start \(page.payload)")
            _ = try await talk.press(mallory, question, page.number)
            #expect(try await talk.says(question, in: mallory, "Confirmed"))
            let reply = try page.asks()
            guard makesAccounts else {
                #expect(reply.status == 403 && reply.code == "access_required")
                return
            }
            let member = try Member(talk.gatehouse, email: "", reply: reply)
            #expect(reply["user"]?["name"] == "Mallory")
            let root = try talk.gatehouse.superAdmin()
            let next = try Page(talk.gatehouse)
            let again = try await talk.askFor(mallory, "/start \(next.payload)")
            _ = try await talk.press(mallory, again, next.number)
            #expect(try await talk.says(again, in: mallory, "Confirmed"))
            #expect(try root.post("/users/\(member.id)/block").status == 200)
            let refused = try next.asks()
            #expect(refused.status == 403 && refused.code == "account_blocked")
        }
    }

    @Test("the bot asks in Russian who speaks it")
    func russian() async throws {
        try await withConversation { talk async throws in
            let (ada, _) = try talk.member("Ада", language: "ru")
            let page = try Page(talk.gatehouse)
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            #expect(question["text"]?.string?.contains("Вы входите?") == true)
            _ = try await talk.press(ada, question, "Нет, это не я")
            #expect(try await talk.says(question, in: ada, "Никто не вошёл"))
        }
    }

    @Test("Telegram that is away is told, and a bot whose door is closed too")
    func closed() async throws {
        try await withConversation(["TELEGRAM_UPDATES": "off"]) { talk async throws in
            try talk.telegram.fails("getMe", .code(500))
            let reply = try talk.gatehouse.client.send("POST", "/auth/telegram/bot-sign-ins")
            #expect(reply.status == 503 && reply.code == "telegram_unreachable")
            let root = try talk.gatehouse.superAdmin()
            let other = try LocalTelegram()
            let made = try root.post("/telegram/bots", ["token": .string(other.token.text), "doors": ["widget"]])
            #expect(made.status == 201)
            let path = "/auth/telegram/bot-sign-ins?bot_id=\(other.token.botID)"
            #expect(try talk.gatehouse.client.send("POST", path).code == "door_closed")
        }
    }

    @Test("neither link nor secret stands in the log")
    func secrecy() async throws {
        try await withStores(.sqliteInMemory) { stores async throws in
            let telegram = try LocalTelegram()
            let gatehouse = try await stores.node(telegram.settings.merging(Conversation.polling) { $1 })
            let talk = Conversation(telegram: telegram, gatehouse: gatehouse)
            let (ada, _) = try talk.member()
            let page = try Page(gatehouse)
            let question = try await talk.askFor(ada, "/start \(page.payload)")
            _ = try await talk.press(ada, question, page.number)
            #expect(try await talk.says(question, in: ada, "Confirmed"))
            #expect(try page.asks().status == 200)
            await gatehouse.stop()
            #expect(!gatehouse.logText.contains(page.payload))
            #expect(!gatehouse.logText.contains(page.offer["secret"]?.string ?? "?"))
        }
    }
}
