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

    public init(
        id: UUID, at: Timestamp, event: String, severity: String, outcome: String, userID: UUID?, actorID: UUID?,
        companyID: UUID?, sessionID: UUID?, ip: String?, userAgent: String?, requestID: String?, metadata: String
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
    }

    static let columns = """
        id, at, event, severity, outcome, user_id, actor_id, company_id, session_id, ip, user_agent, request_id, \
        metadata
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
    }
}

/// The audit log: rows are added and read, never changed.
public struct AuditRepository: Sendable {
    let sql: any StatementRunner

    private static let insertRow = Statement(
        """
        INSERT INTO audit_logs (\(AuditRow.columns))
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """)

    public func append(_ row: AuditRow) async throws(DatabaseError) {
        try await sql.run(Self.insertRow, Self.values(of: row))
    }

    private static let rowsAtOnce = 32
    private static let insertRows = Statement(
        "INSERT INTO audit_logs (\(AuditRow.columns)) VALUES "
            + (0..<rowsAtOnce).map { row in "(" + (1...13).map { "$\(row * 13 + $0)" }.joined(separator: ", ") + ")" }
            .joined(separator: ", "))

    /// Adds many rows with few statements.
    public func append(_ rows: [AuditRow]) async throws(DatabaseError) {
        var rest = rows[...]
        while rest.count >= Self.rowsAtOnce {
            try await sql.run(Self.insertRows, rest.prefix(Self.rowsAtOnce).flatMap(Self.values))
            rest = rest.dropFirst(Self.rowsAtOnce)
        }
        for row in rest { try await append(row) }
    }

    private static func values(of row: AuditRow) -> [SQLValue] {
        [
            row.id.sqlValue, row.at.sqlValue, row.event.sqlValue, row.severity.sqlValue, row.outcome.sqlValue,
            row.userID.sqlValue, row.actorID.sqlValue, row.companyID.sqlValue, row.sessionID.sqlValue,
            row.ip.sqlValue, row.userAgent.sqlValue, row.requestID.sqlValue, row.metadata.sqlValue,
        ]
    }

    private static let newest = Statement(
        "SELECT \(AuditRow.columns) FROM audit_logs WHERE (id < $1 OR $1 IS NULL) ORDER BY id DESC LIMIT $2")

    /// The newest rows first.
    public func page(after: UUID?, limit: Int) async throws(DatabaseError) -> [AuditRow] {
        try await sql.run(Self.newest, [after.sqlValue, limit.sqlValue]).all()
    }
}
