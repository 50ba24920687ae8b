import Credentials
import Ground
import SQL
import Store
import Testing

@Suite("Housekeeping") struct HousekeepingTests {
    @Test("sessions that are long over are deleted, live ones and fresh revocations stay", arguments: Stores.all)
    func sweep(kind: StoreKind) async throws {  // TEL-8
        try await withGatehouse(on: kind) { gatehouse in
            let old = try gatehouse.registered()
            #expect(try old.post("/auth/logout").status == 200)
            gatehouse.clock.advance(by: .seconds(31 * 86400))
            let live = try gatehouse.signedIn()
            let fresh = try gatehouse.signedIn()
            #expect(try fresh.post("/auth/logout").status == 200)
            try await gatehouse.services.housekeeping.sweep()
            let sessions = gatehouse.store.reading.sessions
            #expect(try await sessions.find(try #require(UUID(old.sessionID))) == nil)
            #expect(try await sessions.find(try #require(UUID(fresh.sessionID))) != nil)
            #expect(try live.isSignedIn())
        }
    }

    @Test("what Telegram has signed is remembered until it is too old, whatever it is known by", arguments: Stores.all)
    func proofs(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let proofs = gatehouse.store.writing.telegramProofs
            let expiry = gatehouse.clock.now + .seconds(300)
            let code = Digest.sha256([1])
            let odd: [[UInt8]] = [[0, 0, 0], [0, 0, 2], [0, 0, 255], [0, 1, 0]].map { $0 + code.prefix(29) }
            let known = [TelegramProofRepository.digest(of: code, expiresAt: expiry), code] + odd
            for digest in known { try await proofs.use(digest, until: expiry) }
            gatehouse.clock.advance(by: .seconds(300))
            try await gatehouse.services.housekeeping.sweep()
            for digest in known {
                await #expect(throws: DatabaseError.self) { try await proofs.use(digest, until: expiry) }
            }
            gatehouse.clock.advance(by: .milliseconds(1))
            try await gatehouse.services.housekeeping.sweep()
            for digest in known { try await proofs.use(digest, until: expiry) }
        }
    }

    @Test("keys rotate by themselves: published ahead, and the former verifies as long as its tokens live", arguments: Stores.all)
    func keyRotation(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["KEY_ROTATION": "2d", "JWT_REFRESH_EXPIRES_IN": "30d"]) { gatehouse in
            let services = gatehouse.services
            func keys() throws -> Int { try gatehouse.client.send("GET", "/.well-known/jwks.json")["keys"]?.array?.count ?? 0 }
            #expect(try keys() == 1)
            let first = services.ring.current.id
            gatehouse.clock.advance(by: .seconds(86400))
            try await services.housekeeping.maintainKeys()
            #expect(try keys() == 2)
            #expect(services.ring.current.id == first)
            gatehouse.clock.advance(by: .seconds(86400 - 60))
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(60))
            try await services.housekeeping.maintainKeys()
            #expect(services.ring.current.id != first)
            #expect(try ada.isSignedIn())
            #expect(try gatehouse.signedIn().isSignedIn())
            gatehouse.clock.advance(by: .seconds(1800))
            try await services.housekeeping.maintainKeys()
            try await services.housekeeping.maintainKeys()
            #expect(try keys() == 1)
            #expect(try await gatehouse.audit("key.rotated").count == 2)
        }
    }

    @Test("a key made by hand is published at once, and signs when every cached key set has it")
    func rotateByHand() async throws {
        try await withGatehouse { gatehouse in
            let services = gatehouse.services
            let first = services.ring.current.id
            try await services.keys.rotate(atOnce: false)
            try await services.housekeeping.maintainKeys()
            #expect(services.ring.current.id == first)
            #expect(try gatehouse.client.send("GET", "/.well-known/jwks.json")["keys"]?.array?.count == 2)
            gatehouse.clock.advance(by: .seconds(600))
            try await services.housekeeping.maintainKeys()
            let second = services.ring.current.id
            #expect(second != first)
            gatehouse.clock.advance(by: .seconds(1))
            try await services.keys.rotate(atOnce: true)
            try await services.housekeeping.maintainKeys()
            #expect(services.ring.current.id != second)
        }
    }
}
