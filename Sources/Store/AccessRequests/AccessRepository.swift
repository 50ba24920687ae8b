import Ground
import SQL

/// Somebody whose access is to be confirmed or withdrawn.
public struct AccessReview: Sendable, RowDecodable {
    public struct Position: Sendable, Hashable {
        public let since: Timestamp
        public let id: UUID

        public init(since: Timestamp, id: UUID) {
            self.since = since
            self.id = id
        }
    }

    public let user: User
    /// When access was last confirmed, or given.
    public let since: Timestamp

    public var position: Position { Position(since: since, id: user.id) }

    public init(row: inout Row) throws(DatabaseError) {
        user = try User(row: &row)
        since = try row.next()
    }
}

/// How long people have access, and when that was last looked at.
public struct AccessRepository: Sendable {
    let sql: any StatementRunner

    private static let setEnd = Statement(
        "UPDATE users SET access_ends_at = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// - Parameter end: nil: none.
    /// - Returns: whether there is such a person.
    public func setEnd(of user: UUID, to end: Timestamp?, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.setEnd, [user.sqlValue, end.sqlValue, now.sqlValue]).isEmpty
    }

    private static let endingSoon = Statement(
        """
        SELECT \(User.columns) FROM users WHERE access_ends_at > $1 AND access_ends_at <= $2
            AND (access_end_told <> access_ends_at OR access_end_told IS NULL) AND status = 'ACTIVE' AND deleted_at IS NULL
        ORDER BY access_ends_at LIMIT $3
        """)

    /// People whose access ends between two moments and of whose end nobody was told.
    public func ending(after now: Timestamp, until moment: Timestamp, limit: Int) async throws(DatabaseError) -> [User] {
        try await sql.run(Self.endingSoon, [now.sqlValue, moment.sqlValue, limit.sqlValue]).all()
    }

    private static let noteTold = Statement(
        """
        UPDATE users SET access_end_told = access_ends_at WHERE id = $1
            AND (access_end_told <> access_ends_at OR access_end_told IS NULL) RETURNING id
        """)

    /// Notes that administrators were told of the end.
    /// - Returns: whether they had not been.
    public func noteTold(_ user: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.noteTold, [user.sqlValue]).isEmpty
    }

    private static let dueReviews = Statement(
        """
        SELECT \(User.columns), COALESCE(access_reviewed_at, created_at) FROM users
        WHERE COALESCE(access_reviewed_at, created_at) <= $1
            AND (COALESCE(access_reviewed_at, created_at) > $2 OR $2 IS NULL
                OR (COALESCE(access_reviewed_at, created_at) = $2 AND id > $3))
            AND (EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.company_id = $4) OR $4 IS NULL)
            AND status = 'ACTIVE' AND deleted_at IS NULL
        ORDER BY COALESCE(access_reviewed_at, created_at), id LIMIT $5
        """)

    /// People whose access nobody has looked at since that moment, the longest first.
    /// - Parameter company: only members of this one; nil: all.
    public func due(since moment: Timestamp, after: AccessReview.Position?, within company: UUID?, limit: Int)
        async throws(DatabaseError) -> [AccessReview]
    {
        let values: [SQLValue] = [
            moment.sqlValue, (after?.since).sqlValue, (after?.id).sqlValue, company.sqlValue, limit.sqlValue,
        ]
        return try await sql.run(Self.dueReviews, values).all()
    }

    private static let toldOfReviews = Statement("SELECT told_until FROM access_review_notices WHERE id = 1")

    /// Administrators were told of everybody whose access had to be looked at, and had been given or confirmed by then.
    public func toldOfReviewsUntil() async throws(DatabaseError) -> Timestamp {
        try await sql.run(Self.toldOfReviews, []).value() ?? Timestamp(milliseconds: 0)
    }

    private static let tellOfReviews = Statement(
        "UPDATE access_review_notices SET told_until = $2 WHERE id = 1 AND told_until = $1 RETURNING id")

    /// - Returns: false where somebody else was faster.
    public func noteToldOfReviews(from start: Timestamp, until end: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.tellOfReviews, [start.sqlValue, end.sqlValue]).isEmpty
    }

    private static let fallenDue = Statement(
        """
        SELECT \(User.columns) FROM users
        WHERE COALESCE(access_reviewed_at, created_at) > $1 AND COALESCE(access_reviewed_at, created_at) <= $2
            AND status = 'ACTIVE' AND deleted_at IS NULL
        ORDER BY COALESCE(access_reviewed_at, created_at), id LIMIT $3
        """)

    /// People whose access was given or confirmed between two moments, the longest ago first.
    public func given(after start: Timestamp, until end: Timestamp, limit: Int) async throws(DatabaseError) -> [User] {
        try await sql.run(Self.fallenDue, [start.sqlValue, end.sqlValue, limit.sqlValue]).all()
    }

    private static let companiesFallenDue = Statement(
        """
        SELECT DISTINCT m.company_id FROM users u LEFT JOIN memberships m ON m.user_id = u.id
        WHERE COALESCE(u.access_reviewed_at, u.created_at) > $1 AND COALESCE(u.access_reviewed_at, u.created_at) <= $2
            AND u.status = 'ACTIVE' AND u.deleted_at IS NULL
        """)

    /// The companies of such people; nil: of some who belong to none.
    public func companiesOfGiven(after start: Timestamp, until end: Timestamp) async throws(DatabaseError) -> [UUID?] {
        var companies: [UUID?] = []
        for var row in try await sql.run(Self.companiesFallenDue, [start.sqlValue, end.sqlValue]) {
            companies.append(try row.next())
        }
        return companies
    }

    private static let mailReaders = Statement(
        """
        SELECT \(User.columns) FROM users
        WHERE id IN (SELECT g.user_id FROM user_roles g JOIN role_permissions p ON p.role_id = g.role_id
                WHERE p.permission IN ('*', $1, $2) AND (g.expires_at > $3 OR g.expires_at IS NULL)
                    AND (g.company_id = $4 OR g.company_id IS NULL))
            AND status = 'ACTIVE' AND deleted_at IS NULL AND email_verified_at IS NOT NULL
            AND (access_ends_at > $3 OR access_ends_at IS NULL)
        ORDER BY id LIMIT $5
        """)

    /// Those who have a permission in that company, or everywhere, and have shown that their address is theirs.
    /// - Parameters:
    ///   - whole: what covers the permission, such as `users:*`.
    ///   - company: nil: everywhere only.
    public func mailReaders(of permission: String, _ whole: String, in company: UUID?, limit: Int, at now: Timestamp)
        async throws(DatabaseError) -> [User]
    {
        let values: [SQLValue] = [
            permission.sqlValue, whole.sqlValue, now.sqlValue, company.sqlValue, limit.sqlValue,
        ]
        return try await sql.run(Self.mailReaders, values).all()
    }

    private static let noteReview = Statement(
        "UPDATE users SET access_reviewed_at = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// Notes that somebody has looked at it.
    /// - Returns: whether there is such a person.
    public func noteReview(of user: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.noteReview, [user.sqlValue, now.sqlValue]).isEmpty
    }
}
