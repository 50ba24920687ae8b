import Ground
import Services
import Store
import Testing

@Suite("Recovery by mail") struct PasswordRecoveryTests {
    static let fresh = "seventeen quiet looms"

    private func ask(_ gatehouse: Gatehouse, _ email: String = "ada@example.com", headers: [String: String] = [:]) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/password-reset/request", json: ["email": .string(email)], headers: headers)
    }

    private func validate(_ gatehouse: Gatehouse, _ token: String) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/password-reset/validate", json: ["token": .string(token)])
    }

    private func confirm(_ gatehouse: Gatehouse, _ token: String, _ password: String = fresh) throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/auth/password-reset/confirm", json: ["token": .string(token), "new_password": .string(password)])
    }

    /// The token of the newest of so many mails.
    private func token(_ mails: MailFolder, _ count: Int = 1) async throws -> String {
        let found = try await mails.mails(.passwordReset, count)
        return try #require(found.last).token
    }

    @Test("the link of the mail gives a new password, once; every session ends", arguments: Stores.all)
    func whole(on kind: StoreKind) async throws {  // REQ-AUTH-45, cases 29 and 35
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            #expect(try ask(gatehouse, " ADA@example.com").status == 202)
            let mail = try await mails.mail(.passwordReset)
            #expect(mail.to.lowercased() == "ada@example.com" && mail.subject == "Choose a new password")
            #expect(mail.links.count == 1 && mail.text.contains("60 minutes") && mail.text.contains("127.0.0.1"))
            let token = try mail.token
            let valid = try validate(gatehouse, token)
            #expect(valid.status == 200 && valid["expires_at"] == JSON(gatehouse.clock.now + .seconds(3600)))
            #expect(try confirm(gatehouse, token, "short").code == "validation_failed")
            #expect(try confirm(gatehouse, token).status == 200)
            #expect(try !ada.isSignedIn() && gatehouse.refresh(ada.refreshToken).status == 401)
            #expect(try gatehouse.login().code == "credentials_invalid")
            #expect(try gatehouse.login(password: Self.fresh).status == 200)
            #expect(try validate(gatehouse, token).code == "link_invalid")
            #expect(try confirm(gatehouse, token, "another quiet mill").code == "link_invalid")
            #expect(try gatehouse.login(password: Self.fresh).status == 200)
            #expect(try await gatehouse.audit("password.reset_requested").count == 1)
            let rows = try await gatehouse.audit("password.reset")
            #expect(rows.count == 1 && rows[0].severity == "warning" && !rows[0].metadata.contains("gh"))
            #expect(try await mails.mail(.passwordChanged).to == "ada@example.com")
        }
    }

    @Test("of many who use a link at once one gets in", arguments: Stores.all)
    func case35Concurrency(on kind: StoreKind) async throws {  // case 35
        // Seven of the eight passwords do not work.
        try await withMail(on: kind, ["MAX_LOGIN_ATTEMPTS": "8"]) { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            _ = try ask(gatehouse)
            let token = try await token(mails)
            let passwords = (0..<8).map { "seventeen quiet looms \($0)" }
            let replies = try gatehouse.client.sendAtOnce(passwords.map { password in
                HTTPClient.request(
                    "POST", "/auth/password-reset/confirm",
                    json: ["token": .string(token), "new_password": .string(password)])
            })
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.status != 200 }.allSatisfy { $0.code == "link_invalid" })
            let works = try passwords.filter { try gatehouse.login(password: $0).status == 200 }
            #expect(works == zip(passwords, replies).filter { $1.status == 200 }.map(\.0))
        }
    }

    @Test("a link is over after an hour, whether or not anything was cleaned up", arguments: Stores.all)
    func case37Expiry(on kind: StoreKind) async throws {  // case 37
        try await withMail(on: kind) { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            _ = try ask(gatehouse)
            let token = try await token(mails)
            gatehouse.clock.advance(by: .seconds(3599))
            #expect(try validate(gatehouse, token).status == 200)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try validate(gatehouse, token).code == "link_invalid")
            #expect(try confirm(gatehouse, token).code == "link_invalid")
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("an address without an account gets the same answer, after the same writes, and no mail", arguments: Stores.all)
    func case43Enumeration(on kind: StoreKind) async throws {  // case 43
        try await withMail(on: kind) { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            _ = try await mails.mail(.emailVerification)
            func asked(_ email: String) async throws -> (HTTPClient.Reply, [OutboxMessage]) {
                let reply = try ask(gatehouse, email)
                let rows = try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 10)
                return (reply, rows)
            }
            let (known, first) = try await asked("ada@example.com")
            let (unknown, both) = try await asked("eve@example.com")
            #expect(known.status == 202 && unknown.status == 202 && known.text == unknown.text)
            #expect(known.headers.map(\.name) == unknown.headers.map(\.name))
            #expect(first.count == 1 && both.count == 2 && Set(both.map(\.topic)) == ["password_reset"])
            let isDone = try await eventually {
                let rows = try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 10)
                return rows.count == 2 && rows.allSatisfy { $0.state == .sent && $0.payload == "{}" }
            }
            #expect(isDone)
            #expect(try await mails.mail(.passwordReset).to == "ada@example.com")
        }
    }

    @Test("whoever may not come in gets no link, and the answer does not say so")
    func standing() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            let bob = try gatehouse.registered("bob@example.com")
            let root = try gatehouse.superAdmin()
            _ = try ask(gatehouse)
            let token = try await token(mails)
            #expect(try root.post("/users/\(ada.id)/block", [:]).status == 200)
            #expect(try ask(gatehouse).status == 202)
            #expect(try root.delete("/users/\(bob.id)").status == 200)
            #expect(try ask(gatehouse, "bob@example.com").status == 202)
            // What was sent before does not help either.
            #expect(try confirm(gatehouse, token).code == "account_blocked")
            _ = try ask(gatehouse, "root@example.com")
            #expect(try await mails.mails(.passwordReset, 2).count == 2)
        }
    }

    @Test("case 36: the link is of the configuration, whatever the request says of hosts")
    func case36Hosts() async throws {
        let settings = ["PUBLIC_URL": "https://auth.example.com", "TRUSTED_PROXIES": "127.0.0.1"]
        try await withMail(settings) { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            let headers = [
                "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "for=192.0.2.1;host=evil.example",
                "Origin": "https://evil.example", "X-Forwarded-Server": "evil.example",
            ]
            #expect(try ask(gatehouse, headers: headers).status == 202)
            let mail = try await mails.mail(.passwordReset)
            #expect(mail.links.allSatisfy { $0.hasPrefix("https://auth.example.com/reset-password#ghpr_") })
            #expect(!mail.text.contains("evil.example") && !mail.html.contains("evil.example"))
        }
    }

    @Test("case 22: no token of one kind is taken for another")
    func case22Kinds() async throws {
        try await withMail(["MAGIC_LINK": "true"]) { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            _ = try ask(gatehouse)
            let reset = try await token(mails)
            let verification = try await mails.mail(.emailVerification).token
            let invitation = try ada.post("/invitations", ["email": "g@example.com", "company_id": JSON(ada.companyID)])
            let others = [
                verification, ada.accessToken, ada.refreshToken, try #require(invitation["token"]?.string), "", "ghpr_",
                "ghpr_" + verification.dropFirst(5), String(reset.dropLast(2)) + "AA", reset + "A", reset + " ",
            ]
            for other in others {
                let reply = try confirm(gatehouse, other)
                #expect(reply.code == "link_invalid" || reply.code == "validation_failed", "\(other)")
            }
            for path in ["email-verification/confirm", "email-change/confirm", "email-change/undo", "magic-link/session"] {
                for token in [reset, "ghev_" + reset.dropFirst(5), "ghec_" + reset.dropFirst(5), "gheu_" + reset.dropFirst(5)] {
                    let reply = try gatehouse.client.send("POST", "/auth/\(path)", json: ["token": .string(token)])
                    #expect(reply.status == 400 && reply.code == "link_invalid", "\(path) \(token)")
                }
            }
            let asAccess = try gatehouse.client.send("GET", "/auth/validate", token: reset)
            #expect(asAccess.code == "token_invalid")
            #expect(try gatehouse.refresh(reset).code == "token_invalid")
            #expect(try confirm(gatehouse, reset).status == 200)
        }
    }

    @Test("cases 29 and 60: nothing is left out: an empty body, or one without the token, changes nothing")
    func case60Empty() async throws {
        try await withMail { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            _ = try ask(gatehouse)
            _ = try await token(mails)
            let bodies: [JSON] = [
                [:], ["new_password": "seventeen quiet looms"], ["token": nil, "new_password": "seventeen quiet looms"],
                ["token": "", "new_password": "seventeen quiet looms"], ["token": [], "new_password": "seventeen quiet looms"],
                ["user_id": .string(ada.id), "token": "x", "new_password": "seventeen quiet looms"],
            ]
            for body in bodies {
                let reply = try gatehouse.client.send("POST", "/auth/password-reset/confirm", json: body)
                #expect(reply.status == 400 && reply.code == "validation_failed", "\(reply.text)")
            }
            #expect(try gatehouse.client.send("POST", "/auth/password-reset/confirm").status == 400)
            #expect(try gatehouse.client.send("POST", "/auth/password-reset/request").status == 400)
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("a link dies with the password and the address that it was made for", arguments: Stores.all)
    func binding(on kind: StoreKind) async throws {
        try await withMail(on: kind) { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            _ = try ask(gatehouse)
            let first = try await token(mails, 1)
            gatehouse.clock.advance(by: .seconds(1))
            _ = try ask(gatehouse)
            let second = try await token(mails, 2)
            let changed = try ada.post(
                "/auth/change-password",
                ["current_password": .string(Member.password), "new_password": .string(Self.fresh)])
            #expect(changed.status == 200)
            #expect(try validate(gatehouse, first).code == "link_invalid")
            #expect(try confirm(gatehouse, second, "another quiet mill").code == "link_invalid")
            gatehouse.clock.advance(by: .seconds(1))
            _ = try ask(gatehouse)
            let third = try await token(mails, 3)
            let root = try gatehouse.superAdmin()
            #expect(try root.patch("/users/\(ada.id)", ["email": "new@example.com"]).status == 200)
            #expect(try confirm(gatehouse, third, "another quiet mill").code == "link_invalid")
        }
    }

    @Test("a reset unlocks the account, proves the address, and takes away a way in that somebody left before")
    func case53Takeover() async throws {  // cases 41 and 53
        try await withMail(["MAX_LOGIN_ATTEMPTS": "2"]) { gatehouse, mails async throws in
            let ada = try gatehouse.registered()
            let user = try #require(UUID(ada.id))
            let now = gatehouse.clock.now
            try await gatehouse.store.transaction {
                try await $0.telegramIdentities.insert(
                    TelegramIdentity(
                        telegramID: 4711, userID: user, firstName: "Eve", lastName: nil, username: nil, photoURL: nil,
                        language: nil, subject: nil, at: now))
                try await $0.passkeys.insert(Self.passkey(1, of: user, isSecondFactor: false, at: now))
                try await $0.passkeys.insert(Self.passkey(2, of: user, isSecondFactor: true, at: now))
            }
            _ = try ask(gatehouse)
            #expect(try confirm(gatehouse, try await token(mails)).status == 200)
            // A mailbox alone does not pass by a second factor.
            #expect(try await gatehouse.store.reading.passkeys.all(ofUser: user).map(\.isSecondFactor) == [true])
            #expect(try await gatehouse.store.reading.telegramIdentities.find(4711) == nil)
            #expect(try await gatehouse.store.reading.users.find(user)?.emailVerifiedAt == gatehouse.clock.now)
            #expect(try await gatehouse.audit("telegram.unlinked").count == 1)
            // From now on the address is proved, and what its owner adds stays.
            try await gatehouse.store.transaction {
                try await $0.telegramIdentities.insert(
                    TelegramIdentity(
                        telegramID: 4712, userID: user, firstName: "Ada", lastName: nil, username: nil, photoURL: nil,
                        language: nil, subject: nil, at: now))
            }
            gatehouse.clock.advance(by: .seconds(1))
            _ = try ask(gatehouse)
            #expect(try confirm(gatehouse, try await token(mails, 2), "another quiet mill").status == 200)
            #expect(try await gatehouse.store.reading.telegramIdentities.find(4712) != nil)
        }
    }

    private static func passkey(_ number: UInt8, of user: UUID, isSecondFactor: Bool, at now: Timestamp) -> Passkey {
        Passkey(
            id: UUID(high: 1, low: UInt64(number)), userID: user, credentialID: [number], publicKey: [1], counter: 0,
            name: "Key", aaguid: UUID(high: 0, low: 0), transports: [], isDiscoverable: !isSecondFactor,
            isSecondFactor: isSecondFactor, isBackupEligible: false, isBackedUp: false, wasVerified: true, at: now)
    }

    @Test("without mail the request says so, to everybody alike")
    func withoutMail() async throws {
        try await withGatehouse { gatehouse async throws in
            _ = try gatehouse.registered()
            for email in ["ada@example.com", "eve@example.com"] {
                let reply = try ask(gatehouse, email)
                #expect(reply.status == 503 && reply.code == "mail_not_configured")
            }
        }
    }

    @Test("nothing that opens an account is in the log but where a development server shows its mail")
    func logging() async throws {
        let mails = MailFolder()
        var log = ""
        try await withStores(.sqliteInMemory) { stores async throws in
            let gatehouse = try await stores.node(mails.settings)
            _ = try gatehouse.registered()
            _ = try ask(gatehouse)
            let token = try await token(mails)
            #expect(try confirm(gatehouse, token).status == 200)
            await gatehouse.stop()
            log = gatehouse.logText
            let lines = log.split(separator: "\n").filter { $0.contains("ghpr_") }
            #expect(lines.count == 1 && lines[0].contains("mail.written") && lines[0].contains(token))
        }
    }
}
