import Ground
import Services
import Store
import Testing

@Suite("Taking a change of the address back") struct EmailUndoTests {
    private func follow(_ gatehouse: Gatehouse, _ path: String, _ token: String) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/\(path)", json: ["token": .string(token)])
    }

    /// Ada with a proved address.
    private func proved(_ gatehouse: Gatehouse, _ mails: MailFolder) async throws -> Member {
        let ada = try gatehouse.registered()
        let link = try await mails.mail(.emailVerification)
        try #require(try follow(gatehouse, "email-verification/confirm", link.token).status == 200)
        return ada
    }

    /// A thief in Ada's session changes the address; gives the link that takes it back.
    private func stolen(_ gatehouse: Gatehouse, _ ada: Member, _ mails: MailFolder, to email: String = "eve@example.com")
        async throws -> String
    {
        gatehouse.clock.advance(by: .seconds(1))
        try #require(try ada.post("/auth/email-change/request", ["new_email": .string(email)]).status == 202)
        let link = try await mails.mail(.emailChange)
        let reply = try follow(gatehouse, "email-change/confirm", link.token)
        try #require(reply.status == 200, "\(reply.text)")
        return try await mails.mail(.emailChanged).token
    }

    private func address(of member: Member) async throws -> String? {
        let id = try #require(UUID(member.id))
        return try await member.gatehouse.store.reading.users.find(id)?.email
    }

    @Test("as long as it can be taken back, the former address is nobody else's", arguments: Stores.all)
    func held(kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let root = try gatehouse.superAdmin()
            let invited = try root.post("/invitations", ["email": "ada@example.com", "roles": ["Viewer"]])
            try #require(invited.status == 201, "\(invited.text)")
            let ada = try await proved(gatehouse, mails)
            let bob = try gatehouse.registered("bob@example.com")
            let undo = try await stolen(gatehouse, ada, mails)

            // A stranger learns what they learn of any address that has an account.
            let (held, taken) = (try gatehouse.register("Ada@Example.com"), try gatehouse.register("bob@example.com"))
            #expect(held.code == "email_taken" && held.status == taken.status && held["title"] == taken["title"])
            #expect(held["detail"] == taken["detail"])
            let person: JSON = ["name": "Ada Again", "email": "ada@example.com", "roles": []]
            #expect(try root.post("/users", person).code == "email_taken")
            #expect(try root.patch("/users/\(bob.id)", ["email": "ada@example.com"]).code == "email_taken")
            #expect(try root.post("/invitations", ["email": "ada@example.com", "roles": []]).code == "email_taken")
            let token = try #require(invited["token"]?.string, "\(invited.text)")
            let accepted = try gatehouse.client.send(
                "POST", "/invitations/accept",
                json: ["token": .string(token), "name": "Eve", "password": .string(Member.password)])
            #expect(accepted.code == "email_taken", "\(accepted.text)")
            let imported = try root.importing("email,name\nada@example.com,Ada Again\n")
            #expect(imported.text.contains("email_taken"), "\(imported.text)")
            // Whether it is anybody's is not told to who asks for it by mail.
            #expect(try bob.post("/auth/email-change/request", ["new_email": "ada@example.com"]).status == 202)
            let areSettled = try await eventually {
                let rows = try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 10)
                return rows.allSatisfy { $0.state == .sent }
            }
            #expect(areSettled)
            #expect(try mails.mails(.emailChange).map(\.to) == ["eve@example.com"])

            let undone = try follow(gatehouse, "email-change/undo", undo)
            #expect(undone.status == 200, "\(undone.text)")
            #expect(try await address(of: ada) == "ada@example.com")
            // The thief's own is free again.
            #expect(try gatehouse.register("eve@example.com").status == 201)
        }
    }

    @Test("whoever moved away may come back, and after a week anybody gets the address", arguments: Stores.all)
    func released(kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let undo = try await stolen(gatehouse, ada, mails, to: "new@example.com")
            gatehouse.clock.advance(by: .seconds(7 * 86400 - 1))
            #expect(try gatehouse.register().code == "email_taken")
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try gatehouse.register().status == 201)
            #expect(try follow(gatehouse, "email-change/undo", undo).code == "link_invalid")
        }
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            _ = try await stolen(gatehouse, ada, mails, to: "new@example.com")
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try ada.post("/auth/email-change/request", ["new_email": "ada@example.com"]).status == 202)
            let back = try await mails.mails(.emailChange, 2)[1]
            #expect(back.to == "ada@example.com")
            #expect(try follow(gatehouse, "email-change/confirm", back.token).status == 200)
            #expect(try await address(of: ada) == "ada@example.com")
        }
    }

    @Test("what a thief has added since the change goes with it, and what was there before stays", arguments: Stores.all)
    func added(kind: StoreKind) async throws {
        try await withMail(on: kind, SignedByTelegram.settings.merging(["JWT_EXPIRES_IN": "1h"]) { $1 }) { gatehouse, mails async throws in
            let ada = try PasskeyHolder(gatehouse, try await proved(gatehouse, mails))
            let own = try ada.newPasskey(name: "Ada's")
            let undo = try await stolen(gatehouse, ada.member, mails)
            gatehouse.clock.advance(by: .seconds(1))
            let foreign = try ada.newPasskey(name: "Eve's")
            let data = SignedByTelegram().initData(7, "Eve", at: gatehouse.clock.now)
            #expect(try ada.member.post("/auth/telegram/link", ["init_data": .string(data)]).status == 200)
            let app = try ada.member.authenticator()
            var browser = Browser(gatehouse)
            let remembered = try browser.finish(
                try browser.challenged("eve@example.com"), app.nextCode(), method: "totp", .init("remember_device", true))
            #expect(remembered.status == 200, "\(remembered.text)")
            let thief = try Member(gatehouse, email: "eve@example.com", reply: remembered)

            let undone = try follow(gatehouse, "email-change/undo", undo)
            #expect(undone.status == 200, "\(undone.text)")
            #expect(try !thief.isSignedIn())
            #expect(try gatehouse.refresh(thief.refreshToken).status == 401)
            #expect(try ada.signIn(with: foreign).code == "passkey_unknown")
            let id = try #require(UUID(thief.id))
            let reading = gatehouse.store.reading
            #expect(try await reading.rememberedDevices.all(of: id, atMost: 9, at: gatehouse.clock.now).isEmpty)
            #expect(try await reading.secondFactors.secret(of: id) == nil)
            #expect(try await reading.telegramIdentities.find(ofUser: id) == nil)
            // Nobody asks for the thief's app: the passkey of before opens the account.
            let back = try ada.signIn(with: own)
            #expect(back.status == 200 && back["access_token"] != nil, "\(back.text)")
            let rows = try await gatehouse.audit().filter { $0.metadata.contains("email_change_undone") }
            #expect(Set(rows.map(\.event)) == ["passkey.deleted", "telegram.unlinked", "second_factor.disabled"])
        }
    }

    @Test("an app of before the change stays, and is asked for")
    func kept() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let app = try ada.authenticator()
            let undo = try await stolen(gatehouse, ada, mails)
            let undone = try follow(gatehouse, "email-change/undo", undo)
            let token = try #require(undone["password_reset_token"]?.string, "\(undone.text)")
            let reset = try gatehouse.client.send(
                "POST", "/auth/password-reset/confirm",
                json: ["token": .string(token), "new_password": "seventeen quiet looms"])
            #expect(reset.status == 200, "\(reset.text)")
            var browser = Browser(gatehouse)
            let challenge = try browser.challenged(password: "seventeen quiet looms")
            // Whoever had the account may know the codes on paper.
            #expect(try browser.finish(challenge, app.recoveryCodes[0], method: "recovery_code").code == "code_invalid")
            #expect(try browser.finish(challenge, app.nextCode()).status == 200)
        }
    }

    @Test("a block, a deletion and an administrator's change of the address end it, and free the address", arguments: Stores.all)
    func ended(kind: StoreKind) async throws {
        for (step, way) in ["block", "delete", "change"].enumerated() {
            try await withMail(on: step == 0 ? kind : .sqliteInMemory) { gatehouse, mails async throws in
                let root = try gatehouse.superAdmin()
                let ada = try await proved(gatehouse, mails)
                let undo = try await stolen(gatehouse, ada, mails)
                switch way {
                case "block":
                    #expect(try root.post("/users/\(ada.id)/block", [:]).status == 200)
                    #expect(try root.post("/users/\(ada.id)/unblock", [:]).status == 200)
                case "delete":
                    #expect(try root.delete("/users/\(ada.id)").status == 200)
                    #expect(try root.post("/users/\(ada.id)/restore", [:]).status == 200)
                default:
                    let patched = try root.patch("/users/\(ada.id)", ["email": "third@example.com"])
                    #expect(patched.status == 200, "\(patched.text)")
                }
                #expect(try follow(gatehouse, "email-change/undo", undo).code == "link_invalid")
                #expect(try gatehouse.register().status == 201)
            }
        }
    }

    @Test("an administrator's own change of their own address can be taken back like anybody's")
    func administrator() async throws {
        try await withMail { gatehouse, mails async throws in
            let root = try gatehouse.superAdmin()
            try #require(try root.post("/auth/email-verification/request").status == 202)
            let link = try await mails.mail(.emailVerification)
            try #require(try follow(gatehouse, "email-verification/confirm", link.token).status == 200)
            #expect(try root.patch("/users/\(root.id)", ["email": "eve@example.com"]).status == 200)
            let notice = try await mails.mail(.emailChanged)
            #expect(notice.to == "root@example.com")
            #expect(try gatehouse.register("root@example.com").code == "email_taken")
            #expect(try follow(gatehouse, "email-change/undo", try notice.token).status == 200)
            #expect(try await address(of: root) == "root@example.com")
        }
    }

    @Test("of a registration and a taking back at the same moment, the owner's is the one that holds", arguments: Stores.all)
    func atOnce(kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let undo = try await stolen(gatehouse, ada, mails)
            let members: JSON = [
                "name": "Eve", "email": "ada@example.com", "password": .string(Member.password), "company_name": "Eve's",
            ]
            let register = HTTPClient.request("POST", "/auth/register", json: members)
            let back = HTTPClient.request("POST", "/auth/email-change/undo", json: ["token": .string(undo)])
            let replies = try gatehouse.client.sendAtOnce([register, back, register, register])
            #expect(replies[1].status == 200, "\(replies[1].text)")
            #expect([0, 2, 3].allSatisfy { replies[$0].code == "email_taken" }, "\(replies.map(\.text))")
            #expect(try await address(of: ada) == "ada@example.com")
        }
    }
}
