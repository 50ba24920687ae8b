import Ground
import Services
import Testing

@Suite("Reviews that are announced", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence))
struct AccessReviewNoticeTests {
    private static let settings = ["ACCESS_REVIEW_EVERY": "1h", "JWT_EXPIRES_IN": "4h"]

    /// What the bot said in a chat about it, once it did so often. A message whose answer was lost comes twice; the last
    /// is the one that counts.
    private func cards(_ talk: Conversation, _ person: Int64, _ word: String, _ count: Int) async throws -> [JSON] {
        var cards: [JSON] = []
        let areThere = try await eventually {
            let said = try talk.telegram.said(person).filter { $0["text"]?.string?.contains(word) == true }
            cards = said.indices.filter { index in !said[(index + 1)...].contains { $0["text"] == said[index]["text"] } }.map { said[$0] }
            return cards.count >= count
        }
        let said = try talk.telegram.said(person)
        try #require(areThere && cards.count == count, "\(cards.count) of \(count): \(said)")
        return cards
    }

    /// Shows that the address is the person's.
    private func prove(_ member: Member, in folder: MailFolder, _ count: Int) async throws {
        #expect(try member.post("/auth/email-verification/request").status == 202)
        let mail = try await folder.mails(.emailVerification, count).first { $0.to == member.email }
        let confirmed = try member.gatehouse.client.send(
            "POST", "/auth/email-verification/confirm", json: ["token": .string(try #require(try mail?.token))])
        try #require(confirmed.status == 200, "\(confirmed.text)")
    }

    @Test("who may decide is asked once, in their language, and the buttons obey the rules of the route", arguments: Stores.all)
    func cards(on kind: StoreKind) async throws {
        try await withConversation(on: kind, Self.settings) { talk async throws in
            let gatehouse = talk.gatehouse
            let superAdmin = try gatehouse.superAdmin()
            let admin = try superAdmin.created("admin@example.com", roles: ["Admin"])
            let viewer = try superAdmin.created("viewer@example.com", roles: ["Viewer"])
            let root = try talk.link(superAdmin, "Root")
            let second = try talk.link(admin, "Second", language: "ru")
            let third = try talk.link(viewer, "Third")
            for person in [root, second, third] { _ = try await talk.ask(person, "/start") }
            gatehouse.clock.advance(by: .seconds(1800))
            let bob = try superAdmin.created("bob@example.com")
            let eve = try superAdmin.created("eve@example.com")
            let access = gatehouse.services.access
            gatehouse.clock.advance(by: .seconds(1800))
            try await access.tellOfReviews()
            // It was everybody else's turn first, and nobody is asked about themselves.
            let first = try await cards(talk, root, "Who still needs access?", 2)
            #expect(first.allSatisfy { $0["text"]?.string?.contains(superAdmin.id) == false })

            gatehouse.clock.advance(by: .seconds(1800))
            for _ in 0..<2 { try await access.tellOfReviews() }
            let mine = try await cards(talk, root, "Who still needs access?", 4)
            let theirs = try await cards(talk, second, "Нужен ли ещё доступ?", 4)
            func card(_ cards: [JSON], _ member: Member) throws -> JSON {
                try #require(cards.first { $0["text"]?.string?.contains(member.id) == true })
            }
            #expect(try talk.telegram.said(third).count == 1)
            #expect(try card(mine, bob)["text"]?.string?.contains("bob@example.com") == true)

            // Refused to who is not entitled: with another's button, about oneself, and no more entitled.
            let keep = try #require(try card(theirs, bob).button("✅ Подтвердить"))
            _ = try await talk.press(third, try card(theirs, bob), data: keep, in: second)
            #expect(try gatehouse.login("bob@example.com").status == 200)
            let grant = try #require(try superAdmin.get("/users/\(admin.id)/roles")["items"]?.array?.first?["id"]?.string)
            #expect(try superAdmin.delete("/users/\(admin.id)/roles/\(grant)").status == 200)
            #expect(try await talk.press(second, try card(theirs, bob), data: keep)?.contains("access_requests:manage") == true)
            #expect(try await gatehouse.audit("access.confirmed").isEmpty)

            // Decided by one, and everybody's message says so.
            #expect(try await talk.press(root, try card(mine, bob), "✅ Confirm") == "Confirmed.")
            #expect(try await talk.says(try card(mine, bob), in: root, "Confirmed by Root"))
            #expect(try await talk.says(try card(theirs, bob), in: second, "Доступ подтверждён: Root"))
            // By the route too.
            #expect(try superAdmin.post("/access-reviews/\(eve.id)/withdraw").status == 200)
            #expect(try await talk.says(try card(mine, eve), in: root, "Withdrawn by Root"))
            #expect(try gatehouse.login("eve@example.com").code == "account_blocked")
            // The next time comes for who has stayed.
            gatehouse.clock.advance(by: .seconds(3600))
            try await access.tellOfReviews()
            _ = try await cards(talk, root, "\(bob.id)", 2)
            _ = try await cards(talk, root, "\(eve.id)", 1)
        }
    }

    @Test("a company's administrators are asked about its own people only")
    func companies() async throws {
        try await withConversation(Self.settings) { talk async throws in
            let ada = try talk.gatehouse.registered("ada@example.com")
            let grace = try talk.gatehouse.registered("grace@example.com")
            let (first, second) = (try talk.link(ada, "Ada"), try talk.link(grace, "Grace"))
            for person in [first, second] { _ = try await talk.ask(person, "/start") }
            let bob = try ada.created("bob@example.com", company: ada.companyID)
            talk.gatehouse.clock.advance(by: .seconds(3600))
            try await talk.gatehouse.services.access.tellOfReviews()
            let card = try #require(try await cards(talk, first, "Who still needs access?", 1).first)
            #expect(card["text"]?.string?.contains(bob.id) == true)
            // What was written to a chat before comes before.
            _ = try await talk.ask(second, "/whoami")
            #expect(try talk.telegram.said(second).count == 2)
        }
    }

    @Test("of many, only that they are many is told, and who they are by the list")
    func many() async throws {
        let folder = MailFolder()
        try await withConversation(Self.settings.merging(folder.settings) { $1 }) { talk async throws in
            let superAdmin = try talk.gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            try await prove(superAdmin, in: folder, 1)
            _ = try await talk.ask(root, "/start")
            // With the first administrator one more than are asked about one by one.
            for number in 0..<10 {
                let made = try superAdmin.post("/users", ["name": "Grace Hopper", "email": .string("p\(number)@example.com")])
                try #require(made.status == 201, "\(made.text)")
            }
            talk.gatehouse.clock.advance(by: .seconds(3600))
            for _ in 0..<2 { try await talk.gatehouse.services.access.tellOfReviews() }
            _ = try await cards(talk, root, "many people", 1)
            #expect(try talk.telegram.said(root).allSatisfy { $0["text"]?.string?.contains("Grace Hopper") == false })
            let mail = try await folder.mail(.accessReview)
            #expect(mail.to == "root@example.com" && !mail.text.contains("Grace") && mail.text.contains("/reviews"))
        }
    }

    @Test("of ten each is asked about")
    func ten() async throws {
        try await withConversation(Self.settings) { talk async throws in
            let superAdmin = try talk.gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            _ = try await talk.ask(root, "/start")
            for number in 0..<9 {
                let made = try superAdmin.post("/users", ["name": "Grace Hopper", "email": .string("p\(number)@example.com")])
                try #require(made.status == 201, "\(made.text)")
            }
            talk.gatehouse.clock.advance(by: .seconds(3600))
            try await talk.gatehouse.services.access.tellOfReviews()
            let asked = try await cards(talk, root, "Who still needs access?", 9)
            #expect(asked.allSatisfy { $0["text"]?.string?.contains("Grace Hopper") == true })
        }
    }

    @Test("whose address is confirmed is told by mail too, once, with all the names", arguments: Stores.all)
    func mail(on kind: StoreKind) async throws {
        let folder = MailFolder()
        try await withGatehouse(on: kind, Self.settings.merging(folder.settings) { $1 }) { gatehouse async throws in
            let superAdmin = try gatehouse.superAdmin()
            let admin = try superAdmin.created("admin@example.com", roles: ["Admin"])
            _ = try superAdmin.created("viewer@example.com", roles: ["Viewer"])
            #expect(try admin.patch("/auth/profile", ["settings": ["language": "ru"]]).status == 200)
            for (number, member) in [superAdmin, admin].enumerated() { try await prove(member, in: folder, number + 1) }
            gatehouse.clock.advance(by: .seconds(3600))
            for _ in 0..<2 { try await gatehouse.services.access.tellOfReviews() }
            let mails = try await folder.mails(.accessReview, 2)
            #expect(mails.count == 2)
            let theirs = try #require(mails.first { $0.to == "admin@example.com" })
            #expect(theirs.subject == "Кому ещё нужен доступ?", "\(theirs.subject)")
            // Nobody decides about themselves, and who may not decide is told nothing.
            #expect(["Root, Grace Hopper", "Grace Hopper, Root"].contains { theirs.text.contains("людях: \($0)\n") }, "\(theirs.text)")
        }
    }

    @Test("where no reviews are set nobody is told")
    func off() async throws {
        try await withConversation { talk async throws in
            let superAdmin = try talk.gatehouse.superAdmin()
            let root = try talk.link(superAdmin)
            _ = try await talk.ask(root, "/start")
            _ = try talk.member("Bob")
            talk.gatehouse.clock.advance(by: .seconds(365 * 86400))
            try await talk.gatehouse.services.access.tellOfReviews()
            // What was written to a chat before comes before.
            #expect(try await talk.ask(root, "/whoami").contains(superAdmin.id))
        }
    }
}
