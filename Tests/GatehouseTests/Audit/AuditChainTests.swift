import Ground
import SQL
import Services
import Store
import Testing

@Suite("The chain over the audit log") struct AuditChainTests {
    private static let settings = ["MAX_LOGIN_ATTEMPTS": "100"]

    /// Columns and what they are changed to.
    private static let changes = [
        "at = at + 1", "event = 'profile.updated2'", "severity = 'critical2'", "outcome = 'successful'",
        "user_id = $1", "actor_id = $1", "company_id = $1", "session_id = $1", "ip = '203.0.113.66'",
        "user_agent = 'another'", "request_id = 'another'", "metadata = '{\"a\":1}'", "mac = NULL", "id = $1",
        "ip = NULL", "user_agent = NULL",
    ]

    @Test("what is not touched is sound, on every store, and what is not sealed yet waits", arguments: Stores.all)
    func sound(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            try await gatehouse.fill(30, sealing: false)
            let before = try await gatehouse.verified()
            #expect(before.isSound && before.verified == 0 && before.pending > 30 && before.head == nil)
            try await gatehouse.services.auditKeeper.seal()
            let sealed = try await gatehouse.verified()
            #expect(sealed.isSound && sealed.verified == before.pending && sealed.pending == 0, "\(sealed.faults)")
            #expect(sealed.head?.sequence == sealed.verified)
            try await gatehouse.fill(3)
            let after = try await gatehouse.verified(comparing: sealed.head?.token)
            #expect(after.isSound && after.verified > sealed.verified, "\(after.faults)")
        }
    }

    @Test("an alteration at any of a thousand places is found, and the row named")
    func thousandPlaces() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            try await gatehouse.fill(150)
            let (tamperer, ids) = (gatehouse.tamperer, try await gatehouse.tamperer.ids())
            let stranger = UUID(high: 7 << 48 | 0x7000, low: 1 << 63 | 7)
            var random = SplitMix(seed: 4)
            var tried: Set<String> = []
            for _ in 0..<1000 {
                let id = ids[Int.random(in: 0..<ids.count, using: &random)]
                let change = Self.changes[Int.random(in: 0..<Self.changes.count, using: &random)]
                let column = String(change.prefix { $0 != " " })
                let held = try await gatehouse.database.read(
                    Statement("SELECT \(column) FROM audit_logs WHERE id = $1"), [id.sqlValue])
                let before = try #require(try held.value(SQLAny.self)).value
                let values = change.contains("$1") ? [stranger.sqlValue, id.sqlValue] : [id.sqlValue]
                try await tamperer.run("UPDATE audit_logs SET \(change) WHERE id = $\(values.count)", values)
                let altered = try await gatehouse.database.read(
                    Statement("SELECT \(column) FROM audit_logs WHERE id = $1"),
                    [column == "id" ? stranger.sqlValue : id.sqlValue])
                let changed = try #require(try altered.value(SQLAny.self)).value != before
                let report = try await gatehouse.verified()
                if changed {
                    tried.insert(change)
                    let sequence = Int64((ids.firstIndex(of: id) ?? -1) + 1)
                    #expect(report.faults.first?.row == id && report.faults.first?.sequence == sequence, "\(change)")
                } else {
                    #expect(report.isSound)
                }
                try await tamperer.run(
                    "UPDATE audit_logs SET \(column) = $1 WHERE id = $2",
                    [before, column == "id" ? stranger.sqlValue : id.sqlValue])
            }
            #expect(tried.count == Self.changes.count)
            #expect(try await gatehouse.verified().isSound)
        }
    }

    @Test("deleting, inserting, swapping and moving are found, in the log and in the chain", arguments: Stores.all)
    func otherWays(kind: StoreKind) async throws {
        let ways: [(String, AuditFault.Kind)] = [
            ("DELETE FROM audit_logs WHERE id = (SELECT row_id FROM audit_chain WHERE sequence = 5)", .missing),
            ("DELETE FROM audit_chain WHERE sequence = 5", .missing),
            ("DELETE FROM audit_chain WHERE sequence > 5", .missing),
            ("DELETE FROM audit_chain WHERE sequence = (SELECT max(sequence) FROM audit_chain)", .missing),
            ("UPDATE audit_chain SET evidence = 1 WHERE sequence = 5", .altered),
            ("UPDATE audit_chain SET evidence = 9 WHERE sequence = 5", .altered),
            ("UPDATE audit_chain SET hash = (SELECT hash FROM audit_chain WHERE sequence = 4) WHERE sequence = 5", .altered),
            ("UPDATE audit_chain SET sequence = 1000000 WHERE sequence = 5", .missing),
            ("DELETE FROM audit_marks WHERE name = 'head'", .end),
            ("DELETE FROM audit_marks WHERE name = 'start'", .statement),
            ("UPDATE audit_marks SET token = (SELECT token FROM audit_heads ORDER BY sequence LIMIT 1) WHERE name = 'head'", .end),
            ("INSERT INTO audit_marks (name, sequence, token) SELECT 'anchor', 3, token FROM audit_marks WHERE name = 'head'", .statement),
            ("INSERT INTO audit_logs (id, at, event, severity, outcome) SELECT s.id, 5, 'key.rotated', 'info', 'success' FROM user_sessions s LIMIT 1", .inserted),
            ("INSERT INTO audit_logs (id, at, event, severity, outcome, mac) SELECT s.id, at, event, severity, outcome, mac FROM audit_logs CROSS JOIN user_sessions s LIMIT 1", .inserted),
            ("DELETE FROM audit_logs", .missing),
            ("DELETE FROM audit_chain", .missing),
        ]
        for (way, expected) in ways {
            try await withGatehouse(on: kind, Self.settings) { gatehouse in
                try await gatehouse.fill(9)
                try await gatehouse.fill(9)
                #expect(try await gatehouse.verified().isSound)
                try await gatehouse.tamperer.run(way)
                let report = try await gatehouse.verified()
                #expect(report.faults.contains { $0.kind == expected }, "\(way): \(report.faults)")
            }
        }
    }

    @Test("two rows that change places are found, with their links or without")
    func swapped() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            try await gatehouse.fill(9)
            let ids = try await gatehouse.tamperer.ids()
            func swap(_ table: String, _ column: String, _ a: UUID, _ b: UUID) async throws {
                let spare = UUID(high: 1, low: 1)
                for (from, to) in [(a, spare), (b, a), (spare, b)] {
                    try await gatehouse.tamperer.run(
                        "UPDATE \(table) SET \(column) = $1 WHERE \(column) = $2", [to.sqlValue, from.sqlValue])
                }
            }
            try await swap("audit_logs", "id", ids[3], ids[6])
            #expect(try await gatehouse.verified().faults.first?.sequence == 4)
            try await swap("audit_chain", "row_id", ids[3], ids[6])
            #expect(try await gatehouse.verified().faults.first?.sequence == 4)
            try await swap("audit_logs", "id", ids[3], ids[6])
            #expect(try await gatehouse.verified().faults.first?.sequence == 4)
            try await swap("audit_chain", "row_id", ids[3], ids[6])
            #expect(try await gatehouse.verified().isSound)
        }
    }

    @Test("a row that is deleted with its link, and the chain made anew without the key, is found where it was")
    func recomputed() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            try await gatehouse.fill(12)
            let ids = try await gatehouse.tamperer.ids()
            try await gatehouse.tamperer.run("DELETE FROM audit_logs WHERE id = $1", [ids[4].sqlValue])
            try await gatehouse.tamperer.run("DELETE FROM audit_chain WHERE sequence = 5")
            for sequence in 6...ids.count {
                try await gatehouse.tamperer.run("UPDATE audit_chain SET sequence = \(sequence - 1) WHERE sequence = \(sequence)")
            }
            let report = try await gatehouse.verified()
            #expect(report.faults.first?.sequence == 5 && report.faults.first?.row == ids[5])
            // The same with another key: the code of each row, the links and the head.
            let other = try await Self.foreign(gatehouse)
            #expect(other.faults.first?.kind == .statement)
        }
    }

    /// What another server's key signs is none of this one's.
    private static func foreign(_ gatehouse: Gatehouse) async throws -> AuditReport {
        var report = AuditReport?.none
        try await withGatehouse(settings) { other in
            try await other.fill(3)
            let head = try await other.verified().head?.token ?? ""
            try await gatehouse.tamperer.run("UPDATE audit_marks SET token = $1 WHERE name = 'head'", [.text(head)])
            report = try await gatehouse.verified()
        }
        return try #require(report)
    }

    @Test("a log that was cut off together with its head is found by a head that was kept elsewhere", arguments: Stores.all)
    func cutOff(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            try await gatehouse.fill(9)
            let early = try #require(try await gatehouse.verified().head)
            try await gatehouse.fill(9)
            let late = try #require(try await gatehouse.verified().head)
            #expect(try await gatehouse.verified(comparing: early.token).isSound)
            #expect(try await gatehouse.verified(comparing: late.token).isSound)
            let tamperer = gatehouse.tamperer
            try await tamperer.run(
                "DELETE FROM audit_logs WHERE id IN (SELECT row_id FROM audit_chain WHERE sequence > \(early.sequence))")
            try await tamperer.run("DELETE FROM audit_chain WHERE sequence > \(early.sequence)")
            try await tamperer.run("DELETE FROM audit_heads WHERE sequence > \(early.sequence)")
            try await tamperer.run(
                "UPDATE audit_marks SET token = $1, sequence = \(early.sequence) WHERE name = 'head'", [.text(early.token)])
            #expect(try await gatehouse.verified().isSound)
            #expect(try await gatehouse.verified(comparing: early.token).isSound)
            #expect(try await gatehouse.verified(comparing: late.token).faults.first?.kind == .end)
            // And when others have been sealed in their place.
            try await gatehouse.fill(12)
            #expect(try await gatehouse.verified().isSound)
            #expect(try await gatehouse.verified(comparing: late.token).faults.first?.kind == .rewritten)
            #expect(try await gatehouse.verified(comparing: late.token + "x").faults.first?.kind == .statement)
        }
    }

    @Test("what is changed or put in before it is sealed is found after it", arguments: Stores.all)
    func beforeSealing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            try await gatehouse.fill(6)
            let ada = try gatehouse.registered()
            _ = try gatehouse.refresh(ada.refreshToken)
            let isWritten = try await eventually { try await gatehouse.audit("session.refreshed").count == 1 }
            #expect(isWritten)
            try await gatehouse.tamperer.run(
                "UPDATE audit_logs SET actor_id = company_id WHERE event = 'session.refreshed'")
            try await gatehouse.tamperer.run("UPDATE audit_logs SET ip = '203.0.113.1' WHERE event = 'account.registered'")
            gatehouse.clock.advance(by: .seconds(2 * 86400))
            try await gatehouse.tamperer.run(
                "INSERT INTO audit_logs (id, at, event, severity, outcome) SELECT s.id, 5, 'key.rotated', 'info', 'success' FROM user_sessions s LIMIT 1")
            try await gatehouse.services.auditKeeper.patrol()
            let report = try await gatehouse.verified()
            // The first of the two registrations had been sealed.
            #expect(report.faults.count(where: { $0.kind == .inserted }) == 3, "\(report.faults)")
            #expect(report.faults.count(where: { $0.kind == .altered }) == 1, "\(report.faults)")
        }
    }

    @Test("rows of before the chain are sealed as they are, and cannot be changed after it", arguments: Stores.all)
    func oldRows(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            try await gatehouse.fill(9, sealing: false)
            try await gatehouse.tamperer.run("UPDATE audit_logs SET mac = NULL")
            #expect(try await gatehouse.verified().isSound)
            try await gatehouse.services.auditKeeper.seal()
            let report = try await gatehouse.verified()
            #expect(report.isSound && report.withoutCode == report.verified && report.verified > 9)
            try await gatehouse.tamperer.run("UPDATE audit_logs SET ip = '203.0.113.1' WHERE event = 'account.registered'")
            #expect(try await gatehouse.verified().faults.first?.kind == .altered)
        }
    }

    @Test("what commits late is sealed, whatever its id", arguments: Stores.all)
    func late(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let start = gatehouse.clock.now
            try await gatehouse.fill(3)
            gatehouse.clock.advance(by: .seconds(7200))
            try await gatehouse.fill(3)
            // Its id is of two hours ago, as that of a row that a node could not write until now.
            gatehouse.clock.advance(by: start - gatehouse.clock.now + .milliseconds(1))
            try await gatehouse.fill(1, sealing: false)
            gatehouse.clock.advance(by: .seconds(9000))
            try await gatehouse.services.auditKeeper.seal()
            #expect(try await gatehouse.verified().pending > 0)
            try await gatehouse.services.auditKeeper.patrol()
            let report = try await gatehouse.verified()
            #expect(report.isSound && report.pending == 0 && report.verified > 9, "\(report.faults)")
        }
    }
}

/// A value of whatever type the column has.
private struct SQLAny: SQLConvertible {
    let value: SQLValue
    var sqlValue: SQLValue { value }
    init?(sqlValue: SQLValue) { value = sqlValue }
}
