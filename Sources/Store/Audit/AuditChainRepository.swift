import Ground
import SQL

/// One link of the chain: which row stands at that place, and the hash that binds it to what is before it.
public struct AuditLink: Sendable {
    public let sequence: Int64
    public let rowID: UUID
    public let evidence: Int64
    public let hash: [UInt8]

    public init(sequence: Int64, rowID: UUID, evidence: Int64, hash: [UInt8]) {
        self.sequence = sequence
        self.rowID = rowID
        self.evidence = evidence
        self.hash = hash
    }
}

/// That the personal part of a row was taken away.
public struct AuditRedaction: Sendable {
    public let rowID: UUID
    public let commitment: [UInt8]
    public let at: Timestamp
    public let code: [UInt8]

    public init(rowID: UUID, commitment: [UInt8], at: Timestamp, code: [UInt8]) {
        self.rowID = rowID
        self.commitment = commitment
        self.at = at
        self.code = code
    }
}

/// A row beside what was redacted of it.
public struct KeptAuditRow: Sendable, RowDecodable {
    public let row: AuditRow
    public let redaction: AuditRedaction?

    static let columns =
        AuditRow.columns.split(separator: ",").map { "l." + $0.drop { $0 == " " } }.joined(separator: ", ")
        + ", r.row_id, r.commitment, r.at, r.code"

    public init(row: inout Row) throws(DatabaseError) {
        self.row = try AuditRow(row: &row)
        let id: UUID? = try row.next()
        let commitment: [UInt8]? = try row.next()
        let at: Timestamp? = try row.next()
        let code: [UInt8]? = try row.next()
        guard let id, let commitment, let at, let code else {
            redaction = nil
            return
        }
        redaction = AuditRedaction(rowID: id, commitment: commitment, at: at, code: code)
    }
}

/// The chain over the audit log, and the signed statements about it.
public struct AuditChainRepository: Sendable {
    let sql: any StatementRunner

    // MARK: Marks and heads

    private static let findMark = Statement("SELECT token FROM audit_marks WHERE name = $1")

    /// A signed statement.
    public func mark(_ name: String) async throws(DatabaseError) -> String? {
        try await sql.run(Self.findMark, [.text(name)]).value()
    }

    private static let putMark = Statement(
        """
        INSERT INTO audit_marks (name, sequence, token) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET sequence = $2, token = $3
        """)

    public func put(mark name: String, sequence: Int64, token: String) async throws(DatabaseError) {
        try await sql.run(Self.putMark, [.text(name), sequence.sqlValue, .text(token)])
    }

    private static let insertHead = Statement(
        "INSERT INTO audit_heads (sequence, at, token) VALUES ($1, $2, $3) ON CONFLICT (sequence) DO NOTHING")

    public func insertHead(_ token: String, sequence: Int64, at: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.insertHead, [sequence.sqlValue, at.sqlValue, .text(token)])
    }

    private static let newestHead = Statement("SELECT at, sequence FROM audit_heads ORDER BY sequence DESC LIMIT 1")

    /// When the newest head was kept, and of which place it is.
    public func newestHead() async throws(DatabaseError) -> (at: Timestamp, sequence: Int64)? {
        guard var row = try await sql.run(Self.newestHead, []).first else { return nil }
        return (try row.next(), try row.next())
    }

    private static let headsBetween = Statement(
        "SELECT sequence, token FROM audit_heads WHERE sequence >= $1 AND sequence <= $2 ORDER BY sequence")

    /// The heads of those places.
    public func heads(from first: Int64, to last: Int64) async throws(DatabaseError) -> [Int64: String] {
        var heads: [Int64: String] = [:]
        for var row in try await sql.run(Self.headsBetween, [first.sqlValue, last.sqlValue]) {
            heads[try row.next()] = try row.next(String.self)
        }
        return heads
    }

    // MARK: Sealing

    // PostgreSQL makes a join of NOT EXISTS, and might read the whole chain for a few rows; of this it makes none.
    private static let unsealedRows = Statement(
        """
        SELECT \(KeptAuditRow.columns) FROM audit_logs l LEFT JOIN audit_redactions r ON r.row_id = l.id
        WHERE l.id > $1 AND l.id <= $2 AND (SELECT c.sequence FROM audit_chain c WHERE c.row_id = l.id) IS NULL
        ORDER BY l.id LIMIT $3
        """)

    /// Rows that stand in no link, the oldest first.
    public func unsealed(after start: UUID, upTo end: UUID, limit: Int) async throws(DatabaseError) -> [KeptAuditRow] {
        try await sql.run(Self.unsealedRows, [start.sqlValue, end.sqlValue, limit.sqlValue]).all()
    }

    private static let rowAhead = Statement(
        "SELECT id FROM audit_logs WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2")

    /// The row so many places behind another in order of ids; nil behind the end.
    public func row(_ count: Int, behind start: UUID) async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.rowAhead, [start.sqlValue, (count - 1).sqlValue]).value()
    }

    private static let newestSealed = Statement("SELECT row_id FROM audit_chain ORDER BY row_id DESC LIMIT 1")

    public func newestSealedRow() async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.newestSealed, []).value()
    }

    private static let strangers = Statement(
        """
        SELECT l.id FROM audit_logs l WHERE l.id >= $1 AND l.id <= $2 AND l.event = '\(AuditFilter.refresh)' AND (
            SELECT s.user_id FROM user_sessions s WHERE s.id = l.session_id AND (l.user_id IS NULL
            OR l.actor_id IS NULL OR l.user_id <> s.user_id OR l.actor_id <> s.user_id)) IS NOT NULL
        """)

    /// Refreshes among those rows that name another person than their session does.
    public func refreshesOfStrangers(from first: UUID, to last: UUID) async throws(DatabaseError) -> Set<UUID> {
        var ids: Set<UUID> = []
        for var row in try await sql.run(Self.strangers, [first.sqlValue, last.sqlValue]) { ids.insert(try row.next()) }
        return ids
    }

    private static let linksAtOnce = 64
    private static let columns = "sequence, row_id, evidence, hash"
    private static let insertLinks = Statement(
        "INSERT INTO audit_chain (\(columns)) VALUES \(Values.places(4, rows: linksAtOnce))")
    private static let insertLink = Statement("INSERT INTO audit_chain (\(columns)) VALUES \(Values.places(4, rows: 1))")

    public func insert(_ links: [AuditLink]) async throws(DatabaseError) {
        var rest = links[...]
        while !rest.isEmpty {
            let statement = rest.count >= Self.linksAtOnce ? Self.insertLinks : Self.insertLink
            let count = rest.count >= Self.linksAtOnce ? Self.linksAtOnce : 1
            try await sql.run(
                statement,
                rest.prefix(count).flatMap { link -> [SQLValue] in
                    [link.sequence.sqlValue, link.rowID.sqlValue, link.evidence.sqlValue, link.hash.sqlValue]
                })
            rest = rest.dropFirst(count)
        }
    }

    // MARK: Reading the chain

    private static let linksFrom = Statement(
        """
        SELECT c.sequence, c.row_id, c.evidence, c.hash, \(KeptAuditRow.columns) FROM audit_chain c
        LEFT JOIN audit_logs l ON l.id = c.row_id LEFT JOIN audit_redactions r ON r.row_id = c.row_id
        WHERE c.sequence > $1 AND c.sequence <= $2 ORDER BY c.sequence LIMIT $3
        """)

    /// The next links, each with its row where there is one.
    public func links(after start: Int64, upTo end: Int64, limit: Int) async throws(DatabaseError)
        -> [(link: AuditLink, kept: KeptAuditRow?)]
    {
        var links: [(AuditLink, KeptAuditRow?)] = []
        for var row in try await sql.run(Self.linksFrom, [start.sqlValue, end.sqlValue, limit.sqlValue]) {
            let link = AuditLink(
                sequence: try row.next(), rowID: try row.next(), evidence: try row.next(), hash: try row.next())
            var rest = row
            let id: UUID? = try rest.next()
            links.append((link, id == nil ? nil : try KeptAuditRow(row: &row)))
        }
        return links
    }

    private static let lastLink = Statement("SELECT sequence FROM audit_chain ORDER BY sequence DESC LIMIT 1")

    /// The last place that is taken.
    public func lastSequence() async throws(DatabaseError) -> Int64? { try await sql.run(Self.lastLink, []).value() }

    // MARK: Taking away

    // By key, so that no plan reads a whole table, which every refresh writes to.
    private static let dropped = (1...linksAtOnce).map { "$\($0)" }.joined(separator: ", ")
    private static let dropRows = Statement("DELETE FROM audit_logs WHERE id IN (\(dropped))")
    private static let dropRedactions = Statement("DELETE FROM audit_redactions WHERE row_id IN (\(dropped))")
    private static let dropLinks = Statement("DELETE FROM audit_chain WHERE sequence IN (\(dropped))")
    private static let dropHeads = Statement("DELETE FROM audit_heads WHERE sequence <= $1")

    /// Deletes the beginning of the log: these links, their rows, and the heads up to the last of them.
    public func remove(_ links: [AuditLink]) async throws(DatabaseError) {
        var rest = links[...]
        while let last = rest.last {
            let part = rest.prefix(Self.linksAtOnce)
            let all = Array(part) + Array(repeating: last, count: Self.linksAtOnce - part.count)
            let ids = all.map(\.rowID.sqlValue)
            try await sql.run(Self.dropRows, ids)
            try await sql.run(Self.dropRedactions, ids)
            try await sql.run(Self.dropLinks, all.map(\.sequence.sqlValue))
            rest = rest.dropFirst(part.count)
        }
        if let last = links.last { try await sql.run(Self.dropHeads, [last.sequence.sqlValue]) }
    }

    private static let ofPerson = Statement(
        """
        SELECT \(AuditRow.columns) FROM audit_logs
        WHERE id > $1 AND id <= $2 AND (user_id = $3 OR actor_id = $3) AND event <> 'user.erased'
            AND (ip IS NOT NULL OR user_agent IS NOT NULL OR metadata <> '{}') ORDER BY id
        """)

    /// The rows in that part of the log that tell something personal of whom they are about, or who did it. Who had the
    /// person erased, and from where, is told of the other.
    public func personal(of user: UUID, after start: UUID, upTo end: UUID) async throws(DatabaseError) -> [AuditRow] {
        try await sql.run(Self.ofPerson, [start.sqlValue, end.sqlValue, user.sqlValue]).all()
    }

    private static let insertRedaction = Statement(
        "INSERT INTO audit_redactions (row_id, commitment, at, code) VALUES ($1, $2, $3, $4)")
    private static let blankRow = Statement(
        "UPDATE audit_logs SET ip = NULL, user_agent = NULL, metadata = '{}' WHERE id = $1")

    /// Takes the personal part of a row away, and keeps what it was bound by.
    public func redact(_ redaction: AuditRedaction) async throws(DatabaseError) {
        try await sql.run(
            Self.insertRedaction,
            [
                redaction.rowID.sqlValue, redaction.commitment.sqlValue, redaction.at.sqlValue, redaction.code.sqlValue,
            ])
        try await sql.run(Self.blankRow, [redaction.rowID.sqlValue])
    }
}
