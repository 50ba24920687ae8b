import Ground
import SQL

/// The table of roles, and the tables of what they permit.
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

    /// Adds a role that comes with the system, unless one of that name is there.
    public func insertIfAbsent(
        id: UUID, name: String, description: String, permissions: [String], at now: Timestamp
    ) async throws(DatabaseError) {
        guard try await insert(id, name, description, isSystem: true, at: now) else { return }
        try await set(parts: RoleParts(permissions: permissions, includes: []), of: id)
        try await set(effective: permissions, of: id)
    }

    /// - Returns: false when one of that name is there.
    public func insert(_ role: Role) async throws(DatabaseError) -> Bool {
        try await insert(role.id, role.name, role.description, isSystem: false, at: role.createdAt)
    }

    private func insert(_ id: UUID, _ name: String, _ description: String, isSystem: Bool, at now: Timestamp)
        async throws(DatabaseError) -> Bool
    {
        let values: [SQLValue] = [
            id.sqlValue, name.sqlValue, Role.key(of: name).sqlValue, description.sqlValue, isSystem.sqlValue, now.sqlValue,
        ]
        return try await !sql.run(Self.insertRole, values).isEmpty
    }

    private static let byID = Statement("SELECT \(Role.columns) FROM roles WHERE id = $1")

    public func find(_ id: UUID) async throws(DatabaseError) -> Role? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    private static let byName = Statement("SELECT \(Role.columns) FROM roles WHERE name_key = $1")

    /// - Parameter name: in any case.
    public func find(named name: String) async throws(DatabaseError) -> Role? {
        try await sql.run(Self.byName, [Role.key(of: name).sqlValue]).first()
    }

    private static let pageOfRoles = Statement(
        "SELECT \(Role.columns) FROM roles WHERE (id > $1 OR $1 IS NULL) ORDER BY id LIMIT $2")

    /// The oldest first.
    public func page(after: UUID?, limit: Int) async throws(DatabaseError) -> [Role] {
        try await sql.run(Self.pageOfRoles, [after.sqlValue, limit.sqlValue]).all()
    }

    private static let countRoles = Statement("SELECT count(*) FROM roles")

    public func count() async throws(DatabaseError) -> Int { try await sql.run(Self.countRoles, []).value() ?? 0 }

    private static let updateRole = Statement(
        """
        UPDATE roles SET name = $2, name_key = $3, description = $4, updated_at = $5, ip_whitelist_enabled = $6,
            allowed_ips = $7, allowed_countries = $8, second_factor_since = $9,
            inherited_factor_since = $10
        WHERE id = $1
        """)

    /// - Throws: `.duplicate("roles.name_key")` when another role has the name.
    public func update(_ role: Role) async throws(DatabaseError) {
        try await sql.run(
            Self.updateRole,
            [
                role.id.sqlValue, role.name.sqlValue, Role.key(of: role.name).sqlValue, role.description.sqlValue,
                role.updatedAt.sqlValue,
            ] + role.rule.sqlValues + [role.secondFactorSince.sqlValue, role.inheritedFactorSince.sqlValue])
    }

    private static let deletions = [
        "DELETE FROM role_own_permissions WHERE role_id = $1", "DELETE FROM role_permissions WHERE role_id = $1",
        "DELETE FROM role_includes WHERE role_id = $1", "DELETE FROM roles WHERE id = $1",
    ].map { Statement($0) }

    /// Deletes a role that nobody has and no other includes.
    public func delete(_ id: UUID) async throws(DatabaseError) {
        for deletion in Self.deletions { try await sql.run(deletion, [id.sqlValue]) }
    }

    private static let isUsed = Statement(
        """
        SELECT 1 WHERE EXISTS (SELECT 1 FROM user_roles WHERE role_id = $1)
            OR EXISTS (SELECT 1 FROM role_includes WHERE included_id = $1)
            OR EXISTS (SELECT 1 FROM invitation_roles WHERE role_id = $1)
        """)

    /// Whether somebody has the role or is invited to it, or another role includes it.
    public func isInUse(_ id: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.isUsed, [id.sqlValue]).isEmpty
    }

    // MARK: What they permit

    private static let allOwn = Statement("SELECT role_id, permission FROM role_own_permissions ORDER BY permission")
    private static let allIncludes = Statement(
        "SELECT i.role_id, i.included_id FROM role_includes i JOIN roles r ON r.id = i.included_id ORDER BY r.name_key")

    /// What every role permits by itself, and which others it includes.
    public func parts() async throws(DatabaseError) -> [UUID: RoleParts] {
        var parts: [UUID: RoleParts] = [:]
        for var row in try await sql.run(Self.allOwn, []) {
            let role: UUID = try row.next()
            parts[role, default: RoleParts()].permissions.append(try row.next())
        }
        for var row in try await sql.run(Self.allIncludes, []) {
            let role: UUID = try row.next()
            parts[role, default: RoleParts()].includes.append(try row.next())
        }
        return parts
    }

    private static let forgetOwn = Statement("DELETE FROM role_own_permissions WHERE role_id = $1")
    private static let forgetIncludes = Statement("DELETE FROM role_includes WHERE role_id = $1")
    private static let insertInclude = Statement("INSERT INTO role_includes (role_id, included_id) VALUES ($1, $2)")

    public func set(parts: RoleParts, of role: UUID) async throws(DatabaseError) {
        try await sql.run(Self.forgetOwn, [role.sqlValue])
        try await sql.run(Self.forgetIncludes, [role.sqlValue])
        for permission in parts.permissions {
            try await sql.run(Self.insertOwnPermission, [role.sqlValue, permission.sqlValue])
        }
        for included in parts.includes { try await sql.run(Self.insertInclude, [role.sqlValue, included.sqlValue]) }
    }

    private static let forgetEffective = Statement("DELETE FROM role_permissions WHERE role_id = $1")

    /// All that the role permits, what it includes counted.
    public func set(effective permissions: [String], of role: UUID) async throws(DatabaseError) {
        try await sql.run(Self.forgetEffective, [role.sqlValue])
        for permission in permissions {
            try await sql.run(Self.insertPermission, [role.sqlValue, permission.sqlValue])
        }
    }

    private static let effectiveOf = Statement("SELECT permission FROM role_permissions WHERE role_id = $1 ORDER BY permission")

    public func effective(of role: UUID) async throws(DatabaseError) -> [String] {
        var names: [String] = []
        for var row in try await sql.run(Self.effectiveOf, [role.sqlValue]) { names.append(try row.next()) }
        return names
    }

    private static let used = Statement("SELECT DISTINCT permission FROM role_own_permissions ORDER BY permission")

    /// Every permission that some role has, in order of the alphabet.
    public func permissionsInUse() async throws(DatabaseError) -> [String] {
        var names: [String] = []
        for var row in try await sql.run(Self.used, []) { names.append(try row.next()) }
        return names
    }
}

/// What a role permits by itself, and the roles that it includes.
public struct RoleParts: Sendable, Hashable {
    public var permissions: [String]
    public var includes: [UUID]

    public init(permissions: [String] = [], includes: [UUID] = []) {
        self.permissions = permissions
        self.includes = includes
    }
}
