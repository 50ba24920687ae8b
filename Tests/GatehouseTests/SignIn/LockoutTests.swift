import Ground
import SQL
import Testing

@Suite("Lockout") struct LockoutTests {
    private static let proxied = ["TRUSTED_PROXIES": "127.0.0.1"]
    private static let home = ["X-Forwarded-For": "198.51.100.7"]
    private static let stranger = ["X-Forwarded-For": "203.0.113.9"]

    @Test("five failures lock the account for fifteen minutes, the right password too", arguments: Stores.all)
    func locks(kind: StoreKind) async throws {  // REQ-AUTH-44
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            for _ in 0..<5 { #expect(try gatehouse.login(password: "wrong").code == "credentials_invalid") }
            let locked = try gatehouse.login()
            #expect(locked.status == 423)
            #expect(locked.code == "account_locked")
            #expect(locked.header("retry-after") == "900")
            #expect(try await gatehouse.audit("account.locked").count == 1)
            let id = try #require(UUID(ada.id))
            let count = try await gatehouse.store.reading.attempts.count(ofUser: id)
            #expect(count?.failed == 5)
            gatehouse.clock.advance(by: .seconds(899))
            #expect(try gatehouse.login().status == 423)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try gatehouse.login().status == 200)
            #expect(try await gatehouse.store.reading.attempts.count(ofUser: id)?.failed == 0)
        }
    }

    @Test("a success between failures starts the count anew")
    func reset() async throws {
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered()
            for _ in 0..<3 {
                for _ in 0..<4 { #expect(try gatehouse.login(password: "wrong").status == 401) }
                #expect(try gatehouse.login().status == 200)
            }
        }
    }

    @Test("a hundred attempts at once get no more guesses than five in a row", arguments: Stores.all)
    func case39Parallel(kind: StoreKind) async throws {  // case 39
        try await withGatehouse(on: kind) { gatehouse in
            _ = try gatehouse.registered()
            let before = gatehouse.services.passwords.counters.completed
            let request = HTTPClient.request(
                "POST", "/auth/login", json: ["email": "ada@example.com", "password": "wrong"])
            let replies = try gatehouse.client.sendAtOnce(Array(repeating: request, count: 100))
            #expect(replies.filter { $0.status == 401 }.count == 5)
            #expect(replies.filter { $0.status == 423 }.count == 95)
            #expect(gatehouse.services.passwords.counters.completed - before == 5)
        }
    }

    @Test("letter case gets no count of its own")
    func case40LetterCase() async throws {  // case 40
        try await withGatehouse { gatehouse in
            _ = try gatehouse.registered()
            for email in ["ada@example.com", "ADA@example.com", "Ada@Example.com", " ada@EXAMPLE.com", "aDA@example.com"] {
                #expect(try gatehouse.login(email, password: "wrong").status == 401)
            }
            #expect(try gatehouse.login("AdA@example.com").status == 423)
        }
    }

    @Test("an address without an account locks like one with", arguments: Stores.all)
    func unknownLocks(kind: StoreKind) async throws {  // case 43
        try await withGatehouse(on: kind) { gatehouse in
            for _ in 0..<5 { #expect(try gatehouse.login("nobody@example.com").status == 401) }
            let locked = try gatehouse.login("nobody@example.com")
            #expect(locked.status == 423)
            #expect(locked.header("retry-after") == "900")
            gatehouse.clock.advance(by: .seconds(900))
            #expect(try gatehouse.login("nobody@example.com").status == 401)
        }
    }

    @Test("a stranger can lock the account for strangers, never for a known address", arguments: Stores.all)
    func case42KnownAddress(kind: StoreKind) async throws {  // case 42
        try await withGatehouse(on: kind, Self.proxied) { gatehouse in
            #expect(try gatehouse.register(headers: Self.home).status == 201)
            for _ in 0..<5 { _ = try gatehouse.login(password: "wrong", headers: Self.stranger) }
            #expect(try gatehouse.login(headers: Self.stranger).status == 423)
            #expect(try gatehouse.login(headers: Self.home).status == 200)
            #expect(try gatehouse.login(headers: Self.stranger).status == 423)
        }
    }

    @Test("the owner's success is never the failure that locks the account", arguments: Stores.all)
    func ownerSucceeds(kind: StoreKind) async throws {  // case 42
        try await withGatehouse(on: kind, Self.proxied) { gatehouse in
            #expect(try gatehouse.register(headers: Self.home).status == 201)
            for _ in 0..<4 { _ = try gatehouse.login(password: "wrong", headers: Self.stranger) }
            #expect(try gatehouse.login(headers: Self.home).status == 200)
            #expect(try gatehouse.login(headers: ["X-Forwarded-For": "192.0.2.77"]).status == 200)
        }
    }

    @Test("clients without cookies are not remembered without end")
    func devicesAreBounded() async throws {
        try await withGatehouse(["MAX_SESSIONS_PER_USER": "1"]) { gatehouse in
            let ada = try gatehouse.registered()
            for _ in 0..<55 {
                gatehouse.clock.advance(by: .seconds(1))
                #expect(try gatehouse.login().status == 200)
            }
            let id = try #require(UUID(ada.id))
            let rows = try await gatehouse.database.read(
                Statement("SELECT count(*) FROM known_devices WHERE user_id = $1"), [id.sqlValue])
            #expect(try rows.value(Int.self) == 50)
        }
    }

    @Test("a known browser gets in from anywhere, by its cookie, and only to its own account")
    func case42KnownDevice() async throws {  // case 42
        try await withGatehouse(Self.proxied) { gatehouse in
            let registered = try gatehouse.register(headers: Self.home)
            let device = try #require(registered.cookie("gatehouse_device"))
            _ = try gatehouse.register("eve@example.com", headers: Self.home)
            for email in ["ada@example.com", "eve@example.com"] {
                for _ in 0..<5 { _ = try gatehouse.login(email, password: "wrong", headers: Self.stranger) }
            }
            let away = ["X-Forwarded-For": "192.0.2.50", "Cookie": "gatehouse_device=\(device)"]
            #expect(try gatehouse.login(headers: away).status == 200)
            #expect(try gatehouse.login("eve@example.com", headers: away).status == 423)
            let made = ["X-Forwarded-For": "192.0.2.51", "Cookie": "gatehouse_device=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
            #expect(try gatehouse.login(headers: made).status == 423)
        }
    }

    @Test("a known device has five guesses of its own, and no more")
    func knownDeviceLocks() async throws {
        try await withGatehouse(Self.proxied) { gatehouse async throws in
            #expect(try gatehouse.register(headers: Self.home).status == 201)
            for _ in 0..<5 { #expect(try gatehouse.login(password: "wrong", headers: Self.home).status == 401) }
            #expect(try gatehouse.login(headers: Self.home).status == 423)
        }
    }

    @Test("guessing through a password change counts too", arguments: Stores.all)
    func case41PasswordChange(kind: StoreKind) async throws {  // case 41
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let change: JSON = ["current_password": "wrong", "new_password": "seventeen quiet looms"]
            for _ in 0..<5 { #expect(try ada.post("/auth/change-password", change).code == "credentials_invalid") }
            #expect(try ada.post("/auth/change-password", change).status == 423)
            let right: JSON = ["current_password": .string(Member.password), "new_password": "seventeen quiet looms"]
            #expect(try ada.post("/auth/change-password", right).status == 423)
            #expect(try gatehouse.login().status == 423)
        }
    }
}
