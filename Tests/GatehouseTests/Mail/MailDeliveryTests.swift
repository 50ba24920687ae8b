import Ground
import SQL
import Store
import Testing

@Suite("Mail in the outbox") struct MailDeliveryTests {
    private func rows(_ gatehouse: Gatehouse, _ lane: String = "mail") async throws -> [OutboxMessage] {
        try await gatehouse.store.reading.outbox.page(of: lane, after: nil, limit: 100)
    }

    private func settled(_ gatehouse: Gatehouse, _ state: OutboxMessage.State) async throws -> [OutboxMessage] {
        var found: [OutboxMessage] = []
        let isSo = try await eventually {
            found = try await rows(gatehouse).filter { $0.state == state }
            return !found.isEmpty
        }
        try #require(isSo)
        return found
    }

    @Test("whoever registers is asked to prove the address, and what was sent is forgotten", arguments: Stores.all)
    func forgetting(on kind: StoreKind) async throws {
        let mails = MailFolder()
        try await withGatehouse(on: kind, mails.settings) { gatehouse async throws in
            _ = try gatehouse.registered()
            let mail = try await mails.mail(.emailVerification)
            #expect(mail.to == "ada@example.com" && mail.subject == "Confirm your e-mail address")
            #expect(mail.header("auto-submitted") == "auto-generated")
            let row = try await settled(gatehouse, .sent)[0]
            #expect(row.payload == "{}" && row.topic == "email-verification")
            #expect(mail.header("message-id") == "<\(row.id)@localhost>")
        }
    }

    @Test("what waits is sealed: neither address nor link stands in the database, and nothing in the log but in development")
    func sealing() async throws {
        // A folder that cannot be made: each attempt fails.
        try await withGatehouse(["MAIL_URL": "file:/dev/null/mail"]) { gatehouse async throws in
            _ = try gatehouse.registered()
            var waiting: [OutboxMessage] = []
            let hasFailed = try await eventually {
                waiting = try await rows(gatehouse)
                return waiting.first?.lastError == "not_written"
            }
            try #require(hasFailed)
            #expect(waiting.count == 1 && waiting[0].state == .pending && waiting[0].attempts == 1)
            #expect(!waiting[0].payload.contains("example.com") && !waiting[0].payload.contains("ghev_"))
            #expect(waiting[0].payload.contains("sealed"))
        }
    }

    @Test("what has lost its worth is not sent any more, and forgotten")
    func expiry() async throws {
        try await withGatehouse(["MAIL_URL": "file:/dev/null/mail"]) { gatehouse async throws in
            _ = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(3 * 86400))
            gatehouse.services.outbox.wake()
            var dead: [OutboxMessage] = []
            let isDead = try await eventually {
                gatehouse.services.outbox.wake()
                dead = try await rows(gatehouse).filter { $0.state == .dead }
                return !dead.isEmpty
            }
            try #require(isDead)
            #expect(dead[0].lastError == "expired" && dead[0].payload == "{}")
        }
    }

    @Test("a notice that was given up stays sealed, and can be sent again once mail works", arguments: Stores.all)
    func deadLetters(on kind: StoreKind) async throws {
        let mails = MailFolder()
        try await withStores(kind) { stores async throws in
            let broken = try await stores.node(["MAIL_URL": "file:/dev/null/mail", "JWT_ISSUER": "one"])
            let ada = try broken.registered()
            _ = try broken.registered("bob@example.com")
            let root = try broken.superAdmin()
            // A notice without a link, which never expires: nobody has proved the address.
            #expect(try root.patch("/users/\(ada.id)", ["email": "new@example.com"]).status == 200)
            let areDead = try await eventually(within: .seconds(60)) {
                broken.clock.advance(by: .seconds(6 * 3600))
                broken.services.outbox.wake()
                return try await rows(broken).allSatisfy { $0.state == .dead }
            }
            try #require(areDead)
            let letters = try await broken.services.postmaster.deadLetters()
            #expect(letters.count == 4 && letters.filter(\.isWhole).map(\.kind) == ["email-changed"])
            await broken.stop()
            let working = try await stores.node(mails.settings.merging(["JWT_ISSUER": "one"]) { $1 })
            #expect(try await working.services.postmaster.retry() == 1)
            let mail = try await mails.mail(.emailChanged)
            #expect(mail.to == "ada@example.com" && mail.text.contains("new@example.com") && mail.links.isEmpty)
            #expect(try await working.services.postmaster.retry() == 0)
            await working.stop()
        }
    }

    @Test("an invitation is sent with the link that the answer has, in the server's language", arguments: Stores.all)
    func invitation(on kind: StoreKind) async throws {
        let mails = MailFolder()
        let settings = mails.settings.merging(["MAIL_LANGUAGE": "ru", "MAIL_LINKS": "https://app.example.com/auth/"]) { $1 }
        try await withGatehouse(on: kind, settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let answer = try ada.post("/invitations", ["email": "grace@example.com", "company_id": JSON(ada.companyID)])
            #expect(answer.status == 201, "\(answer.text)")
            let mail = try await mails.mail(.invitation)
            #expect(mail.to == "grace@example.com" && mail.links.first == answer["url"]?.string)
            #expect(mail.links.first?.hasPrefix("https://app.example.com/auth/invitation#ghi_") == true)
            #expect(mail.subject == "Вас приглашают в Analytical Engines" && mail.text.contains("Ada Lovelace"))
            let accepted = try gatehouse.client.send(
                "POST", "/invitations/accept",
                json: ["token": .string(try mail.token), "name": "Grace", "password": .string(Member.password)])
            #expect(accepted.status == 201, "\(accepted.text)")
        }
    }

    @Test("case 56: names in mail are of one line, and no programme takes them for links")
    func case56Names() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let name = "Win now: https://evil.example/x"
            #expect(try ada.patch("/auth/profile", ["name": .string(name)]).status == 200)
            #expect(try ada.post("/invitations", ["email": "grace@example.com", "company_id": JSON(ada.companyID)]).status == 201)
            let mail = try await mails.mail(.invitation)
            #expect(mail.text.contains("Win now") && !mail.text.contains("https://") && !mail.text.contains("evil.example"))
        }
    }
}
