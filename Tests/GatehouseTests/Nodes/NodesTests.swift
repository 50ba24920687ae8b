import Ground
import KeyValue
import Services
import Store
import Testing

@Suite("Several nodes") struct NodesTests {
    /// Two nodes on the same stores, the second of which can be cut off.
    private func withTwo(
        on kind: StoreKind, _ settings: [String: String] = [:],
        _ body: (_ one: Gatehouse, _ two: Gatehouse, _ line: CuttableKeyValue) async throws -> Void
    ) async throws {
        try await withStores(kind) { stores in
            let settings = settings.merging(["JWT_ISSUER": "one"]) { $1 }
            let line = CuttableKeyValue(stores.keyValue)
            let one = try await stores.node(settings)
            let two = try await stores.node(settings, keyValue: line)
            do { try await body(one, two, line) } catch {
                await one.stop()
                await two.stop()
                throw error
            }
            await one.stop()
            await two.stop()
        }
    }

    private func validate(_ member: Member, at node: Gatehouse) throws -> HTTPClient.Reply {
        try node.client.send("GET", "/auth/validate", token: member.accessToken)
    }

    @Test("a node that hears nothing asks the store, and has missed nothing when it hears again", arguments: Stores.all)
    func cutLine(on kind: StoreKind) async throws {
        try await withTwo(on: kind) { one, two, line in
            let (first, second) = (try one.registered(), try one.signedIn())
            let third = try one.signedIn()
            for member in [first, second, third] { #expect(try validate(member, at: two).status == 200) }
            line.cut()
            #expect(try validate(second, at: two).status == 200)
            #expect(try first.post("/auth/logout").status == 200)
            #expect(try validate(first, at: two).code == "session_ended")
            #expect(try second.post("/auth/logout").status == 200)
            line.heal()
            let hasCaughtUp = await eventually { await two.services.health().hearsOthers }
            #expect(hasCaughtUp)
            #expect(try validate(second, at: two).code == "session_ended")
            #expect(try validate(third, at: two).status == 200)
        }
    }

    @Test("while the line is cut and the store is down, nobody gets in")
    func cutFromAll() async throws {
        try await withTwo(on: .sqliteInMemory) { one, two, line in
            let ada = try one.registered()
            #expect(try validate(ada, at: two).status == 200)
            line.cut()
            two.database.setFailing(true)
            let reply = try validate(ada, at: two)
            #expect(reply.status == 503)
            #expect(reply.header("retry-after") != nil)
            two.database.setFailing(false)
            #expect(try validate(ada, at: two).status == 200)
        }
    }

    @Test("an end that could not be told is learnt by asking", arguments: Stores.all)
    func catchingUp(on kind: StoreKind) async throws {
        try await withTwo(on: kind) { one, two, line in
            let ada = try two.registered()
            #expect(try validate(ada, at: one).status == 200)
            line.cut()
            // Node two has committed it, and node one did not hear.
            _ = try two.client.send("POST", "/auth/logout", token: ada.accessToken)
            #expect(try validate(ada, at: two).code == "session_ended")
            try await one.services.housekeeping.catchUp()
            #expect(try validate(ada, at: one).code == "session_ended")
        }
    }

    @Test("what one node changes about a person, the other's next answer shows", arguments: Stores.all)
    func changedSubject(on kind: StoreKind) async throws {
        try await withTwo(on: kind) { one, two, _ in
            let ada = try one.registered()
            #expect(try validate(ada, at: two).status == 200)
            #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
            let hasHeard = try await eventually { try validate(ada, at: two)["user"]?["name"]?.string == "Countess" }
            #expect(hasHeard)
        }
    }

    @Test("of one token shown to both nodes at once there is one successor", arguments: Stores.all)
    func oneSuccessor(on kind: StoreKind) async throws {  // case 1
        try await withTwo(on: kind) { one, two, _ in
            let ada = try one.registered()
            let request = HTTPClient.request("POST", "/auth/refresh", json: ["refresh_token": .string(ada.refreshToken)])
            async let here = one.client.sendAtOnce(Array(repeating: request, count: 40))
            async let there = two.client.sendAtOnce(Array(repeating: request, count: 40))
            let replies = try await here + there
            #expect(replies.allSatisfy { $0.status == 200 })
            #expect(Set(replies.compactMap { $0["refresh_token"]?.string }).count == 1)
        }
    }

    @Test("limits hold over both nodes together", arguments: Stores.all)
    func sharedLimits(on kind: StoreKind) async throws {  // TEL-9
        try await withTwo(on: kind, ["RATE_LIMIT_SIGN_IN": "4/60", "RATE_LIMIT_DEFAULT": "100/60"]) { one, two, _ in
            let statuses = try (0..<8).map { turn in
                try (turn % 2 == 0 ? one : two).login("nobody\(turn)@example.com").status
            }
            #expect(statuses.filter { $0 == 429 }.count == 4)
            // A large allowance is taken in parts, and is not larger for it.
            let ada = try one.registered()
            let pages = try (0..<110).map { turn in
                try (turn % 2 == 0 ? one : two).client.send("GET", "/auth/profile", token: ada.accessToken).status
            }
            #expect(pages.filter { $0 == 200 }.count <= 100)
            #expect(pages.filter { $0 == 200 }.count >= 90)
        }
    }

    @Test("a large allowance is as large for many at once as for one after the other", arguments: Stores.all)
    func manyAtOnce(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["RATE_LIMIT_DEFAULT": "100/60"]) { gatehouse in
            let ada = try gatehouse.registered()
            let request = HTTPClient.request("GET", "/auth/profile", token: ada.accessToken)
            let statuses = try gatehouse.client.sendAtOnce(Array(repeating: request, count: 90)).map(\.status)
            #expect(statuses.allSatisfy { $0 == 200 })
        }
    }

    @Test("while nobody counts for all, each node counts by itself")
    func ownCounts() async throws {
        try await withTwo(on: .sqliteInMemory, ["RATE_LIMIT_SIGN_IN": "4/60"]) { _, two, line in
            line.cut()
            let statuses = try (0..<6).map { try two.login("nobody\($0)@example.com").status }
            #expect(statuses == [401, 401, 401, 401, 429, 429])
        }
    }

    @Test("the first SuperAdmin is one, even where two nodes make one at once", arguments: Stores.all)
    func oneFirstAdmin(on kind: StoreKind) async throws {
        try await withTwo(on: kind) { one, two, _ in
            func form(_ name: String) -> [UInt8] {
                let text = "token=\(one.services.firstStart.token())&name=Root&email=\(name)%40example.com&password=seventeen+quiet+looms"
                return HTTPClient.request(
                    "POST", "/setup", body: Array(text.utf8),
                    headers: ["Content-Type": "application/x-www-form-urlencoded"])
            }
            async let here = one.client.sendAtOnce([form("a"), form("b")])
            async let there = two.client.sendAtOnce([form("c"), form("d")])
            _ = try await here + there
            #expect(try await one.store.reading.grants.lastingHolders(of: "superadmin") == 1)
        }
    }

    @Test("a lease has one holder, passes on when it is over, and what its former holder still does counts for nothing",
        arguments: Stores.all)
    func leases(on kind: StoreKind) async throws {
        try await withTwo(on: kind, ["LEASE_TIME": "15s"]) { one, two, _ in
            let (here, there) = (one.services.leases, two.services.leases)
            let first = try #require(try await here.take("work"))
            #expect(try await there.take("work") == nil)
            one.clock.advance(by: .seconds(10))
            #expect(try await here.take("work") == first)
            one.clock.advance(by: .seconds(16))
            let second = try #require(try await there.take("work"))
            await #expect(throws: AuthError.self) {
                try await here.transaction(holding: first) { _ in Issue.record("it did the work") }
            }
            #expect(try await there.transaction(holding: second) { _ in true })
            try await there.release(second)
            #expect(try await here.take("work") != nil)
        }
    }

    @Test("when a key nears its end, two nodes make one, and each knows it", arguments: Stores.all)
    func oneKey(on kind: StoreKind) async throws {
        try await withTwo(on: kind, ["KEY_ROTATION": "30d"]) { one, two, _ in
            one.clock.advance(by: .seconds(29 * 86400 + 60))
            async let here: Void = one.services.housekeeping.maintainKeys()
            async let there: Void = two.services.housekeeping.maintainKeys()
            _ = try await (here, there)
            try await one.services.housekeeping.maintainKeys()
            try await two.services.housekeeping.maintainKeys()
            #expect(try await one.services.keys.list().count == 2)
            #expect(Set(one.services.ring.keys.keys.map(\.key.id)) == Set(two.services.ring.keys.keys.map(\.key.id)))
        }
    }

    @Test("a key that one node makes to sign at once is known to the other", arguments: Stores.all)
    func keyAtOnce(on kind: StoreKind) async throws {
        try await withTwo(on: kind) { one, two, _ in
            let ada = try one.registered()
            try await one.services.keys.rotate(atOnce: true)
            try await one.services.keys.refresh(one.services.ring)
            let next = try Member(one, email: ada.email, reply: try one.refresh(ada.refreshToken))
            let isKnown = try await eventually { try validate(next, at: two).status == 200 }
            #expect(isKnown)
        }
    }
}
