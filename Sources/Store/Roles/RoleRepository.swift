import Ground
import SQL

/// A role that somebody has, and where.
public struct GrantedRole: Sendable, RowDecodable {
    public let name: String
    /// nil: everywhere.
    public let company: UUID?

    public init(row: inout Row) throws(DatabaseError) {
        name = try row.next()
        company = try row.next()
    }
}

/// One thing that a role permits somebody, and where.
public struct Grant: Sendable, RowDecodable {
    public let role: String
    /// nil: everywhere.
    public let company: UUID?
    public let expiresAt: Timestamp?
    /// nil for a role that permits nothing.
    public let permission: String?

    public init(row: inout Row) throws(DatabaseError) {
        role = try row.next()
        company = try row.next()
        expiresAt = try row.next()
        permission = try row.next()
    }
}

/// The tables of roles, of what they permit, and of who has them.
public struct RoleRepository: Sendable {
    let sql: any StatementRunner

    private static let insertRole = Statement(
        """
        INSERT INTO roles (id, name, name_key, description, is_system, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name_key) DO NOTHING RETURNING id
        """)
    private static let insertPermission = Statement(
        "INSERT INTO role_permissions (role_id, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING")
    private static let insertOwnPermission = Statement(
        "INSERT INTO role_own_permissions (role_id, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING")

    /// Adds a role with its permissions, unless one of that name is there.
    public func insertIfAbsent(
        id: UUID, name: String, nameKey: String, description: String, isSystem: Bool, permissions: [String],
        at now: Timestamp
    ) async throws(DatabaseError) {
        let values: [SQLValue] = [
            id.sqlValue, name.sqlValue, nameKey.sqlValue, description.sqlValue, isSystem.sqlValue, now.sqlValue,
        ]
        guard try await !sql.run(Self.insertRole, values).isEmpty else { return }
        for permission in permissions {
            try await sql.run(Self.insertPermission, [id.sqlValue, permission.sqlValue])
            try await sql.run(Self.insertOwnPermission, [id.sqlValue, permission.sqlValue])
        }
    }

    private static let grantRole = Statement(
        """
        INSERT INTO user_roles (id, user_id, role_id, company_id, granted_by, granted_at)
        VALUES ($1, $2, (SELECT id FROM roles WHERE name_key = $3), $4, $5, $6)
        """)

    public func grant(
        id: UUID, role nameKey: String, to user: UUID, in company: UUID?, by actor: UUID?, at now: Timestamp
    ) async throws(DatabaseError) {
        try await sql.run(
            Self.grantRole,
            [id.sqlValue, user.sqlValue, nameKey.sqlValue, company.sqlValue, actor.sqlValue, now.sqlValue])
    }

    private static let ofUser = Statement(
        """
        SELECT r.name, g.company_id FROM user_roles g JOIN roles r ON r.id = g.role_id
        WHERE g.user_id = $1 ORDER BY r.name, g.id
        """)

    public func granted(to user: UUID) async throws(DatabaseError) -> [GrantedRole] {
        try await sql.run(Self.ofUser, [user.sqlValue]).all()
    }

    private static let grantsOfUser = Statement(
        """
        SELECT r.name, g.company_id, g.expires_at, p.permission FROM user_roles g JOIN roles r ON r.id = g.role_id
        LEFT JOIN role_permissions p ON p.role_id = g.role_id
        WHERE g.user_id = $1 AND (g.expires_at > $2 OR g.expires_at IS NULL) ORDER BY r.name, g.id
        """)

    /// The user's roles that have not ended at that moment, with all that they permit.
    public func grants(to user: UUID, at now: Timestamp) async throws(DatabaseError) -> [Grant] {
        try await sql.run(Self.grantsOfUser, [user.sqlValue, now.sqlValue]).all()
    }

    private static let holders = Statement(
        """
        SELECT count(*) FROM user_roles g JOIN roles r ON r.id = g.role_id JOIN users u ON u.id = g.user_id
        WHERE r.name_key = $1 AND g.company_id IS NULL AND u.deleted_at IS NULL AND u.status = 'ACTIVE'
        """)

    /// How many active people hold the role everywhere.
    public func holders(of nameKey: String) async throws(DatabaseError) -> Int {
        try await sql.run(Self.holders, [nameKey.sqlValue]).value() ?? 0
    }
}
