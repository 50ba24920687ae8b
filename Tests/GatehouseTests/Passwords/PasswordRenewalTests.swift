import Credentials
import Ground
import Store
import Testing

@Suite("Passwords of before") struct PasswordHistoryTests {
    private static let chosen = [
        "sixteen brazen kettles", "walnut gravel orchestra", "velvet turnip parliament", "quartz meadow lanterns",
    ]

    private func change(_ member: Member, from old: String, to new: String) throws -> HTTPClient.Reply {
        try member.post("/auth/change-password", ["current_password": .string(old), "new_password": .string(new)])
    }

    private func code(_ reply: HTTPClient.Reply) -> String? { reply["errors"]?.array?.first?["code"]?.string }

    @Test("the last ones may not be chosen again, older ones may", arguments: Stores.all)
    func lastOnes(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["PASSWORD_HISTORY": "2"]) { gatehouse in
            var ada = try gatehouse.registered()
            var current = Member.password
            for password in Self.chosen.prefix(3) {
                let reply = try change(ada, from: current, to: password)
                try #require(reply.status == 200, "\(reply.text)")
                ada = try Member(gatehouse, email: ada.email, reply: reply)
                current = password
                gatehouse.clock.advance(by: .seconds(60))
            }
            for former in Self.chosen.prefix(2) {
                let reply = try change(ada, from: current, to: former)
                #expect(reply.status == 400 && code(reply) == "password_used_before")
                #expect(reply["errors"]?.array?.first?["field"] == "new_password")
            }
            #expect(try code(change(ada, from: current, to: current)) == "password_unchanged")
            #expect(try change(ada, from: current, to: Member.password).status == 200)
            let user = try #require(UUID(ada.id))
            #expect(try await gatehouse.store.reading.passwordHistory.newest(of: user, atMost: 100).count == 2)
        }
    }

    @Test("what was before is told only to whoever knows what is now, and a refusal is no failed sign-in")
    func onlyToTheOwner() async throws {
        try await withGatehouse(["PASSWORD_HISTORY": "5", "MAX_LOGIN_ATTEMPTS": "2"]) { gatehouse in
            let ada = try gatehouse.registered()
            let reply = try change(ada, from: Member.password, to: Self.chosen[0])
            let now = try Member(gatehouse, email: ada.email, reply: reply)
            let guess = try change(now, from: "not the current one", to: Member.password)
            #expect(guess.status == 401 && guess.code == "credentials_invalid")
            for _ in 0..<3 { #expect(try code(change(now, from: Self.chosen[0], to: Member.password)) == "password_used_before") }
            #expect(try gatehouse.login(password: Self.chosen[0]).status == 200)
        }
    }

    @Test("a forced change asks it too, and what somebody else chose counts", arguments: Stores.all)
    func forced(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["PASSWORD_HISTORY": "3"]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            #expect(try root.post("/users/\(grace.id)/require-password-change").status == 200)
            let token = try #require(try gatehouse.login(grace.email)["password_change_token"]?.string)
            func choose(_ password: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/first-login/change-password",
                    json: ["password_change_token": .string(token), "new_password": .string(password)])
            }
            #expect(try code(choose("first password of grace@example.com")) == "password_used_before")
            #expect(try code(choose(Member.password)) == "password_unchanged")
            #expect(try choose(Self.chosen[0]).status == 200)
        }
    }

    @Test("where no history is wanted none is kept, and what was kept is forgotten", arguments: Stores.all)
    func forgotten(kind: StoreKind) async throws {
        try await withStores(kind) { stores in
            let remembering = try await stores.node(["PASSWORD_HISTORY": "5"])
            let ada = try remembering.registered()
            let user = try #require(UUID(ada.id))
            #expect(try change(ada, from: Member.password, to: Self.chosen[0]).status == 200)
            #expect(try await remembering.store.reading.passwordHistory.newest(of: user, atMost: 9).count == 1)
            await remembering.stop()
            stores.clock.advance(by: .seconds(3600))
            let forgetting = try await stores.node(["PASSWORD_HISTORY": "0"])
            try await forgetting.services.housekeeping.sweep()
            #expect(try await forgetting.store.reading.passwordHistory.newest(of: user, atMost: 9).isEmpty)
            let again = try forgetting.signedIn(password: Self.chosen[0])
            #expect(try change(again, from: Self.chosen[0], to: Member.password).status == 200)
            #expect(try await forgetting.store.reading.passwordHistory.newest(of: user, atMost: 9).isEmpty)
            await forgetting.stop()
        }
    }

    @Test("who is erased leaves no hash behind")
    func erased() async throws {
        try await withGatehouse(["PASSWORD_HISTORY": "5"]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            let user = try #require(UUID(grace.id))
            #expect(try await gatehouse.store.reading.passwordHistory.newest(of: user, atMost: 9).count == 1)
            #expect(try root.delete("/users/\(grace.id)").status == 200)
            #expect(try root.post("/users/\(grace.id)/erase").status == 200)
            #expect(try await gatehouse.store.reading.passwordHistory.newest(of: user, atMost: 9).isEmpty)
        }
    }
}

@Suite("Passwords that expire") struct PasswordExpiryTests {
    private static let new = "walnut gravel orchestra"

    @Test("signing in with one that has served too long gives nothing but the way to another", arguments: Stores.all)
    func expires(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["PASSWORD_MAX_AGE": "90d", "JWT_REFRESH_EXPIRES_IN": "200d"]) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(90 * 86400 - 1))
            #expect(try gatehouse.login()["access_token"] != nil)
            gatehouse.clock.advance(by: .seconds(1))
            let reply = try gatehouse.login()
            #expect(reply.status == 200)
            #expect(reply["requires_password_change"] == true && reply["reason"] == "expired")
            #expect(reply["access_token"] == nil && reply["refresh_token"] == nil)
            // What was opened before goes on: an age is no theft.
            #expect(try gatehouse.refresh(ada.refreshToken).status == 200)
            // A wrong password is told nothing of it.
            #expect(try gatehouse.login(password: "wrong").code == "credentials_invalid")
            let token = try #require(reply["password_change_token"]?.string)
            func choose(_ password: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/first-login/change-password",
                    json: ["password_change_token": .string(token), "new_password": .string(password)])
            }
            #expect(try choose(Member.password)["errors"]?.array?.first?["code"] == "password_unchanged")
            #expect(try choose(Self.new).status == 200)
            #expect(try choose("velvet turnip parliament").code == "token_invalid")
            #expect(try gatehouse.login(password: Self.new)["access_token"] != nil)
            gatehouse.clock.advance(by: .seconds(90 * 86400))
            #expect(try gatehouse.login(password: Self.new)["reason"] == "expired")
        }
    }

    @Test("the second factor is asked for before another password may be chosen", arguments: Stores.all)
    func secondFactor(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["PASSWORD_MAX_AGE": "30d"]) { gatehouse async throws in
            let app = try gatehouse.registered().authenticator()
            gatehouse.clock.advance(by: .seconds(30 * 86400))
            var browser = Browser(gatehouse)
            let asked = try browser.login()
            #expect(asked["second_factor_required"] == true && asked["password_change_token"] == nil)
            let must = try browser.finish(try #require(asked["second_factor_token"]?.string), app.nextCode())
            #expect(must["reason"] == "expired" && must["access_token"] == nil, "\(must.text)")
            let token = try #require(must["password_change_token"]?.string)
            let changed = try browser.send(
                "POST", "/auth/first-login/change-password",
                ["password_change_token": .string(token), "new_password": .string(Self.new)])
            #expect(changed["access_token"] != nil, "\(changed.text)")
        }
    }

    @Test("who expires is not locked out for it, and the audit log says why nobody came in")
    func noFailure() async throws {
        try await withGatehouse(["PASSWORD_MAX_AGE": "1d", "MAX_LOGIN_ATTEMPTS": "3"]) { gatehouse in
            _ = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(86400))
            for _ in 0..<5 { #expect(try gatehouse.login()["reason"] == "expired") }
            let rows = try await gatehouse.audit("sign_in.failed")
            #expect(Set(rows.map(\.metadata)) == ["{\"reason\":\"password_change_required\"}"])
        }
    }

    @Test("without a setting passwords serve for ever, and what somebody else chose is told apart")
    func never() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let made = try root.post(
                "/users", ["name": "Grace Hopper", "email": "grace@example.com", "password": .string(Self.new)])
            #expect(made.status == 201)
            #expect(try gatehouse.login("grace@example.com", password: Self.new)["reason"] == "required")
            gatehouse.clock.advance(by: .seconds(3650 * 86400))
            #expect(try gatehouse.login("root@example.com", password: "seventeen quiet looms")["access_token"] != nil)
        }
    }
}
