import Credentials
import Ground
import SQL
import Testing

@Suite("Second factors in the talk with a bot", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct BotProofTests {
    /// A SuperAdmin with an authenticator app who has started the bot.
    private func guarded(_ talk: Conversation) async throws -> (person: Int64, app: Authenticator, member: Member) {
        let root = try talk.gatehouse.superAdmin()
        let person = try talk.link(root)
        let app = try root.authenticator()
        _ = try await talk.ask(person, "/start")
        return (person, app, root)
    }

    /// What the bot answers to a code: it may tell of a new device beside.
    private func answer(_ talk: Conversation, _ person: Int64, _ code: String, where condition: (String) -> Bool) async throws
        -> String
    {
        try await talk.lastAfter(person, code, where: condition)
    }

    /// Whether nobody finds the text in the chat any more.
    private func isGone(_ talk: Conversation, _ person: Int64, _ text: String) async throws -> Bool {
        try await eventually { try talk.telegram.messages(person).allSatisfy { $0["text"]?.string != text } }
    }

    @Test("nothing of the account opens before the code; the code is deleted, and what was wanted is done", arguments: Stores.all)
    func opening(on kind: StoreKind) async throws {  // REQ-AUTH-43
        var code = ""
        var house: Gatehouse?
        try await withConversation(on: kind) { talk async throws in
            let gatehouse = talk.gatehouse
            house = gatehouse
            let (person, app, member) = try await guarded(talk)
            #expect(try await talk.ask(person, "/help").contains("/me"))
            #expect(try await talk.ask(person, "/whoami").contains("second factor"))
            #expect(try await talk.ask(person, "/me").contains("code of your authenticator app"))
            let wrong = app.wrongCode()
            #expect(try await talk.ask(person, wrong).contains("not right"))
            #expect(try await isGone(talk, person, wrong))
            #expect(try await talk.ask(person, "twelve monkeys").contains("That is no code"))
            #expect(try await isGone(talk, person, "twelve monkeys"))
            code = app.nextCode()
            let me = try await answer(talk, person, "\(code.prefix(3)) \(code.suffix(3))") { $0.contains("root@example.com") }
            #expect(me.contains("Root"), "\(me)")
            #expect(try await isGone(talk, person, "\(code.prefix(3)) \(code.suffix(3))"))
            // From then on the talk reads without being asked again.
            gatehouse.clock.advance(by: .seconds(3600))
            #expect(try await talk.ask(person, "/sessions").contains("this talk"))
            let entry = try await gatehouse.audit("sign_in.succeeded").first { $0.metadata.contains("\"door\":\"talk\"") }
            #expect(entry?.metadata.contains("\"second_factor\":\"totp\"") == true)
            let session = try #require(entry?.sessionID)
            #expect(try await gatehouse.store.reading.sessions.find(session)?.methods == "telegram otp mfa")
            #expect(try await gatehouse.audit("second_factor.failed").count == 1)
            #expect(entry?.userID?.description == member.id)
            // Nowhere is a code kept: neither in what bots have still to say nor in what they wait for.
            for table in ["outbox", "telegram_questions", "audit_logs"] {
                let column = ["outbox": "payload", "telegram_questions": "deed"][table] ?? "metadata"
                let rows = try await gatehouse.database.read(Statement("SELECT \(column) FROM \(table)"), [])
                for var row in rows {
                    let text: String? = try row.next()
                    #expect(text?.contains(code) != true && text?.contains(wrong) != true, "\(table)")
                }
            }
        }
        let log = try #require(house?.logText)
        #expect(!log.isEmpty && !log.contains(code))
    }

    @Test("what is grave asks for a code of late, and is done once it came", arguments: Stores.all)
    func grave(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (root, app, _) = try await guarded(talk)
            let (person, ada) = try talk.member("Ada")
            _ = try await talk.ask(root, "/me")
            _ = try await answer(talk, root, app.nextCode()) { $0.contains("root@example.com") }
            // A proof of now is good for some time.
            let first = try await talk.askFor(root, "/block \(ada.id)")
            _ = try await talk.press(root, first, "Block")
            #expect(try await talk.says(first, in: root, "Blocked."))
            talk.gatehouse.clock.advance(by: .seconds(901))
            let second = try await talk.askFor(root, "/unblock \(ada.id)")
            let before = try talk.telegram.said(root).count
            #expect(try await talk.press(root, second, "Unblock") == nil)
            #expect(try await talk.telegram.said(root, before + 1).last?["text"]?.string?.contains("authenticator app") == true)
            #expect(try talk.enter(person).code == "account_blocked")
            let code = app.nextCode()
            try talk.telegram.says(root, code)
            #expect(try await talk.says(second, in: root, "Let in again."))
            #expect(try await isGone(talk, root, code))
            #expect(try await talk.gatehouse.audit("session.stepped_up").count == 1)
            // The same code once more is none.
            talk.gatehouse.clock.advance(by: .seconds(901))
            let third = try await talk.askFor(root, "/block \(ada.id)")
            _ = try await talk.press(root, third, "Block")
            #expect(try await answer(talk, root, code) { $0.contains("not right") }.contains("not right"))
        }
    }

    @Test("a request is not decided without it, by command or by button", arguments: Stores.all)
    func requests(on kind: StoreKind) async throws {
        let settings = ["TELEGRAM_AUTO_CREATE": "false", "ACCESS_REQUEST_ROLES": "Viewer"]
        try await withConversation(on: kind, settings) { talk async throws in
            let (root, app, member) = try await guarded(talk)
            let ada = try talk.telegram.person("Ada")
            #expect(try await talk.ask(ada, "/start").contains("passed on"))
            let id = try member.openRequest()
            #expect(try await talk.lastAfter(root, "/approve \(id)") { $0.contains("authenticator app") }.contains("authenticator"))
            #expect(try member.get("/access-requests/\(id)")["status"] == "PENDING")
            #expect(try await answer(talk, root, app.nextCode()) { $0 == "Approved." } == "Approved.")
            #expect(try member.get("/access-requests/\(id)")["status"] == "APPROVED")
        }
    }

    @Test("wrong codes lock, and a sign-in takes no more than a few", arguments: Stores.all)
    func lockout(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (root, app, _) = try await guarded(talk)
            _ = try await talk.ask(root, "/me")
            let wrong = app.wrongCode()
            for _ in 0..<5 { _ = try await answer(talk, root, wrong) { $0.contains("not right") } }
            let locked = try await answer(talk, root, app.nextCode()) { !$0.contains("not right") && !$0.contains("It was") }
            #expect(locked.contains("locked") || locked.contains("over"), "\(locked)")
            #expect(try await talk.gatehouse.audit("account.locked").count == 1)
            // Nor does beginning again help.
            _ = try await talk.lastAfter(root, "/me") { $0.contains("authenticator app") }
            let again = try await answer(talk, root, app.nextCode()) { $0.contains("locked") }
            #expect(again.contains("locked"), "\(again)")
            talk.gatehouse.clock.advance(by: .seconds(900))
            _ = try await talk.lastAfter(root, "/me") { $0.contains("authenticator app") }
            #expect(try await answer(talk, root, app.nextCode()) { $0.contains("root@example.com") }.contains("root@example.com"))
        }
    }

    @Test("a recovery code serves once in its place", arguments: Stores.all)
    func recovery(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let (root, app, _) = try await guarded(talk)
            _ = try await talk.ask(root, "/me")
            let code = app.recoveryCodes[0]
            _ = try await answer(talk, root, code) { $0.contains("root@example.com") }
            #expect(try await isGone(talk, root, code))
            #expect(try await talk.gatehouse.audit("recovery_codes.used").count == 1)
            talk.gatehouse.clock.advance(by: .seconds(901))
            let (_, ada) = try talk.member("Ada")
            let question = try await talk.askFor(root, "/block \(ada.id)")
            _ = try await talk.press(root, question, "Block")
            #expect(try await answer(talk, root, code) { $0.contains("not right") }.contains("not right"))
            #expect(try ada.isSignedIn())
        }
    }

    @Test("a code that comes by Telegram is none beside Telegram; one by mail is", arguments: Stores.all)
    func sent(on kind: StoreKind) async throws {
        let folder = MailFolder()
        try await withConversation(on: kind, folder.settings) { talk async throws in
            let ada = try talk.gatehouse.registered()
            let person = try talk.link(ada, "Ada")
            _ = try await talk.ask(person, "/start")
            func code(_ number: Int) async throws -> String {
                let mails = try await folder.mails(.signInCode, number)
                let codes = mails.compactMap { $0.text.split { $0.isWhitespace }.first { $0.count == 6 && $0.allSatisfy(\.isNumber) } }
                return String(try #require(codes.last))
            }
            #expect(try ada.post("/auth/2fa/setup", ["method": "email"]).status == 200)
            let setup = try await code(1)
            #expect(try ada.post("/auth/2fa/enable", ["method": "email", "code": .string(setup)]).status == 200)
            talk.gatehouse.clock.advance(by: .seconds(2))
            #expect(try await talk.ask(person, "/me").contains("e-mail address"))
            #expect(try await answer(talk, person, try await code(2)) { $0.contains("ada@example.com") }.contains("Ada"))

            // Whose only factor is Telegram has nothing but recovery codes to show here.
            let grace = try talk.gatehouse.registered("grace@example.com")
            let other = try talk.link(grace, "Grace")
            _ = try await talk.ask(other, "/start")
            #expect(try grace.post("/auth/2fa/setup", ["method": "telegram"]).status == 200)
            let told = try #require(try await talk.telegram.said(other, 2).last?["text"]?.string)
            let sent = String(told.prefix { $0.isNumber })
            #expect(try grace.post("/auth/2fa/enable", ["method": "telegram", "code": .string(sent)]).status == 200)
            let asked = try await talk.lastAfter(other, "/me") { $0.contains("recovery codes") }
            #expect(!asked.contains("authenticator") && !asked.contains("sent"), "\(asked)")
            #expect(try await answer(talk, other, sent) { $0.contains("no code") }.contains("no code"))
        }
    }

    @Test("of whom a second factor is required, who has none, is sent to the pages")
    func enrolment() async throws {
        try await withConversation(["SECOND_FACTOR_GRACE": "0"]) { talk async throws in
            let ada = try talk.gatehouse.registered()
            let person = try talk.link(ada, "Ada")
            #expect(try await talk.ask(person, "/me").contains("ada@example.com"))
            let company = try #require(ada.companyID)
            #expect(try ada.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
            talk.gatehouse.clock.advance(by: .seconds(1))
            #expect(try await talk.ask(person, "/me").contains("must have a second factor"))
            #expect(try await talk.ask(person, "/help").contains("/whoami"))
        }
    }

    @Test("a company's bot asks for no code, and opens nothing")
    func companyBot() async throws {
        try await withConversation { talk async throws in
            let gatehouse = talk.gatehouse
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let own = Conversation(telegram: try LocalTelegram(), gatehouse: gatehouse)
            let added = try root.post(
                "/telegram/bots",
                [
                    "token": .string(own.telegram.token.text), "company_id": JSON(ada.companyID), "doors": ["mini_app"],
                    "auto_create": true,
                ])
            try #require(added.status == 201, "\(added.text)")
            let person = try own.link(ada, "Ada")
            #expect(try await own.ask(person, "/me").contains("ada@example.com"))
            let app = try ada.authenticator()
            #expect(try await own.ask(person, "/me").contains("cannot be shown here"))
            #expect(try await own.ask(person, app.nextCode()).contains("/help"))
            #expect(try await own.ask(person, "/sessions").contains("cannot be shown here"))
            #expect(try await gatehouse.audit("second_factor.asked").isEmpty)
        }
    }

    @Test("the message with a code goes though the server cannot read what it was for")
    func unreadable() async throws {
        try await withConversation { talk async throws in
            let (person, app, _) = try await guarded(talk)
            _ = try await talk.ask(person, "/me")
            _ = try await talk.gatehouse.database.write(Statement("UPDATE telegram_questions SET sign_in = $1"), [[0, 1].sqlValue])
            let code = app.nextCode()
            #expect(try await talk.ask(person, code).contains("does not work"))
            #expect(try await isGone(talk, person, code))
        }
    }

    @Test("the session that a talk had before its code is over with it", arguments: Stores.all)
    func formerSession(on kind: StoreKind) async throws {
        try await withConversation(on: kind) { talk async throws in
            let root = try talk.gatehouse.superAdmin()
            let person = try talk.link(root)
            _ = try await talk.ask(person, "/me")
            let app = try root.authenticator()
            #expect(try await talk.ask(person, "/me").contains("code of your authenticator app"))
            _ = try await answer(talk, person, app.nextCode()) { $0.contains("root@example.com") }
            let entries = try await talk.gatehouse.audit("sign_in.succeeded").filter { $0.metadata.contains("\"door\":\"talk\"") }
            var living: [String] = []
            for id in entries.compactMap(\.sessionID) {
                let session = try #require(try await talk.gatehouse.store.reading.sessions.find(id))
                if session.endedAt == nil { living.append(session.methods) } else { #expect(session.endReason == .logout) }
            }
            #expect(entries.count == 2 && living == ["telegram otp mfa"])
            #expect(try await talk.gatehouse.audit("session.ended").count == 1)
        }
    }

    @Test("a question is good for minutes, in its own talk, and what comes too late is deleted all the same")
    func expiry() async throws {
        try await withConversation { talk async throws in
            let (root, app, _) = try await guarded(talk)
            _ = try await talk.ask(root, "/me")
            talk.gatehouse.clock.advance(by: .seconds(300))
            let code = app.code()
            #expect(try await talk.ask(root, code).contains("begin again"))
            #expect(try await isGone(talk, root, code))
            // What is no code was not meant for a question that is over, and stays.
            _ = try await talk.ask(root, "/me")
            talk.gatehouse.clock.advance(by: .seconds(300))
            #expect(try await talk.ask(root, "good morning").contains("/help"))
            // Digits that nobody asked for are no attempt.
            #expect(try await talk.ask(root, app.wrongCode()).contains("/help"))
            #expect(try await talk.gatehouse.audit("second_factor.failed").isEmpty)
        }
    }
}
