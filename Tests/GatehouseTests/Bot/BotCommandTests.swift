import Ground
import Testing

@Suite("What bots do for people", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct BotCommandTests {
    @Test("a stranger is told how to come in, and no command knows them", arguments: Stores.all)
    func stranger(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let person = try talk.telegram.person("Mallory")
            #expect(try await talk.ask(person, "/start").contains("do not know you yet"))
            #expect(try await talk.ask(person, "/me").contains("do not know you yet"))
            #expect(try await talk.ask(person, "/users").contains("do not know you yet"))
            let help = try await talk.ask(person, "/help")
            #expect(help.contains("/whoami") && !help.contains("/me") && !help.contains("/users"))
            #expect(try await talk.ask(person, "/whoami").contains("\(person)"))
        }
    }

    @Test("a member sees their own account, and nothing of administration", arguments: Stores.all)
    func member(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member("<b>Ada & Co")
            let me = try await talk.ask(ada, "/me")
            #expect(me.contains("<b>Ada & Co"))
            #expect(try await talk.ask(ada, "/whoami@\(talk.telegram.username)").contains(member.id))
            let help = try await talk.ask(ada, "/help")
            #expect(help.contains("/sessions") && !help.contains("/users") && !help.contains("/audit"))
            let sessions = try await talk.ask(ada, "/sessions")
            #expect(sessions.contains("this talk") && sessions.contains("127.0.0.1"))
            // One session for all of it, which the person sees like any other.
            let list = try member.get("/auth/sessions").json["items"]?.array ?? []
            #expect(list.count == 2)
        }
    }

    @Test("who lacks the permission is told which", arguments: ["/users", "/block", "/unblock", "/audit"])
    func permissions(command: String) async throws {
        try await withConversation { talk async throws in
            let (ada, _) = try talk.member()
            let permission = ["/users": "users:read", "/audit": "audit:read"][command] ?? "users:update"
            #expect(try await talk.ask(ada, "\(command) somebody").contains(permission))
        }
    }

    @Test("an administrator finds people and reads the log", arguments: Stores.all)
    func administrator(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let root = try talk.link(try talk.gatehouse.superAdmin())
            _ = try talk.member("Grace")
            let found = try await talk.ask(root, "/users grac")
            #expect(found.contains("Grace") && !found.contains("Root"))
            #expect(try await talk.ask(root, "/users nobody").contains("Nobody"))
            #expect(try await talk.ask(root, "/audit").contains("account.registered"))
            let help = try await talk.ask(root, "/help")
            #expect(help.contains("/users") && help.contains("/audit") && help.contains("/block"))
        }
    }

    @Test("who is blocked is thrown out at once, in the bot too, and let in again", arguments: Stores.all)
    func blocking(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let root = try talk.link(try talk.gatehouse.superAdmin())
            let (ada, member) = try talk.member("Ada")
            #expect(try await talk.ask(ada, "/me").contains("Ada"))
            let question = try await talk.askFor(root, "/block \(member.id)")
            #expect(try member.isSignedIn())
            _ = try await talk.press(root, question, "Block")
            #expect(try await talk.says(question, in: root, "Blocked."))
            #expect(try !member.isSignedIn())
            #expect(try await talk.ask(ada, "/me").contains("blocked"))
            let back = try await talk.askFor(root, "/unblock \(member.id)")
            _ = try await talk.press(root, back, "Unblock")
            #expect(try await talk.says(back, in: root, "Let in again."))
            #expect(try await talk.ask(ada, "/me").contains("Ada"))
            #expect(try await talk.gatehouse.audit("user.status_changed").count == 2)
        }
    }

    @Test("a session ends by its button, and all of them by a confirmed command", arguments: Stores.all)
    func sessions(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (ada, member) = try talk.member()
            let list = try await talk.askFor(ada, "/sessions")
            let label = try #require(["End 1", "End 2"].first { list.button($0) != nil })
            #expect(try await talk.press(ada, list, label) == "Ended.")
            #expect(try !member.isSignedIn())
            let again = try Member(
                talk.gatehouse, email: "",
                reply: try talk.gatehouse.miniApp(ada, signer: SignedByTelegram(talk.telegram.token.text)))
            let question = try await talk.askFor(ada, "/logout_all")
            #expect(try again.isSignedIn())
            _ = try await talk.press(ada, question, "End all")
            #expect(try await talk.says(question, in: ada, "Ended: 2."))
            #expect(try !again.isSignedIn())
        }
    }

    @Test("the greeting has a menu, in the person's language")
    func menu() async throws {
        try await withConversation { talk async throws in
            let (ada, _) = try talk.member("Ада", language: "ru")
            let greeting = try await talk.askFor(ada, "/start")
            #expect(greeting["text"]?.string?.contains("Здравствуйте, Ада") == true)
            let before = try talk.telegram.said(ada).count
            _ = try await talk.press(ada, greeting, "моя учётная запись")
            #expect(try await talk.telegram.said(ada, before + 1).last?["text"]?.string?.contains("Ада") == true)
            #expect(try await talk.ask(ada, "/nonsense").contains("/help"))
            #expect(try await talk.ask(ada, "hello").contains("/help"))
            let menus = try talk.telegram.calls("setMyCommands")
            #expect(menus.contains { $0["parameters"]?["language_code"]?.string == "ru" } && menus.count >= 2)
            #expect(menus.allSatisfy { !$0.text.contains("audit") })
        }
    }

    @Test("an address list that not everybody passes shuts the bot too")
    func addressList() async throws {
        try await withConversation { talk async throws in
            let root = try talk.gatehouse.superAdmin()
            let (ada, member) = try talk.member()
            let list: JSON = ["enabled": true, "addresses": ["127.0.0.0/8"]]
            let reply = try root.patch("/users/\(member.id)/ip-whitelist", list)
            try #require(reply.status == 200, "\(reply.text)")
            #expect(try await talk.ask(ada, "/me").contains("certain addresses"))
        }
    }

    @Test("who floods the bot is not listened to for a while")
    func flood() async throws {
        try await withConversation(["RATE_LIMIT_DEFAULT": "2/3600"]) { talk async throws in
            let (ada, _) = try talk.member()
            for _ in 0..<5 { try talk.telegram.says(ada, "/whoami") }
            let (bob, _) = try talk.member("Bob")
            _ = try await talk.ask(bob, "/whoami")
            #expect(try await talk.telegram.said(ada, 2).count == 2)
        }
    }
}
