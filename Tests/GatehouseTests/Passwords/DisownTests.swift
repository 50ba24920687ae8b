import Credentials
import Ground
import Services
import Store
import Testing

@Suite("Notices by mail, and \"it was not me\"") struct DisownTests {
    private static let stolen = "walnut gravel orchestra"
    private static let new = "velvet turnip parliament"

    /// Somebody who has shown that the address is theirs.
    private func proven(_ gatehouse: Gatehouse, _ mails: MailFolder) async throws -> Member {
        let ada = try gatehouse.registered()
        let token = try await mails.mail(.emailVerification).token
        let reply = try gatehouse.client.send("POST", "/auth/email-verification/confirm", json: ["token": .string(token)])
        try #require(reply.status == 200, "\(reply.text)")
        return ada
    }

    private func change(_ member: Member, from old: String, to new: String) throws -> Member {
        let reply = try member.post(
            "/auth/change-password", ["current_password": .string(old), "new_password": .string(new)])
        try #require(reply.status == 200, "\(reply.text)")
        return try Member(member.gatehouse, email: member.email, reply: reply)
    }

    private func disown(_ token: String, _ gatehouse: Gatehouse) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/not-me", json: ["token": .string(token)])
    }

    private func confirm(_ token: String, _ password: String, _ gatehouse: Gatehouse) throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/auth/password-reset/confirm", json: ["token": .string(token), "new_password": .string(password)])
    }

    @Test("a change of the password is told; whoever says that it was not them throws the thief out, and gets in again", arguments: Stores.all)
    func thief(kind: StoreKind) async throws {
        let mails = MailFolder()
        try await withGatehouse(on: kind, mails.settings.merging(["PASSWORD_HISTORY": "3"]) { $1 }) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            let thief = try change(ada, from: Member.password, to: Self.stolen)
            let mail = try await mails.mail(.passwordChanged)
            #expect(mail.to == "ada@example.com" && mail.text.contains("127.0.0.1"))
            #expect(try mail.token.hasPrefix("ghnm_") && mail.links.first?.contains("/not-me#") == true)
            let reply = try disown(try mail.token, gatehouse)
            #expect(reply.status == 200 && reply["sessions_ended"]?.integer == 1)
            #expect(try !thief.isSignedIn())
            #expect(try gatehouse.refresh(thief.refreshToken).status == 401)
            // Neither the password of the thief nor the one of before opens anything, not even the way to another.
            #expect(try gatehouse.login(password: Self.stolen).code == "credentials_invalid")
            #expect(try gatehouse.login(password: Member.password).code == "credentials_invalid")
            #expect(try disown(try mail.token, gatehouse).code == "link_invalid")
            let token = try #require(reply["password_reset_token"]?.string)
            #expect(reply["expires_at"]?.string != nil)
            for former in [Self.stolen, Member.password] {
                let refused = try confirm(token, former, gatehouse)
                #expect(refused["errors"]?.array?.first?["code"] == "password_used_before", "\(refused.text)")
            }
            #expect(try confirm(token, Self.new, gatehouse).status == 200)
            #expect(try gatehouse.login(password: Self.new)["access_token"] != nil)
            let rows = try await gatehouse.audit("account.disowned")
            #expect(rows.count == 1 && rows[0].severity == "critical")
            #expect(rows[0].userID == UUID(ada.id))
        }
    }

    @Test("of two who follow it at once one gets in", arguments: Stores.all)
    func once(kind: StoreKind) async throws {
        let mails = MailFolder()
        try await withGatehouse(on: kind, mails.settings) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            _ = try change(ada, from: Member.password, to: Self.stolen)
            let token = try await mails.mail(.passwordChanged).token
            let codes = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 { group.addTask { try self.disown(token, gatehouse).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.count { $0 == 200 } == 1 && codes.count { $0 == 400 } == 5, "\(codes)")
        }
    }

    @Test("it is of its own kind, works for a week, and for nothing that was made up")
    func kinds() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let verification = try await mails.mail(.emailVerification).token
            #expect(try disown(verification, gatehouse).code == "link_invalid")
            let confirmed = try gatehouse.client.send(
                "POST", "/auth/email-verification/confirm", json: ["token": .string(verification)])
            #expect(confirmed.status == 200)
            let second = try change(ada, from: Member.password, to: Self.stolen)
            let token = try await mails.mail(.passwordChanged).token
            #expect(try confirm(token, Self.new, gatehouse).code == "link_invalid")
            #expect(try confirm("ghpr_" + token.dropFirst(5), Self.new, gatehouse).code == "link_invalid")
            for text in ["ghnm_", "ghnm_AAAA", "x", String(token.dropLast()) + (token.last == "A" ? "B" : "A"), token.uppercased()] {
                #expect(try disown(text, gatehouse).code == "link_invalid")
            }
            #expect(try gatehouse.client.send("POST", "/auth/not-me", json: ["token": "x", "y": 1]).code == "validation_failed")
            gatehouse.clock.advance(by: .seconds(7 * 86400))
            #expect(try disown(token, gatehouse).code == "link_invalid")
            #expect(try gatehouse.login(password: Self.stolen).status == 200)
            _ = second
        }
    }

    @Test("a sign-in from a new device is told, the first one and a known one are not")
    func newDevice() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings.merging(["TRUSTED_PROXIES": "127.0.0.1"]) { $1 }) { gatehouse async throws in
            _ = try await proven(gatehouse, mails)
            #expect(try gatehouse.login(headers: ["X-Forwarded-For": "203.0.113.9"]).status == 200)
            let mail = try await mails.mail(.newDevice)
            #expect(mail.text.contains("203.0.113.9"))
            #expect(try gatehouse.login(headers: ["X-Forwarded-For": "203.0.113.9"]).status == 200)
            #expect(try disown(try mail.token, gatehouse)["sessions_ended"]?.integer == 3)
            #expect(try mails.mails(.newDevice).count == 1)
        }
    }

    @Test("an address that nobody has proved is told, and gets no power")
    func unproven() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            _ = try change(ada, from: Member.password, to: Self.stolen)
            let mail = try await mails.mail(.passwordChanged)
            #expect(mail.links.isEmpty, "\(mail.text)")
        }
    }

    @Test("a link to Telegram of the day before is taken away, an older one stays", arguments: [0, 2])
    func telegram(days: Int) async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            let user = try #require(UUID(ada.id))
            let now = gatehouse.clock.now
            try await gatehouse.store.transaction { repositories in
                try await repositories.telegramIdentities.insert(
                    TelegramIdentity(
                        telegramID: 77, userID: user, firstName: "Ada", lastName: nil, username: nil, photoURL: nil,
                        language: nil, subject: nil, at: now))
            }
            gatehouse.clock.advance(by: .seconds(Int64(days) * 86400 + 60))
            let again = try gatehouse.signedIn()
            _ = try change(again, from: Member.password, to: Self.stolen)
            #expect(try disown(try await mails.mail(.passwordChanged).token, gatehouse).status == 200)
            let left = try await gatehouse.store.reading.telegramIdentities.find(ofUser: user)
            #expect((left == nil) == (days == 0))
            let rows = try await gatehouse.audit("telegram.unlinked")
            #expect(rows.count == (days == 0 ? 1 : 0))
        }
    }

    @Test("an app for codes of the day before is taken away, an older one stays; recovery codes and browsers never do", arguments: [0, 2])
    func secondFactor(days: Int) async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            let app = try ada.authenticator()
            #expect(try await mails.mail(.secondFactorOn).token.hasPrefix("ghnm_"))
            gatehouse.clock.advance(by: .seconds(Int64(days) * 86400 + 60))
            var browser = Browser(gatehouse)
            let first = try browser.finish(
                try browser.challenged(), app.nextCode(), method: "totp", .init("remember_device", true))
            let again = try change(
                try Member(gatehouse, email: ada.email, reply: first), from: Member.password, to: Self.stolen)
            let reply = try disown(try await mails.mail(.passwordChanged).token, gatehouse)
            #expect(reply.status == 200)
            #expect(try !again.isSignedIn())
            #expect(try confirm(try #require(reply["password_reset_token"]?.string), Self.new, gatehouse).status == 200)
            let entered = try browser.login(password: Self.new)
            #expect((entered["access_token"] != nil) == (days == 0))
            #expect((entered["second_factor_required"] == true) == (days == 2), "\(entered.text)")
            if days == 2 {
                let token = try #require(entered["second_factor_token"]?.string)
                #expect(try browser.finish(token, app.recoveryCodes[0], method: "recovery_code").status != 200)
                #expect(try browser.finish(token, app.nextCode()).status == 200)
            } else {
                #expect(try await gatehouse.audit("second_factor.disabled").count == 1)
            }
        }
    }

    @Test("a passkey of the day before is taken away and named, an older one stays", arguments: [0, 2])
    func passkey(days: Int) async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            let user = try #require(UUID(ada.id))
            let key = Passkey(
                id: UUID(at: gatehouse.clock.now, random: .system), userID: user, credentialID: [1, 2, 3], publicKey: [4],
                counter: 0, name: "A thief's phone", aaguid: UUID(high: 0, low: 0), transports: [], isDiscoverable: true,
                isSecondFactor: true, isBackupEligible: false, isBackedUp: false, wasVerified: true, at: gatehouse.clock.now)
            try await gatehouse.store.transaction { repositories in
                try await repositories.passkeys.insert(key)
                try await repositories.secondFactors.set(["passkey"], of: user, at: key.createdAt)
            }
            gatehouse.clock.advance(by: .seconds(Int64(days) * 86400 + 60))
            var again = ada
            again.accessToken = try #require(try gatehouse.refresh(ada.refreshToken)["access_token"]?.string)
            _ = try change(again, from: Member.password, to: Self.stolen)
            #expect(try disown(try await mails.mail(.passwordChanged).token, gatehouse).status == 200)
            let left = try await gatehouse.store.reading.passkeys.all(ofUser: user)
            #expect(left.count == (days == 0 ? 0 : 1))
            let found = try #require(try await gatehouse.store.reading.users.find(user))
            #expect(found.secondFactors == (days == 0 ? [] : ["passkey"]))
            if days == 0 { #expect(try await mails.mail(.passkeyRemoved).text.contains("A thief's phone")) }
        }
    }

    @Test("where the account has another address by now, the sessions end, and the former address gets no way in")
    func formerAddress() async throws {
        let mails = MailFolder()
        try await withGatehouse(mails.settings) { gatehouse async throws in
            let ada = try await proven(gatehouse, mails)
            let again = try change(ada, from: Member.password, to: Self.stolen)
            let token = try await mails.mail(.passwordChanged).token
            #expect(try again.post("/auth/email-change/request", ["new_email": "countess@example.com"]).status == 202)
            let link = try await mails.mail(.emailChange).token
            let changed = try gatehouse.client.send("POST", "/auth/email-change/confirm", json: ["token": .string(link)])
            #expect(changed.status == 200, "\(changed.text)")
            let reply = try disown(token, gatehouse)
            #expect(reply.status == 200 && reply["password_reset_token"] == .null && reply["expires_at"] == .null)
            #expect(try !again.isSignedIn())
            #expect(try gatehouse.login("countess@example.com", password: Self.stolen).status == 401)
            // What takes the change of the address back still does.
            let undo = try await mails.mail(.emailChanged).token
            #expect(try gatehouse.client.send("POST", "/auth/email-change/undo", json: ["token": .string(undo)]).status == 200)
        }
    }

    @Test("a lock is told once a day, however often a stranger causes it, and whatever else was told")
    func locks() async throws {
        let mails = MailFolder()
        let settings = ["MAX_LOGIN_ATTEMPTS": "2", "TRUSTED_PROXIES": "127.0.0.1"]
        try await withGatehouse(mails.settings.merging(settings) { $1 }) { gatehouse async throws in
            _ = try change(try await proven(gatehouse, mails), from: Member.password, to: Self.stolen)
            _ = try await mails.mails(.passwordChanged, 1)
            func lock() throws {
                for _ in 0..<2 { _ = try gatehouse.login(password: "wrong", headers: ["X-Forwarded-For": "203.0.113.9"]) }
                gatehouse.clock.advance(by: .seconds(3600))
            }
            for _ in 0..<5 { try lock() }
            #expect(try await gatehouse.audit("account.locked").count == 5)
            gatehouse.clock.advance(by: .seconds(86400))
            try lock()
            _ = try await mails.mails(.accountLocked, 2)
            #expect(try await gatehouse.audit("account.locked").count == 6)
            #expect(try mails.mails(.accountLocked).count == 2)
        }
    }

    @Test("a reset by mail asks what every new password is asked, and is told", arguments: Stores.all)
    func reset(kind: StoreKind) async throws {
        let mails = MailFolder()
        try await withBreachedFile { path in
            try BreachedFiles.make(of: ["violet anchors hum softly"], at: path)
            let settings = ["PASSWORD_HISTORY": "3", "BREACHED_PASSWORDS": path]
            try await withGatehouse(on: kind, mails.settings.merging(settings) { $1 }) { gatehouse async throws in
                let ada = try await proven(gatehouse, mails)
                _ = try change(ada, from: Member.password, to: Self.stolen)
                let asked = try gatehouse.client.send(
                    "POST", "/auth/password-reset/request", json: ["email": "ada@example.com"])
                #expect(asked.status == 202)
                let token = try await mails.mail(.passwordReset).token
                for (password, code) in [
                    (Self.stolen, "password_unchanged"), (Member.password, "password_used_before"),
                    ("violet anchors hum softly", "password_breached"),
                ] {
                    let reply = try confirm(token, password, gatehouse)
                    #expect(reply["errors"]?.array?.first?["code"]?.string == code, "\(reply.text)")
                }
                #expect(try confirm(token, Self.new, gatehouse).status == 200)
                _ = try await mails.mails(.passwordChanged, 2)
            }
        }
    }
}
