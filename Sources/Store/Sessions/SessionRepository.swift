import Ground
import SQL

/// The table of sessions.
public struct SessionRepository: Sendable {
    let sql: any StatementRunner

    private static let insertSession = Statement(
        """
        INSERT INTO user_sessions (\(Session.columns))
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, $10, $11, $12, $13, $14, $15, $16, $17)
        """)

    public func insert(_ session: Session) async throws(DatabaseError) {
        let values: [SQLValue] = [
            session.id.sqlValue, session.userID.sqlValue, session.companyID.sqlValue, session.generation.sqlValue,
            session.secretDigest.sqlValue, session.rotatedAt.sqlValue, session.createdAt.sqlValue,
            session.lastUsedAt.sqlValue, session.expiresAt.sqlValue, session.methods.sqlValue,
            session.ip.sqlValue, session.userAgent.sqlValue, session.device.type.sqlValue,
            session.device.name.sqlValue, session.device.os.sqlValue, session.device.browser.sqlValue, session.authenticatedAt.sqlValue,
        ]
        try await sql.run(Self.insertSession, values)
    }

    // The standing of person and company is part of the same step, so that the token of one who is blocked is
    // neither used up nor moved on.
    private static let step = """
        UPDATE user_sessions SET generation = generation + 1, secret_digest = $4, rotated_at = $5, last_used_at = $5,
            expires_at = $6, ip = $7
        WHERE id = $1 AND generation = $2 AND secret_digest = $3 AND ended_at IS NULL AND expires_at > $5
            AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_sessions.user_id AND u.status = 'ACTIVE'
                AND u.deleted_at IS NULL AND (u.access_ends_at > $5 OR u.access_ends_at IS NULL))
            AND (company_id IS NULL OR EXISTS (SELECT 1 FROM companies c WHERE c.id = user_sessions.company_id
                AND c.status = 'ACTIVE' AND c.deleted_at IS NULL))
        """
    private static let returning = " RETURNING \(Session.columns)"
    private static let unruled = """
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_sessions.user_id AND u.ip_whitelist_enabled = 0)
            AND NOT EXISTS (SELECT 1 FROM user_roles g JOIN roles r ON r.id = g.role_id
                WHERE g.user_id = user_sessions.user_id AND r.ip_whitelist_enabled = 1)
        """
    private static let advanceSession = Statement(step + returning)
    private static let advanceAndRecord = Statement(recording(step + returning))
    private static let advanceUnruledAndRecord = Statement(recording(step + unruled + returning))

    private static func recording(_ step: String) -> String {
        """
        WITH advanced AS (\(step)), recorded AS (
            INSERT INTO audit_logs (\(AuditRow.columns))
            SELECT $8, $9, $10, $11, $12, user_id, user_id, company_id, id, $7, $13, $14, $15, $16 FROM advanced)
        SELECT \(Session.columns) FROM advanced
        """
    }

    /// Whose session a step is for.
    public enum Whom: Sendable {
        case anyone
        /// Who may come from any address.
        case whoeverHasNoRule
    }

    /// Moves the session from `generation` to the next, if that is its current one and `digest` its secret's. One
    /// statement, so that two callers cannot both win.
    /// - Parameters:
    ///   - whom: counts where a row is recorded; elsewhere the caller has a transaction, and looks first.
    ///   - row: recorded in the same statement as done by the session's user, for databases that can do that.
    /// - Returns: the session after the step; nil when it was not taken.
    public func advance(
        _ id: UUID, from generation: Int64, digest: [UInt8], to next: [UInt8], expiresAt: Timestamp, ip: String,
        at now: Timestamp, _ whom: Whom, recording row: AuditRow? = nil
    ) async throws(DatabaseError) -> Session? {
        var values: [SQLValue] = [
            id.sqlValue, generation.sqlValue, digest.sqlValue, next.sqlValue, now.sqlValue, expiresAt.sqlValue,
            ip.sqlValue,
        ]
        guard let row else { return try await sql.run(Self.advanceSession, values).first() }
        values += [
            row.id.sqlValue, row.at.sqlValue, row.event.sqlValue, row.severity.sqlValue, row.outcome.sqlValue,
            row.userAgent.sqlValue, row.requestID.sqlValue, row.metadata.sqlValue, row.mac.sqlValue,
        ]
        let statement = whom == .anyone ? Self.advanceAndRecord : Self.advanceUnruledAndRecord
        return try await sql.run(statement, values).first()
    }

    private static let noteProof = Statement(
        "UPDATE user_sessions SET methods = $2, authenticated_at = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id")

    /// Notes that the person has proved who they are again, and how.
    /// - Returns: false where the session has ended.
    public func noteProof(of id: UUID, by methods: String, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.noteProof, [id.sqlValue, methods.sqlValue, now.sqlValue]).isEmpty
    }

    private static let touchSession = Statement(
        """
        UPDATE user_sessions SET last_used_at = $2, expires_at = $3, ip = $4 WHERE id = $1 AND ended_at IS NULL
        """)

    /// Notes when and from where a session was last used whose rotations are counted elsewhere.
    public func touch(_ session: Session, expiresAt: Timestamp, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(
            Self.touchSession, [session.id.sqlValue, now.sqlValue, expiresAt.sqlValue, session.ip.sqlValue])
    }

    private static let byID = Statement("SELECT \(Session.columns) FROM user_sessions WHERE id = $1")

    public func find(_ id: UUID) async throws(DatabaseError) -> Session? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    // Those that have ended count as well, so that the index alone answers.
    private static let hasMoreThan = Statement(
        "SELECT 1 FROM user_sessions WHERE user_id = $1 LIMIT 1 OFFSET $2")
    private static let surplusOfUser = Statement(
        """
        SELECT \(Session.columns) FROM user_sessions
        WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY id DESC LIMIT 1000 OFFSET $3
        """)

    /// The user's sessions that live, but for the newest, so many of which may stay; the oldest first.
    public func surplus(ofUser user: UUID, keeping count: Int, at now: Timestamp) async throws(DatabaseError) -> [Session] {
        guard try await !sql.run(Self.hasMoreThan, [user.sqlValue, count.sqlValue]).isEmpty else { return [] }
        return try await sql.run(Self.surplusOfUser, [user.sqlValue, now.sqlValue, count.sqlValue]).all().reversed()
    }

    private static let page = Statement(
        """
        SELECT \(Session.columns) FROM user_sessions
        WHERE user_id = $1 AND (id < $2 OR $2 IS NULL) AND ($3 = 1 OR (ended_at IS NULL AND expires_at > $4))
        ORDER BY id DESC LIMIT $5
        """)

    /// The user's sessions, the newest first.
    /// - Parameters:
    ///   - after: the last of the page before.
    ///   - includesEnded: those that ended or expired too.
    public func page(
        ofUser user: UUID, after: UUID?, includesEnded: Bool, limit: Int, at now: Timestamp
    ) async throws(DatabaseError) -> [Session] {
        let values: [SQLValue] = [
            user.sqlValue, after.sqlValue, includesEnded.sqlValue, now.sqlValue, limit.sqlValue,
        ]
        return try await sql.run(Self.page, values).all()
    }

    private static let endOne = Statement(
        """
        UPDATE user_sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL
        RETURNING id
        """)

    /// - Returns: whether it lived until now.
    public func end(_ id: UUID, because reason: Session.EndReason, at now: Timestamp) async throws(DatabaseError)
        -> Bool
    {
        try await !sql.run(Self.endOne, [id.sqlValue, now.sqlValue, reason.rawValue.sqlValue]).isEmpty
    }

    private static let endOfUser = Statement(
        """
        UPDATE user_sessions SET ended_at = $2, end_reason = $3
        WHERE user_id = $1 AND ended_at IS NULL AND (id <> $4 OR $4 IS NULL) RETURNING id
        """)

    private static let moveSession = Statement("UPDATE user_sessions SET company_id = $2 WHERE id = $1 AND ended_at IS NULL")

    /// Makes a session stand in another company.
    public func move(_ id: UUID, to company: UUID) async throws(DatabaseError) {
        try await sql.run(Self.moveSession, [id.sqlValue, company.sqlValue])
    }

    /// Ends every session of the user but `kept`.
    /// - Returns: those that ended.
    public func endAll(
        ofUser user: UUID, except kept: UUID?, because reason: Session.EndReason, at now: Timestamp
    ) async throws(DatabaseError) -> [UUID] {
        try await ids(Self.endOfUser, [user.sqlValue, now.sqlValue, reason.rawValue.sqlValue, kept.sqlValue])
    }

    private static let endOfCompany = Statement(
        """
        UPDATE user_sessions SET ended_at = $2, end_reason = $3 WHERE company_id = $1 AND ended_at IS NULL
        RETURNING id
        """)

    /// Ends every session that stands in the company.
    public func endAll(ofCompany company: UUID, because reason: Session.EndReason, at now: Timestamp)
        async throws(DatabaseError) -> [UUID]
    {
        try await ids(Self.endOfCompany, [company.sqlValue, now.sqlValue, reason.rawValue.sqlValue])
    }

    private static let endOfMember = Statement(
        """
        UPDATE user_sessions SET ended_at = $3, end_reason = $4 WHERE user_id = $1 AND company_id = $2 AND ended_at IS NULL
        RETURNING id
        """)

    /// Ends the user's sessions that stand in one company.
    public func endAll(
        ofUser user: UUID, inCompany company: UUID, because reason: Session.EndReason, at now: Timestamp
    ) async throws(DatabaseError) -> [UUID] {
        try await ids(Self.endOfMember, [user.sqlValue, company.sqlValue, now.sqlValue, reason.rawValue.sqlValue])
    }

    private static let endedSince = Statement("SELECT id, ended_at FROM user_sessions WHERE ended_at > $1")

    /// Sessions that ended after that moment, and when.
    public func ended(since moment: Timestamp) async throws(DatabaseError) -> [(id: UUID, at: Timestamp)] {
        var ended: [(UUID, Timestamp)] = []
        for var row in try await sql.run(Self.endedSince, [moment.sqlValue]) {
            ended.append((try row.next(), try row.next()))
        }
        return ended
    }

    private static let sweepPage = Statement(
        """
        DELETE FROM user_sessions WHERE id IN (
            SELECT id FROM user_sessions WHERE id > $1 AND id <= $2 AND (expires_at < $3 OR ended_at < $3))
        """)
    private static let pageEnd = Statement(
        """
        SELECT id FROM (SELECT id FROM user_sessions WHERE id > $1 ORDER BY id LIMIT $2) AS page
        ORDER BY id DESC LIMIT 1
        """)

    /// Deletes what ended or expired before `moment` among the next `limit` sessions after `start`, so that a
    /// sweep needs no index that every refresh would have to keep up.
    /// - Returns: where the next page starts; nil at the end.
    public func sweep(after start: UUID, limit: Int, endedBefore moment: Timestamp) async throws(DatabaseError)
        -> UUID?
    {
        guard let end = try await sql.run(Self.pageEnd, [start.sqlValue, limit.sqlValue]).value(UUID.self)
        else { return nil }
        try await sql.run(Self.sweepPage, [start.sqlValue, end.sqlValue, moment.sqlValue])
        return end
    }

    private func ids(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [UUID] {
        var ids: [UUID] = []
        for var row in try await sql.run(statement, values) { ids.append(try row.next()) }
        return ids
    }
}
