import Ground
import SQL

/// The table of requests for access. Where a method takes `within`, requests for other companies, and those for none, are
/// not there for it; nil is everywhere.
public struct AccessRequestRepository: Sendable {
    let sql: any StatementRunner

    private static let closeExpired = Statement(
        "UPDATE access_requests SET open_key = NULL WHERE open_key = $1 AND expires_at <= $2")
    private static let insertRequest = Statement(
        """
        INSERT INTO access_requests (id, telegram_id, bot_id, company_id, open_key, first_name, last_name, username,
            language, status, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'PENDING', $10, $11)
        ON CONFLICT (open_key) DO NOTHING RETURNING id
        """)

    /// Opens a request, unless the person has one open there.
    /// - Returns: whether it was opened.
    public func open(_ request: AccessRequest) async throws(DatabaseError) -> Bool {
        try await sql.run(Self.closeExpired, [request.openKey.sqlValue, request.createdAt.sqlValue])
        let values: [SQLValue] = [
            request.id.sqlValue, request.telegramID.sqlValue, request.bot.sqlValue, request.company.sqlValue,
            request.openKey.sqlValue, request.firstName.sqlValue, request.lastName.sqlValue, request.username.sqlValue,
            request.language.sqlValue, request.createdAt.sqlValue, request.expiresAt.sqlValue,
        ]
        return try await !sql.run(Self.insertRequest, values).isEmpty
    }

    private static let rejectedSince = Statement(
        """
        SELECT 1 FROM access_requests WHERE telegram_id = $1 AND status = 'REJECTED' AND decided_at > $2
            AND (company_id = $3 OR ($3 IS NULL AND company_id IS NULL)) LIMIT 1
        """)

    /// Whether a request of the person for that company, or for none, was rejected after that moment.
    public func wasRejected(_ telegramID: Int64, for company: UUID?, since moment: Timestamp) async throws(DatabaseError)
        -> Bool
    {
        try await !sql.run(Self.rejectedSince, [telegramID.sqlValue, moment.sqlValue, company.sqlValue]).isEmpty
    }

    private static let byID = Statement(
        "SELECT \(AccessRequest.columns) FROM access_requests WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)")

    public func find(_ id: UUID, within company: UUID?) async throws(DatabaseError) -> AccessRequest? {
        try await sql.run(Self.byID, [id.sqlValue, company.sqlValue]).first()
    }

    private static let newest = Statement(
        """
        SELECT \(AccessRequest.columns) FROM access_requests
        WHERE (id < $1 OR $1 IS NULL) AND (company_id = $2 OR $2 IS NULL) AND (status = $3 OR $3 IS NULL)
            AND (expires_at > $4 OR $4 IS NULL) AND (expires_at <= $5 OR $5 IS NULL)
        ORDER BY id DESC LIMIT $6
        """)

    /// The newest first.
    /// - Parameter status: as it is at that moment; nil: any.
    public func page(_ status: AccessRequest.Status?, after: UUID?, within company: UUID?, limit: Int, at now: Timestamp)
        async throws(DatabaseError) -> [AccessRequest]
    {
        let stored: AccessRequest.Status? = status == .expired ? .pending : status
        let values: [SQLValue] = [
            after.sqlValue, company.sqlValue, (stored?.rawValue).sqlValue, (status == .pending ? now : nil).sqlValue,
            (status == .expired ? now : nil).sqlValue, limit.sqlValue,
        ]
        return try await sql.run(Self.newest, values).all()
    }

    private static let decideOne = Statement(
        """
        UPDATE access_requests SET status = $2, reason = $3, decided_by = $4, decided_at = $5, open_key = NULL
        WHERE id = $1 AND status = 'PENDING' AND expires_at > $5 RETURNING id
        """)

    /// - Returns: whether it was open until now.
    public func decide(
        _ id: UUID, _ status: AccessRequest.Status, because reason: String?, by actor: UUID, at now: Timestamp
    ) async throws(DatabaseError) -> Bool {
        let values: [SQLValue] = [
            id.sqlValue, status.rawValue.sqlValue, reason.sqlValue, actor.sqlValue, now.sqlValue,
        ]
        return try await !sql.run(Self.decideOne, values).isEmpty
    }

    private static let noteUser = Statement("UPDATE access_requests SET user_id = $2 WHERE id = $1")

    /// Notes whose account it has become.
    public func note(user: UUID, of id: UUID) async throws(DatabaseError) {
        try await sql.run(Self.noteUser, [id.sqlValue, user.sqlValue])
    }

    private static let deletions = [
        "DELETE FROM telegram_cards WHERE about = $1", "DELETE FROM access_requests WHERE id = $1",
    ].map { Statement($0) }

    public func delete(_ id: UUID) async throws(DatabaseError) {
        for deletion in Self.deletions { try await sql.run(deletion, [id.sqlValue]) }
    }

    private static let ofPerson = Statement(
        """
        SELECT \(AccessRequest.columns) FROM access_requests WHERE user_id = $1
            OR telegram_id IN (SELECT i.telegram_id FROM telegram_identities i WHERE i.user_id = $1) ORDER BY id
        """)

    /// Those of a person, the oldest first.
    public func all(ofUser user: UUID) async throws(DatabaseError) -> [AccessRequest] {
        try await sql.run(Self.ofPerson, [user.sqlValue]).all()
    }

    private static let sweeps = [
        """
        DELETE FROM telegram_cards WHERE about IN (
            SELECT id FROM access_requests WHERE COALESCE(decided_at, expires_at) < $1)
        """,
        "DELETE FROM access_requests WHERE COALESCE(decided_at, expires_at) < $1",
    ].map { Statement($0) }

    /// Deletes what was decided, or expired, before that moment.
    public func sweep(overBefore moment: Timestamp) async throws(DatabaseError) {
        for sweep in Self.sweeps { try await sql.run(sweep, [moment.sqlValue]) }
    }
}
