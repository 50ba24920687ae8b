import Ground
import SQL
import Services
import Store
import Testing

@Suite("Keeping the audit log") struct AuditKeepingTests {
    private static let settings = ["MAX_LOGIN_ATTEMPTS": "100"]

    @Test("what is older than is kept goes, the oldest first, and the rest still verifies", arguments: Stores.all)
    func retention(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings.merging(["AUDIT_RETENTION": "30d"]) { $1 }) { gatehouse in
            try await gatehouse.fill(12)
            let early = try #require(try await gatehouse.verified().head)
            gatehouse.clock.advance(by: .seconds(20 * 86400))
            try await gatehouse.fill(12)
            let late = try #require(try await gatehouse.verified().head)
            gatehouse.clock.advance(by: .seconds(11 * 86400))
            try await gatehouse.services.auditKeeper.retire()
            let report = try await gatehouse.verified(comparing: late.token)
            #expect(report.isSound, "\(report.faults)")
            #expect(report.anchor?.sequence == early.sequence && report.verified == late.sequence - early.sequence)
            let count = try await gatehouse.tamperer.number("SELECT count(*) FROM audit_logs")
            #expect(count == report.verified)
            #expect(try await gatehouse.verified(comparing: early.token).isSound)
            // One older than the anchor cannot be compared any more, and that is not taken for agreement.
            gatehouse.clock.advance(by: .seconds(60 * 86400))
            try await gatehouse.services.auditKeeper.retire()
            #expect(try await gatehouse.tamperer.number("SELECT count(*) FROM audit_logs") == 0)
            #expect(try await gatehouse.verified().isSound)
            #expect(try await gatehouse.verified(comparing: early.token).faults.first?.kind == .end)
            // The chain goes on where it was.
            try await gatehouse.fill(3)
            let after = try await gatehouse.verified()
            #expect(after.isSound && after.head.map { $0.sequence > late.sequence } == true, "\(after.faults)")
        }
    }

    @Test("rows that somebody deletes in the shadow of retention are found, and one that is missing stops it", arguments: Stores.all)
    func retentionHidesNothing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings.merging(["AUDIT_RETENTION": "30d"]) { $1 }) { gatehouse in
            try await gatehouse.fill(12)
            gatehouse.clock.advance(by: .seconds(31 * 86400))
            try await gatehouse.fill(3)
            try await gatehouse.tamperer.run("DELETE FROM audit_logs WHERE id = (SELECT row_id FROM audit_chain WHERE sequence = 4)")
            await #expect(throws: AuthError.self) { try await gatehouse.services.auditKeeper.retire() }
            #expect(try await gatehouse.verified().faults.first?.sequence == 4)
            try await gatehouse.tamperer.run("DELETE FROM audit_logs WHERE id IN (SELECT row_id FROM audit_chain WHERE sequence < 4)")
            try await gatehouse.tamperer.run("DELETE FROM audit_chain WHERE sequence < 5")
            let report = try await gatehouse.verified()
            #expect(report.faults.first?.kind == .missing && report.faults.first?.sequence == 1)
        }
    }

    @Test("off keeps everything")
    func forever() async throws {
        try await withGatehouse(["AUDIT_RETENTION": "off"]) { gatehouse in
            try await gatehouse.fill(3)
            let count = try await gatehouse.tamperer.number("SELECT count(*) FROM audit_logs")
            gatehouse.clock.advance(by: .seconds(4000 * 86400))
            try await gatehouse.services.auditKeeper.retire()
            #expect(try await gatehouse.tamperer.number("SELECT count(*) FROM audit_logs") == count)
        }
    }

    @Test("two nodes write and both try to seal at once: each row is in one link", arguments: Stores.all)
    func twoNodes(kind: StoreKind) async throws {
        try await withStores(kind) { stores in
            let settings = Self.settings.merging(["JWT_ISSUER": "one"]) { $1 }
            let (one, two) = (try await stores.node(settings), try await stores.node(settings))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in [one, two] {
                    group.addTask {
                        let member = try node.registered("\(node.client.port)@example.com")
                        for index in 0..<40 {
                            _ = try node.login(member.email, password: "not the password \(index)")
                            if index % 10 == 0 { try await node.services.auditKeeper.seal() }
                        }
                    }
                    group.addTask {
                        for _ in 0..<10 {
                            // Who loses the race for a place leaves it to the other.
                            try? await node.services.auditKeeper.seal()
                            try? await node.services.auditKeeper.patrol()
                        }
                    }
                }
                try await group.waitForAll()
            }
            one.clock.advance(by: .seconds(60))
            // Whoever takes over after the other was silent.
            try await two.services.auditKeeper.seal()
            try await two.services.auditKeeper.patrol()
            let report = try await one.verified()
            #expect(report.isSound && report.pending == 0 && report.verified > 80, "\(report.faults) \(report.pending)")
            await one.stop()
            await two.stop()
        }
    }

    @Test("heads are kept at the interval, and are in the log of the server")
    func heads() async throws {
        let database = FaultyDatabase(try SQLiteDatabase(path: ":memory:"))
        let gatehouse = try await Gatehouse(
            database: database, keyValue: nil, clock: ManualClock(), settings: ["AUDIT_HEAD_INTERVAL": "10m"])
        try await gatehouse.fill(3)
        try await gatehouse.fill(3)
        #expect(try await gatehouse.tamperer.number("SELECT count(*) FROM audit_heads") == 1)
        gatehouse.clock.advance(by: .seconds(601))
        try await gatehouse.services.auditKeeper.seal()
        #expect(try await gatehouse.tamperer.number("SELECT count(*) FROM audit_heads") == 2)
        let head = try #require(try await gatehouse.verified().head)
        await gatehouse.stop()
        #expect(gatehouse.logText.contains("\"audit.head\"") && gatehouse.logText.contains(head.token))
        database.close()
    }

    @Test("a person's addresses and devices are taken out of the log, which still verifies and says so", arguments: Stores.all)
    func redaction(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            _ = try gatehouse.refresh(ada.refreshToken)
            let isWritten = try await eventually { try await gatehouse.audit("session.refreshed").count == 1 }
            #expect(isWritten)
            try await gatehouse.fill(3)
            _ = try gatehouse.login(password: "wrong", headers: ["User-Agent": "Telltale/1.0"])
            let user = try #require(UUID(ada.id))
            #expect(try root.post("/users/\(ada.id)/erase").status == 200)
            #expect(try root.post("/users/\(ada.id)/erase").status == 404)
            // The failed sign-in had not been sealed.
            try await gatehouse.services.auditKeeper.seal()
            let report = try await gatehouse.verified()
            #expect(report.isSound && report.redacted == 3, "\(report.faults)")
            // Who did it, and from where, stays.
            let erasure = try #require(try await gatehouse.audit("user.erased").first)
            #expect(erasure.userID == user && erasure.actorID?.description == root.id && erasure.ip == "127.0.0.1")
            for row in try await gatehouse.audit() where row.userID == user && row.event != "user.erased" {
                #expect(row.ip == nil && row.userAgent == nil && row.metadata == "{}")
            }
            #expect(try await gatehouse.audit().contains { $0.userAgent?.contains("Telltale") == true } == false)
            // Blanking without a record, forging one, and filling in something else are found.
            let ways = [
                "UPDATE audit_redactions SET commitment = code",
                "DELETE FROM audit_redactions",
                "UPDATE audit_logs SET ip = '203.0.113.9' WHERE user_id = (SELECT user_id FROM audit_logs WHERE event = 'session.refreshed')",
                "UPDATE audit_logs SET ip = NULL, user_agent = NULL, metadata = '{}'",
            ]
            for way in ways {
                try await gatehouse.tamperer.run("CREATE TABLE kept_logs AS SELECT * FROM audit_logs")
                try await gatehouse.tamperer.run("CREATE TABLE kept_redactions AS SELECT * FROM audit_redactions")
                try await gatehouse.tamperer.run(way)
                #expect(try await gatehouse.verified().faults.first?.kind == .altered, "\(way)")
                for table in ["logs", "redactions"] {
                    try await gatehouse.tamperer.run("DELETE FROM audit_\(table)")
                    try await gatehouse.tamperer.run("INSERT INTO audit_\(table) SELECT * FROM kept_\(table)")
                    try await gatehouse.tamperer.run("DROP TABLE kept_\(table)")
                }
                #expect(try await gatehouse.verified().isSound)
            }
        }
    }
}
