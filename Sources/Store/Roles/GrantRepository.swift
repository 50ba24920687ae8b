import Ground
import SQL

/// The table of who has which role, and where. One that has ended stays until it is withdrawn, and counts for nothing.
public struct GrantRepository: Sendable {
    let sql: any StatementRunner

    private static let insertGrant = Statement(
        """
        INSERT INTO user_roles (id, user_id, role_id, company_id, granted_by, granted_at, expires_at, held_since)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $6)
        ON CONFLICT (user_id, role_id, COALESCE(company_id, user_id))
        DO UPDATE SET granted_by = excluded.granted_by, granted_at = excluded.granted_at, expires_at = excluded.expires_at,
            held_since = COALESCE(user_roles.held_since, user_roles.granted_at)
        RETURNING id
        """)

    /// Grants the role; one that the person has there already is renewed, with the end that is given now. Since when they
    /// have it stays: what is required of whoever has it is not put off by that.
    /// - Returns: the id of the grant.
    @discardableResult
    public func grant(
        id: UUID, role: UUID, to user: UUID, in company: UUID?, by actor: UUID?, at now: Timestamp,
        until end: Timestamp? = nil
    ) async throws(DatabaseError) -> UUID {
        let values: [SQLValue] = [
            id.sqlValue, user.sqlValue, role.sqlValue, company.sqlValue, actor.sqlValue, now.sqlValue, end.sqlValue,
        ]
        return try await sql.run(Self.insertGrant, values).value() ?? id
    }

    private static let withdrawGrant = Statement("DELETE FROM user_roles WHERE id = $1")

    public func withdraw(_ id: UUID) async throws(DatabaseError) { try await sql.run(Self.withdrawGrant, [id.sqlValue]) }

    private static let withdrawAll = Statement("DELETE FROM user_roles WHERE user_id = $1 AND (company_id = $2 OR $2 IS NULL)")

    /// Withdraws everything from the person, or what they have in one company.
    public func withdrawAll(from user: UUID, in company: UUID?) async throws(DatabaseError) {
        try await sql.run(Self.withdrawAll, [user.sqlValue, company.sqlValue])
    }

    private static let byID = Statement(
        "SELECT \(GrantedRole.columns) FROM user_roles g JOIN roles r ON r.id = g.role_id WHERE g.id = $1 AND g.user_id = $2")

    public func find(_ id: UUID, of user: UUID) async throws(DatabaseError) -> GrantedRole? {
        try await sql.run(Self.byID, [id.sqlValue, user.sqlValue]).first()
    }

    private static let ofUser = Statement(
        """
        SELECT \(GrantedRole.columns) FROM user_roles g JOIN roles r ON r.id = g.role_id
        WHERE g.user_id = $1 AND (g.company_id = $2 OR $2 IS NULL) ORDER BY r.name_key, g.id
        """)

    /// The person's roles, those that have ended too.
    /// - Parameter company: only those for this company; nil: all.
    public func all(of user: UUID, within company: UUID?) async throws(DatabaseError) -> [GrantedRole] {
        try await sql.run(Self.ofUser, [user.sqlValue, company.sqlValue]).all()
    }

    private static let currentOfUser = Statement(
        """
        SELECT r.name, g.company_id, g.expires_at, r.ip_whitelist_enabled, r.allowed_ips, r.allowed_countries,
            COALESCE(g.held_since, g.granted_at), r.second_factor_since, r.inherited_factor_since, p.permission
        FROM user_roles g JOIN roles r ON r.id = g.role_id
        LEFT JOIN role_permissions p ON p.role_id = g.role_id
        WHERE g.user_id = $1 AND (g.expires_at > $2 OR g.expires_at IS NULL) ORDER BY r.name, g.id
        """)

    /// The person's roles that have not ended at that moment, with all that they permit.
    public func current(of user: UUID, at now: Timestamp) async throws(DatabaseError) -> [Grant] {
        try await sql.run(Self.currentOfUser, [user.sqlValue, now.sqlValue]).all()
    }

    /// People whose roles are asked for at once.
    public static let mostPeople = 100
    private static let namesOf = Statement(
        """
        SELECT DISTINCT g.user_id, r.name FROM user_roles g JOIN roles r ON r.id = g.role_id
        WHERE (g.company_id = $1 OR g.company_id IS NULL OR $1 IS NULL) AND (g.expires_at > $2 OR g.expires_at IS NULL)
            AND g.user_id IN (\((0..<mostPeople).map { "$\($0 + 3)" }.joined(separator: ", "))) ORDER BY r.name
        """)

    /// The names of the roles of some people that have not ended, in order of the alphabet.
    /// - Parameter company: those for this company and for everywhere; nil: all.
    public func roleNames(of users: [UUID], within company: UUID?, at now: Timestamp) async throws(DatabaseError)
        -> [UUID: [String]]
    {
        guard let last = users.last else { return [:] }
        let padded = users.prefix(Self.mostPeople) + Array(repeating: last, count: max(0, Self.mostPeople - users.count))
        var names: [UUID: [String]] = [:]
        for var row in try await sql.run(Self.namesOf, [company.sqlValue, now.sqlValue] + padded.map(\.sqlValue)) {
            let user: UUID = try row.next()
            names[user, default: []].append(try row.next())
        }
        return names
    }

    private static let lastingHolders = Statement(
        """
        SELECT count(*) FROM user_roles g JOIN roles r ON r.id = g.role_id JOIN users u ON u.id = g.user_id
        WHERE r.name_key = $1 AND g.company_id IS NULL AND g.expires_at IS NULL AND u.deleted_at IS NULL
            AND u.status = 'ACTIVE' AND u.access_ends_at IS NULL
        """)

    /// How many active people hold the role everywhere and without end.
    public func lastingHolders(of nameKey: String) async throws(DatabaseError) -> Int {
        try await sql.run(Self.lastingHolders, [nameKey.sqlValue]).value() ?? 0
    }
}
