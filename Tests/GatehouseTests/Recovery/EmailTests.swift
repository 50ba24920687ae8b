import Ground
import Services
import Store
import Testing

@Suite("The address of an account") struct EmailTests {
    private func follow(_ gatehouse: Gatehouse, _ path: String, _ token: String) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/\(path)", json: ["token": .string(token)])
    }

    private func user(_ gatehouse: Gatehouse, _ member: Member) async throws -> User {
        let id = try #require(UUID(member.id))
        return try #require(try await gatehouse.store.reading.users.find(id))
    }

    @Test("the link of the registration proves the address, once", arguments: Stores.all)
    func verification(on kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            #expect(try await user(gatehouse, ada).emailVerifiedAt == nil)
            #expect(try ada.post("/auth/email-verification/request").status == 202)
            let links = try await mails.mails(.emailVerification, 2)
            #expect(try follow(gatehouse, "email-verification/confirm", links[0].token).status == 200)
            #expect(try await user(gatehouse, ada).emailVerifiedAt == gatehouse.clock.now)
            #expect(try follow(gatehouse, "email-verification/confirm", links[0].token).code == "link_invalid")
            #expect(try await gatehouse.audit("email.verified").count == 1)
            #expect(try ada.isSignedIn())
            // The other still works, and changes nothing; no more are sent.
            #expect(try follow(gatehouse, "email-verification/confirm", links[1].token).status == 200)
            #expect(try await gatehouse.audit("email.verified").count == 1)
            #expect(try ada.post("/auth/email-verification/request").status == 202)
            #expect(try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 10).count == 1)
        }
    }

    @Test("a link proves nothing once the account has another address")
    func verificationOfFormer() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            let former = try await mails.mail(.emailVerification)
            let root = try gatehouse.superAdmin()
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try root.patch("/users/\(ada.id)", ["email": "new@example.com"]).status == 200)
            let both = try await mails.mails(.emailVerification, 2)
            #expect(both[1].to == "new@example.com")
            #expect(try follow(gatehouse, "email-verification/confirm", former.token).code == "link_invalid")
            #expect(try await user(gatehouse, ada).emailVerifiedAt == nil)
            #expect(try follow(gatehouse, "email-verification/confirm", both[1].token).status == 200)
            // What an administrator has changed is told, and is not for the person to take back.
            let notice = try await mails.mail(.emailChanged)
            #expect(notice.to == "ada@example.com" && notice.links.isEmpty)
        }
    }

    /// Ada with a proved address.
    private func proved(_ gatehouse: Gatehouse, _ mails: MailFolder) async throws -> Member {
        let ada = try gatehouse.registered()
        let link = try await mails.mail(.emailVerification)
        #expect(try follow(gatehouse, "email-verification/confirm", link.token).status == 200)
        return ada
    }

    /// Asks for another address and follows the link; gives the mail to the former address.
    private func change(_ ada: Member, to email: String, number: Int = 1, _ mails: MailFolder) async throws -> ReceivedMail {
        ada.gatehouse.clock.advance(by: .seconds(1))
        #expect(try ada.post("/auth/email-change/request", ["new_email": .string(email)]).status == 202)
        let link = try await mails.mails(.emailChange, number)[number - 1]
        #expect(link.to == email)
        let reply = try follow(ada.gatehouse, "email-change/confirm", link.token)
        #expect(reply.status == 200, "\(reply.text)")
        return try await mails.mails(.emailChanged, number)[number - 1]
    }

    @Test("an address is changed by the link that was sent to it; the former one is told, and takes it back", arguments: Stores.all)
    func changing(on kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            #expect(try ada.post("/auth/email-change/request", ["new_email": "new@example.com"]).status == 202)
            let link = try await mails.mail(.emailChange)
            #expect(link.to == "new@example.com")
            // Nothing has changed yet.
            #expect(try gatehouse.login().status == 200 && gatehouse.login("new@example.com").status == 401)
            #expect(try follow(gatehouse, "email-change/confirm", link.token).status == 200)
            #expect(try follow(gatehouse, "email-change/confirm", link.token).code == "link_invalid")
            #expect(try gatehouse.login().status == 401 && gatehouse.login("new@example.com").status == 200)
            #expect(try await user(gatehouse, ada).emailVerifiedAt == gatehouse.clock.now)
            #expect(try ada.get("/auth/profile")["user"]?["email"]?.string == "new@example.com")
            let notice = try await mails.mail(.emailChanged)
            #expect(notice.to == "ada@example.com" && notice.text.contains("new@example.com"))
            let undone = try follow(gatehouse, "email-change/undo", notice.token)
            #expect(undone.status == 200, "\(undone.text)")
            #expect(try !ada.isSignedIn())
            #expect(try follow(gatehouse, "email-change/undo", notice.token).code == "link_invalid")
            #expect(try gatehouse.login("new@example.com").status == 401)
            // Whoever changed the address may know the password: it opens nothing, and the answer has the way to another.
            #expect(try gatehouse.login().status == 401)
            let token = try #require(undone["password_reset_token"]?.string)
            let reset = try gatehouse.client.send(
                "POST", "/auth/password-reset/confirm",
                json: ["token": .string(token), "new_password": "seventeen quiet looms"])
            #expect(reset.status == 200, "\(reset.text)")
            #expect(try gatehouse.login(password: "seventeen quiet looms").status == 200)
            #expect(try await gatehouse.audit("email.change_undone").map(\.severity) == ["critical"])
        }
    }

    @Test("of several changes the first can be taken back, and whoever made them cannot take that back", arguments: Stores.all)
    func chain(on kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let first = try await change(ada, to: "eve@example.com", mails)
            let second = try await change(ada, to: "mallory@example.com", number: 2, mails)
            #expect(first.to == "ada@example.com" && second.to == "eve@example.com")
            // The later link is used first: the earlier still works.
            #expect(try follow(gatehouse, "email-change/undo", second.token).status == 200)
            #expect(try await user(gatehouse, ada).email == "eve@example.com")
            #expect(try follow(gatehouse, "email-change/undo", first.token).status == 200)
            #expect(try await user(gatehouse, ada).email == "ada@example.com")
        }
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let first = try await change(ada, to: "eve@example.com", mails)
            let second = try await change(ada, to: "mallory@example.com", number: 2, mails)
            let undone = try follow(gatehouse, "email-change/undo", first.token)
            #expect(undone.status == 200)
            #expect(try follow(gatehouse, "email-change/undo", second.token).code == "link_invalid")
            #expect(try await user(gatehouse, ada).email == "ada@example.com")
        }
    }

    @Test("an address that somebody has is not offered, and nobody is told so", arguments: Stores.all)
    func taken(on kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            _ = try gatehouse.registered("bob@example.com")
            let taken = try ada.post("/auth/email-change/request", ["new_email": "bob@example.com"])
            let free = try ada.post("/auth/email-change/request", ["new_email": "free@example.com"])
            #expect(taken.status == 202 && taken.text == free.text)
            let link = try await mails.mail(.emailChange)
            #expect(link.to == "free@example.com")
            // Somebody is faster.
            _ = try gatehouse.registered("free@example.com")
            #expect(try follow(gatehouse, "email-change/confirm", link.token).code == "email_taken")
            #expect(try await user(gatehouse, ada).email == "ada@example.com")
            #expect(try ada.post("/auth/email-change/request", ["new_email": "ADA@example.com"]).code == "validation_failed")
        }
    }

    @Test("an address that nobody ever proved gets no power over the account")
    func unproved() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            let notice = try await change(ada, to: "new@example.com", mails)
            #expect(notice.to == "ada@example.com" && notice.links.isEmpty)
        }
    }

    @Test("a link for another address dies with the password, and with the session's person")
    func binding() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            #expect(try ada.post("/auth/email-change/request", ["new_email": "new@example.com"]).status == 202)
            let link = try await mails.mail(.emailChange)
            let changed = try ada.post(
                "/auth/change-password",
                ["current_password": .string(Member.password), "new_password": "seventeen quiet looms"])
            #expect(changed.status == 200)
            #expect(try follow(gatehouse, "email-change/confirm", link.token).code == "link_invalid")
        }
    }
}
