import Ground
import SQL

/// A company that somebody in an export belongs to.
public struct ExportedMembership: Sendable, RowDecodable {
    public let user: UUID
    public let company: UUID
    public let name: String
    public let domain: String?

    public init(row: inout Row) throws(DatabaseError) {
        user = try row.next()
        company = try row.next()
        name = try row.next()
        domain = try row.next()
    }
}

/// A role that somebody in an export has.
public struct ExportedGrant: Sendable, RowDecodable {
    public let user: UUID
    public let role: String
    /// nil: everywhere.
    public let company: UUID?

    public init(row: inout Row) throws(DatabaseError) {
        user = try row.next()
        role = try row.next()
        company = try row.next()
    }
}

/// People page by page, in order of their ids.
public struct ExportRepository: Sendable {
    let sql: any StatementRunner

    private static let everybody = Statement(
        """
        SELECT \(BulkUser.columns) FROM users u
        WHERE (u.id > $1 OR $1 IS NULL) AND u.deleted_at IS NULL ORDER BY u.id LIMIT $2
        """)
    private static let members = Statement(
        """
        SELECT \(BulkUser.columns) FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.company_id = $3 AND (m.user_id > $1 OR $1 IS NULL) AND u.deleted_at IS NULL
        ORDER BY m.user_id LIMIT $2
        """)

    /// - Parameters:
    ///   - after: the last id of the page before.
    ///   - company: whose members; nil: everybody.
    public func page(after: UUID?, limit: Int, within company: UUID?) async throws(DatabaseError) -> [BulkUser] {
        guard let company else { return try await sql.run(Self.everybody, [after.sqlValue, limit.sqlValue]).all() }
        return try await sql.run(Self.members, [after.sqlValue, limit.sqlValue, company.sqlValue]).all()
    }

    private static let memberships = Statement(
        """
        SELECT m.user_id, c.id, c.name, c.domain FROM memberships m JOIN companies c ON c.id = m.company_id
        WHERE (m.company_id = $3 OR $3 IS NULL) AND m.user_id >= $1 AND m.user_id <= $2 AND c.deleted_at IS NULL
        ORDER BY m.user_id, m.created_at, c.id
        """)

    /// The companies of everybody from one id to another, or one company of them.
    public func memberships(from first: UUID, to last: UUID, within company: UUID?)
        async throws(DatabaseError) -> [ExportedMembership]
    {
        try await sql.run(Self.memberships, [first.sqlValue, last.sqlValue, company.sqlValue]).all()
    }

    private static let grants = Statement(
        """
        SELECT g.user_id, r.name, g.company_id FROM user_roles g JOIN roles r ON r.id = g.role_id
        WHERE (g.company_id = $3 OR $3 IS NULL) AND g.user_id >= $1 AND g.user_id <= $2 AND g.expires_at IS NULL
        ORDER BY g.user_id, r.name, g.id
        """)

    /// The roles without end of everybody from one id to another, or those in one company.
    public func grants(from first: UUID, to last: UUID, within company: UUID?)
        async throws(DatabaseError) -> [ExportedGrant]
    {
        try await sql.run(Self.grants, [first.sqlValue, last.sqlValue, company.sqlValue]).all()
    }
}
