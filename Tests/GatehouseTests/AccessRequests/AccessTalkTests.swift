import Ground
import Testing

@Suite("Access, in the bot", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct AccessTalkTests {
    private static let settings = ["TELEGRAM_AUTO_CREATE": "false", "ACCESS_REQUEST_ROLES": "Viewer"]

    @Test("the whole life of a request", arguments: Stores.all)
    func life(on kind: StoreKind) async throws {
        try await withConversation(on: kind, Self.settings) { talk async throws in
            let gatehouse = talk.gatehouse
            let superAdmin = try gatehouse.superAdmin()
            let manager = try superAdmin.created("manager@example.com", roles: ["Admin"])
            let root = try talk.link(superAdmin, "Root")
            let second = try talk.link(manager, "Second", language: "ru")
            for person in [root, second] { _ = try await talk.ask(person, "/start") }

            // Asked in the bot.
            let ada = try talk.telegram.person("Ada <b>", language: "ru")
            #expect(try await talk.ask(ada, "/start").contains("Ваш запрос доступа передан"))
            #expect(try await talk.ask(ada, "/start").contains("Ваш запрос доступа передан"))
            let card = try #require(try await talk.telegram.said(root, 2).last)
            let other = try #require(try await talk.telegram.said(second, 2).last)
            #expect(card["text"]?.string?.contains("Ada <b>") == true, "\(card.text)")
            #expect(other["text"]?.string?.contains("Запрос доступа") == true)

            // Refused to somebody who is not entitled: a stranger with the button, and who was before.
            let approve = try #require(other.button("✅ Одобрить"))
            _ = try await talk.press(ada, other, data: approve, in: second)
            let grant = try #require(
                try superAdmin.get("/users/\(manager.id)/roles")["items"]?.array?.first?["id"]?.string)
            #expect(try superAdmin.delete("/users/\(manager.id)/roles/\(grant)").status == 200)
            let refusal = try await talk.press(second, other, data: approve)
            #expect(refusal?.contains("access_requests:manage") == true, "\(refusal ?? "")")
            #expect(try await gatehouse.audit("access_request.decision_refused").count == 1)
            #expect(try talk.enter(ada).code == "access_required")

            // Approved by button; everybody's card says so, and whoever asked is told.
            #expect(try await talk.press(root, card, "✅ Approve") == "Approved.")
            #expect(try await talk.says(card, in: root, "Approved by Root"))
            #expect(try await talk.says(other, in: second, "Запрос одобрен: Root"))
            #expect(try await talk.telegram.said(ada, 3).last?["text"]?.string == "Доступ открыт. Теперь можно войти.")
            #expect(try await talk.press(root, card, data: try #require(card.button("❌ Reject")))?.contains("decided") == true)

            // Signed in by Mini App, blocked, thrown out at once.
            let entered = try talk.enter(ada)
            let member = try Member(gatehouse, email: "", reply: entered)
            #expect(try member.get("/users").status == 200)
            #expect(try superAdmin.post("/users/\(member.id)/block").status == 200)
            #expect(try !member.isSignedIn())
            #expect(try gatehouse.refresh(member.refreshToken).status != 200)
            #expect(try talk.enter(ada).code == "account_blocked")
            // The notice of the sign-in may come before it.
            let refused = try await talk.lastAfter(ada, "/start", where: { $0.contains("заблокирована") })
            #expect(refused == "Ваша учётная запись заблокирована.")
            let events = Set(try await gatehouse.audit().map(\.event))
            #expect(events.isSuperset(of: ["access_request.created", "access_request.approved", "user.status_changed"]))
        }
    }

    @Test("commands list, approve for a time and reject with a reason", arguments: Stores.all)
    func commands(on kind: StoreKind) async throws {
        try await withConversation(on: kind, Self.settings) { talk async throws in
            let superAdmin = try talk.gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            #expect(try await talk.ask(root, "/requests").contains("Nobody asks"))
            let (ada, bob) = (try talk.telegram.person("Ada"), try talk.telegram.person("Bob"))
            #expect(try await talk.ask(ada, "/start").contains("passed on"))
            let first = try superAdmin.openRequest()
            talk.gatehouse.clock.advance(by: .seconds(1))
            #expect(try await talk.ask(bob, "/start").contains("passed on"))
            let second = try superAdmin.openRequest()
            let list = try await talk.lastAfter(root, "/requests", where: { $0.contains("1. Bob") })
            #expect(list.contains(first) && list.contains("2. Ada"))
            #expect(try await talk.lastAfter(root, "/approve \(first) 30d Operator", where: { $0 == "Approved." }) == "Approved.")
            #expect(try await talk.telegram.said(ada, 2).last?["text"]?.string?.contains("You have access until") == true)
            let member = try Member(talk.gatehouse, email: "", reply: try talk.enter(ada))
            let detail = try superAdmin.get("/users/\(member.id)")
            #expect(detail["roles"]?.array?.first == "Operator" && detail["access_ends_at"]?.string != nil)
            #expect(try await talk.lastAfter(root, "/reject \(second) not today", where: { $0 == "Rejected." }) == "Rejected.")
            #expect(try await talk.telegram.said(bob, 2).last?["text"]?.string == "Your request for access was rejected: not today")
            #expect(try await talk.ask(ada, "/approve \(second)").contains("access_requests:manage"))
        }
    }

    @Test("administrators are told some days before access ends, once", arguments: Stores.all)
    func notice(on kind: StoreKind) async throws {
        try await withConversation(on: kind, Self.settings) { talk async throws in
            let gatehouse = talk.gatehouse
            let superAdmin = try gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            _ = try await talk.ask(root, "/start")
            let bob = try superAdmin.created("bob@example.com")
            func set(_ days: Int64) throws {
                let end = (gatehouse.clock.now + .seconds(days * 86400)).rfc3339
                #expect(try superAdmin.patch("/users/\(bob.id)/access", ["expires_at": .string(end)]).status == 200)
            }
            try set(4)
            try await gatehouse.services.access.tellOfEnds()
            #expect(try await gatehouse.audit("access.ending").isEmpty)
            try set(2)
            for _ in 0..<2 { try await gatehouse.services.access.tellOfEnds() }
            #expect(try await gatehouse.audit("access.ending").count == 1)
            #expect(try await talk.telegram.said(root, 2).last?["text"]?.string?.contains("The access of Grace Hopper ends on") == true)
            try set(1)
            try await gatehouse.services.access.tellOfEnds()
            #expect(try await gatehouse.audit("access.ending").count == 2)
        }
    }

    @Test("reviews are settled by buttons", arguments: Stores.all)
    func reviews(on kind: StoreKind) async throws {
        let settings = Self.settings.merging(["ACCESS_REVIEW_EVERY": "1h"]) { $1 }
        try await withConversation(on: kind, settings) { talk async throws in
            let gatehouse = talk.gatehouse
            let superAdmin = try gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            let (bob, eve) = (try superAdmin.created("bob@example.com"), try superAdmin.created("eve@example.com"))
            #expect(try await talk.ask(root, "/reviews").contains("Nobody"))
            gatehouse.clock.advance(by: .seconds(3600))
            let message = try await talk.askFor(root, "/reviews")
            let words = try #require(message["text"]?.string)
            #expect(words.contains("bob@example.com") && words.contains("eve@example.com"))
            let lines = words.split(separator: "\n").dropFirst()
            func number(_ email: String) throws -> String {
                let line = try #require(lines.first { $0.contains(email) })
                return String(line.prefix { $0 != "." })
            }
            let (keep, withdraw) = ("✅ Keep \(try number("bob@example.com"))", "🚫 Withdraw \(try number("eve@example.com"))")
            #expect(try await talk.press(root, message, keep) == "Confirmed.")
            #expect(try await talk.press(root, message, withdraw)?.contains("blocked") == true)
            #expect(try gatehouse.login("bob@example.com").status == 200)
            #expect(try gatehouse.login("eve@example.com").code == "account_blocked")
            #expect(try gatehouse.refresh(eve.refreshToken).status != 200)
            #expect(try gatehouse.refresh(bob.refreshToken).status == 200)
        }
    }
}

extension Conversation {
    /// Tries to sign in by Mini App.
    func enter(_ person: Int64) throws -> HTTPClient.Reply {
        try gatehouse.miniApp(person, signer: SignedByTelegram(telegram.token.text))
    }

    /// What the bot says that is so, once it does: it may say other things before.
    func lastAfter(_ person: Int64, _ text: String, where condition: (String) -> Bool) async throws -> String {
        let before = try telegram.said(person).count
        try telegram.says(person, text)
        var found: String?
        _ = try await eventually {
            found = try telegram.said(person).dropFirst(before).compactMap { $0["text"]?.string }.first(where: condition)
            return found != nil
        }
        let said = try telegram.said(person).compactMap { $0["text"]?.string }
        return found ?? "\(said)"
    }
}
