import Ground
import Services
import Store
import Testing

@Suite("What bots tell people", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct BotNoticeTests {
    @Test("a sign-in from where the account is not known, a new password and a lock are told", arguments: Stores.all)
    func notices(on kind: StoreKind) async throws {
        try await withConversation(on: kind, ["TRUSTED_PROXIES": "127.0.0.1"]) { talk async throws in
            let member = try talk.gatehouse.registered()
            let ada = try talk.link(member, "Ada", language: "ru")
            _ = try await talk.ask(ada, "/start")
            #expect(try talk.gatehouse.login().status == 200)
            let elsewhere = ["X-Forwarded-For": "203.0.113.9", "User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"]
            #expect(try talk.gatehouse.login(headers: elsewhere).status == 200)
            let first = try #require(try await talk.telegram.said(ada, 2).last?["text"]?.string)
            #expect(first.contains("нового устройства") && first.contains("203.0.113.9") && first.contains("Firefox"))
            for _ in 0..<5 {
                _ = try talk.gatehouse.login(password: "wrong", headers: ["X-Forwarded-For": "203.0.113.77"])
            }
            #expect(try await talk.telegram.said(ada, 3).last?["text"]?.string?.contains("временно закрыта") == true)
            let changed = try talk.gatehouse.signedIn().post(
                "/auth/change-password", ["current_password": .string(Member.password), "new_password": "another brass clatter"])
            try #require(changed.status == 200, "\(changed.text)")
            #expect(try await talk.telegram.said(ada, 4).last?["text"]?.string?.contains("пароль изменён") == true)
        }
    }

    @Test("\"it was not me\" ends every session, and asks for another password", arguments: Stores.all)
    func disowning(on kind: StoreKind) async throws {
        try await withConversation(on: kind, ["TRUSTED_PROXIES": "127.0.0.1"]) { talk async throws in
            let member = try talk.gatehouse.registered()
            let ada = try talk.link(member, "Ada")
            _ = try await talk.ask(ada, "/start")
            let reply = try talk.gatehouse.login(headers: ["X-Forwarded-For": "203.0.113.9"])
            let thief = try Member(talk.gatehouse, email: "", reply: reply)
            let notice = try #require(try await talk.telegram.said(ada, 2).last)
            // Nobody else's press counts, whatever they send.
            let (mallory, _) = try talk.member("Mallory")
            _ = try await talk.ask(mallory, "/whoami")
            let data = try #require(notice.button("It was not me"))
            #expect(try await talk.press(mallory, notice, data: data, in: ada) == nil)
            #expect(try thief.isSignedIn())
            _ = try await talk.press(ada, notice, "It was not me")
            #expect(try await talk.says(notice, in: ada, "Every session has ended"))
            #expect(try !thief.isSignedIn() && !member.isSignedIn())
            #expect(try talk.gatehouse.login()["requires_password_change"] == true)
            #expect(try await talk.gatehouse.audit("account.disowned").map(\.severity) == ["critical"])
        }
    }

    @Test("who has no talk with a bot, or has stopped it, is told nothing")
    func silence() async throws {
        try await withConversation(["TRUSTED_PROXIES": "127.0.0.1"]) { talk async throws in
            let member = try talk.gatehouse.registered()
            let ada = try talk.link(member, "Ada")
            let elsewhere = { (number: Int) in ["X-Forwarded-For": "203.0.113.\(number)"] }
            #expect(try talk.gatehouse.login(headers: elsewhere(1)).status == 200)
            #expect(try await talk.gatehouse.letters(of: talk.telegram).isEmpty)
            _ = try await talk.ask(ada, "/start")
            // Before the bot hears of it, Telegram refuses one message; then no more are made.
            try talk.telegram.fails("sendMessage", .code(403, description: "Forbidden: bot was blocked by the user"))
            #expect(try talk.gatehouse.login(headers: elsewhere(2)).status == 200)
            let isBlocked = try await eventually {
                try await talk.gatehouse.store.reading.telegramChats.all(of: ada).isEmpty
            }
            #expect(isBlocked)
            let count = try await talk.gatehouse.letters(of: talk.telegram).count
            #expect(try talk.gatehouse.login(headers: elsewhere(3)).status == 200)
            #expect(try await talk.gatehouse.letters(of: talk.telegram).count == count)
            // Whoever writes again hears again; whoever stops the bot does not.
            _ = try await talk.ask(ada, "/whoami")
            #expect(try await talk.gatehouse.store.reading.telegramChats.all(of: ada).count == 1)
            try talk.telegram.blocks(ada)
            let hasStopped = try await eventually {
                try await talk.gatehouse.store.reading.telegramChats.all(of: ada).isEmpty
            }
            #expect(hasStopped)
        }
    }

    @Test("a sign-in that is taken back tells nothing")
    func rollback() async throws {
        try await withConversation(["TRUSTED_PROXIES": "127.0.0.1"]) { talk async throws in
            let member = try talk.gatehouse.registered()
            let ada = try talk.link(member, "Ada")
            _ = try await talk.ask(ada, "/start")
            talk.gatehouse.database.setFailing(true)
            #expect(try talk.gatehouse.login(headers: ["X-Forwarded-For": "203.0.113.1"]).status == 503)
            talk.gatehouse.database.setFailing(false)
            try await talk.gatehouse.pass()
            #expect(try talk.telegram.said(ada).count == 1)
        }
    }

    @Test("case 69: a contact counts for its owner alone, and a button for whom it was shown to", arguments: Stores.all)
    func contactsAndButtons(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member()
            let (bob, other) = try talk.member("Bob")
            try talk.telegram.sendsContact(ada, "12025550123", of: bob)
            #expect(try await talk.telegram.said(ada, 1).last?["text"]?.string?.contains("not your own") == true)
            try talk.telegram.sendsContact(ada, "12025550123", of: nil)
            _ = try await talk.telegram.said(ada, 2)
            #expect(try member.get("/auth/profile")["user"]?["phone"] == .null || member.get("/auth/profile")["phone"] == .null)
            try talk.telegram.sendsContact(ada, "+1 202 555 0123", of: ada)
            #expect(try await talk.telegram.said(ada, 3).last?["text"]?.string?.contains("+12025550123") == true)
            #expect(try member.get("/auth/profile").text.contains("+12025550123"))
            // Bob shows Ada's button, a button of his own about her session, and one that nobody made.
            let list = try await talk.askFor(ada, "/sessions")
            let data = try #require(list.button("End 1") ?? list.button("End 2"))
            let own = try await talk.askFor(bob, "/sessions")
            let forged = "session:\(member.sessionID)" + (try #require(own.button("End 1") ?? own.button("End 2")).suffix(17))
            for data in [data, forged, "session:\(member.sessionID)", "|", ""] {
                #expect(try await talk.press(bob, own, data: data) == nil)
            }
            #expect(try await talk.press(bob, list, data: data, in: ada) == nil)
            #expect(try member.isSignedIn() && other.isSignedIn())
        }
    }
}
