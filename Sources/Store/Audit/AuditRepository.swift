import Ground
import SQL

/// One row of the audit log.
public struct AuditRow: Sendable, RowDecodable {
    public let id: UUID
    public let at: Timestamp
    public let event: String
    public let severity: String
    public let outcome: String
    public var userID: UUID?
    public var actorID: UUID?
    public var companyID: UUID?
    public let sessionID: UUID?
    public let ip: String?
    public let userAgent: String?
    public let requestID: String?
    /// A JSON object.
    public let metadata: String
    /// The keyed code of the row; nil where whoever wrote it knew of none.
    public var mac: [UInt8]?
    /// When its personal part was taken away; only where it was asked for.
    public var redactedAt: Timestamp?

    public init(
        id: UUID, at: Timestamp, event: String, severity: String, outcome: String, userID: UUID?, actorID: UUID?,
        companyID: UUID?, sessionID: UUID?, ip: String?, userAgent: String?, requestID: String?, metadata: String,
        mac: [UInt8]? = nil
    ) {
        self.id = id
        self.at = at
        self.event = event
        self.severity = severity
        self.outcome = outcome
        self.userID = userID
        self.actorID = actorID
        self.companyID = companyID
        self.sessionID = sessionID
        self.ip = ip
        self.userAgent = userAgent
        self.requestID = requestID
        self.metadata = metadata
        self.mac = mac
    }

    static let columns = """
        id, at, event, severity, outcome, user_id, actor_id, company_id, session_id, ip, user_agent, request_id, \
        metadata, mac
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        at = try row.next()
        event = try row.next()
        severity = try row.next()
        outcome = try row.next()
        userID = try row.next()
        actorID = try row.next()
        companyID = try row.next()
        sessionID = try row.next()
        ip = try row.next()
        userAgent = try row.next()
        requestID = try row.next()
        metadata = try row.next()
        mac = try row.next()
    }
}

/// The audit log: rows are added and read, never changed.
public struct AuditRepository: Sendable {
    let sql: any StatementRunner

    private static let insertRow = Statement(
        """
        INSERT INTO audit_logs (\(AuditRow.columns))
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """)

    public func append(_ row: AuditRow) async throws(DatabaseError) {
        try await sql.run(Self.insertRow, Self.values(of: row))
    }

    private static let rowsAtOnce = 32
    private static let insertRows = Statement(
        "INSERT INTO audit_logs (\(AuditRow.columns)) VALUES \(Values.places(14, rows: rowsAtOnce)) "
            + "ON CONFLICT (id) DO NOTHING")
    private static let insertIfAbsent = Statement(
        "INSERT INTO audit_logs (\(AuditRow.columns)) VALUES \(Values.places(14, rows: 1)) ON CONFLICT (id) DO NOTHING")

    /// Adds many rows with few statements. Those that are there stay: an earlier attempt may have got through without
    /// anybody having heard of it.
    public func append(_ rows: [AuditRow]) async throws(DatabaseError) {
        var rest = rows[...]
        while rest.count >= Self.rowsAtOnce {
            try await sql.run(Self.insertRows, rest.prefix(Self.rowsAtOnce).flatMap(Self.values))
            rest = rest.dropFirst(Self.rowsAtOnce)
        }
        for row in rest { try await sql.run(Self.insertIfAbsent, Self.values(of: row)) }
    }

    private static func values(of row: AuditRow) -> [SQLValue] {
        [
            row.id.sqlValue, row.at.sqlValue, row.event.sqlValue, row.severity.sqlValue, row.outcome.sqlValue,
            row.userID.sqlValue, row.actorID.sqlValue, row.companyID.sqlValue, row.sessionID.sqlValue,
            row.ip.sqlValue, row.userAgent.sqlValue, row.requestID.sqlValue, row.metadata.sqlValue, row.mac.sqlValue,
        ]
    }

    private static let byID = Statement(
        """
        SELECT \(AuditRow.columns), (SELECT r.at FROM audit_redactions r WHERE r.row_id = audit_logs.id) FROM audit_logs
        WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)
        """)

    /// - Parameter bound: the only company whose rows there are for the caller.
    public func find(_ id: UUID, within bound: UUID?) async throws(DatabaseError) -> AuditRow? {
        guard var found = try await sql.run(Self.byID, [id.sqlValue, bound.sqlValue]).first else { return nil }
        var row = try AuditRow(row: &found)
        row.redactedAt = try found.next()
        return row
    }
}

/// Places for the values of many rows in one statement.
enum Values {
    /// `($1, $2), ($3, $4)`.
    static func places(_ columns: Int, rows: Int) -> String {
        (0..<rows).map { row in
            "(" + (1...columns).map { "$\(row * columns + $0)" }.joined(separator: ", ") + ")"
        }.joined(separator: ", ")
    }
}
