import Ground
import SQL

/// A person with all that an import brings and an export takes.
public struct BulkUser: Sendable, RowDecodable {
    public let id: UUID
    public var email: String?
    public var name: String
    public var phone: String?
    public var status: User.Status
    public var passwordHash: String?
    public var requiresPasswordChange: Bool
    public var emailVerifiedAt: Timestamp?
    public var externalID: String?
    /// A JSON object.
    public var settings: String
    /// A JSON object.
    public var appData: String
    public var createdAt: Timestamp

    public init(id: UUID, email: String?, name: String, at now: Timestamp) {
        self.id = id
        self.email = email
        self.name = name
        status = .active
        requiresPasswordChange = false
        settings = "{}"
        appData = "{}"
        createdAt = now
    }

    static let columns = """
        u.id, u.email, u.name, u.phone, u.status, u.password_hash, u.requires_password_change, u.email_verified_at, \
        u.external_id, u.settings, u.app_data, u.created_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        email = try row.next()
        name = try row.next()
        phone = try row.next()
        let status: String = try row.next()
        guard let status = User.Status(rawValue: status) else { throw .unexpected("user status \(status)") }
        self.status = status
        passwordHash = try row.next()
        requiresPasswordChange = try row.next()
        emailVerifiedAt = try row.next()
        externalID = try row.next()
        settings = try row.next()
        appData = try row.next()
        createdAt = try row.next()
    }
}

/// What an import writes into other tables than that of users.
public struct BulkGrant: Sendable {
    public let id: UUID
    public let user: UUID
    public let role: UUID
    /// nil: everywhere.
    public let company: UUID?

    public init(id: UUID, user: UUID, role: UUID, company: UUID?) {
        self.id = id
        self.user = user
        self.role = role
        self.company = company
    }
}

/// One thing that a role permits, beside its id.
public struct NamedPermission: Sendable, RowDecodable {
    public let role: UUID
    public let nameKey: String
    /// nil for a role that permits nothing.
    public let permission: String?

    public init(row: inout Row) throws(DatabaseError) {
        role = try row.next()
        nameKey = try row.next()
        permission = try row.next()
    }
}

/// Many people at once, with few statements.
public struct ImportRepository: Sendable {
    let sql: any StatementRunner

    /// How many rows one statement takes.
    private static let rowsAtOnce = 32

    private static func values(_ columns: Int, _ rows: Int) -> String {
        (0..<rows).map { row in
            "(" + (1...columns).map { "$\(row * columns + $0)" }.joined(separator: ", ") + ")"
        }.joined(separator: ", ")
    }

    /// Runs the statement for many rows as often as they fill it, and that for one for the rest.
    private func insert(_ rows: [[SQLValue]], _ many: Statement, _ one: Statement) async throws(DatabaseError) {
        var rest = rows[...]
        while rest.count >= Self.rowsAtOnce {
            try await sql.run(many, Array(rest.prefix(Self.rowsAtOnce).joined()))
            rest = rest.dropFirst(Self.rowsAtOnce)
        }
        for row in rest { try await sql.run(one, row) }
    }

    // MARK: People

    private static let insertUsers = """
        INSERT INTO users (id, email, email_key, name, phone, password_hash, status, settings, app_data, \
        requires_password_change, password_changed_at, email_verified_at, external_id, created_at, updated_at) VALUES\u{20}
        """
    private static let insertUser = Statement(insertUsers + values(15, 1))
    private static let insertManyUsers = Statement(insertUsers + values(15, rowsAtOnce))

    /// - Throws: `.duplicate("users.email_key")`, `.duplicate("users.id")`.
    public func insert(_ users: [(user: BulkUser, emailKey: String?)], at now: Timestamp) async throws(DatabaseError) {
        let rows = users.map { user, key -> [SQLValue] in
            [
                user.id.sqlValue, user.email.sqlValue, key.sqlValue, user.name.sqlValue, user.phone.sqlValue,
                user.passwordHash.sqlValue, user.status.rawValue.sqlValue, user.settings.sqlValue, user.appData.sqlValue,
                user.requiresPasswordChange.sqlValue, (user.passwordHash == nil ? nil : now).sqlValue,
                user.emailVerifiedAt.sqlValue, user.externalID.sqlValue, user.createdAt.sqlValue, now.sqlValue,
            ]
        }
        try await insert(rows, Self.insertManyUsers, Self.insertUser)
    }

    private static let insertMember = Statement(
        "INSERT INTO memberships (user_id, company_id, created_at) VALUES " + values(3, 1))
    private static let insertMembers = Statement(
        "INSERT INTO memberships (user_id, company_id, created_at) VALUES " + values(3, rowsAtOnce))

    public func insert(members: [(user: UUID, company: UUID)], at now: Timestamp) async throws(DatabaseError) {
        let rows = members.map { [$0.user.sqlValue, $0.company.sqlValue, now.sqlValue] }
        try await insert(rows, Self.insertMembers, Self.insertMember)
    }

    private static let insertGrant = Statement(
        "INSERT INTO user_roles (id, user_id, role_id, company_id, granted_by, granted_at) VALUES " + values(6, 1))
    private static let insertGrants = Statement(
        "INSERT INTO user_roles (id, user_id, role_id, company_id, granted_by, granted_at) VALUES "
            + values(6, rowsAtOnce))

    public func insert(_ grants: [BulkGrant], by actor: UUID?, at now: Timestamp) async throws(DatabaseError) {
        let rows = grants.map {
            [
                $0.id.sqlValue, $0.user.sqlValue, $0.role.sqlValue, $0.company.sqlValue, actor.sqlValue, now.sqlValue,
            ]
        }
        try await insert(rows, Self.insertGrants, Self.insertGrant)
    }

    // MARK: What is there

    /// How many are looked for with one statement.
    public static let soughtAtOnce = 64

    private static let places = (1...soughtAtOnce).map { "$\($0)" }.joined(separator: ", ")
    private static let takenKeys = Statement(
        """
        SELECT email_key FROM users WHERE email_key IN (\(places))
        UNION SELECT held_key FROM mail_links
        WHERE held_key IN (\(places)) AND used_at IS NULL AND expires_at > $\(soughtAtOnce + 1)
        """)
    private static let takenIDs = Statement("SELECT id FROM users WHERE id IN (\(places))")

    /// Which of the keys have an account, or are held for one.
    /// - Parameter keys: ``soughtAtOnce`` at most.
    public func taken(emailKeys keys: [String], at now: Timestamp) async throws(DatabaseError) -> Set<String> {
        try await taken(keys, Self.takenKeys, [now.sqlValue])
    }

    /// Which of the ids somebody has, deleted people too.
    /// - Parameter ids: ``soughtAtOnce`` at most.
    public func taken(ids: [UUID]) async throws(DatabaseError) -> Set<UUID> { try await taken(ids, Self.takenIDs) }

    private func taken<T: SQLConvertible & Hashable>(_ sought: [T], _ statement: Statement, _ more: [SQLValue] = [])
        async throws(DatabaseError) -> Set<T>
    {
        guard let last = sought.last else { return [] }
        let missing = Array(repeating: last.sqlValue, count: max(0, Self.soughtAtOnce - sought.count))
        var found: Set<T> = []
        for var row in try await sql.run(statement, sought.map(\.sqlValue) + missing + more) { found.insert(try row.next()) }
        return found
    }

    private static let permissions = Statement(
        """
        SELECT r.id, r.name_key, p.permission FROM roles r LEFT JOIN role_permissions p ON p.role_id = r.id
        ORDER BY r.name_key, p.permission
        """)

    /// Every role with all that it permits.
    public func rolePermissions() async throws(DatabaseError) -> [NamedPermission] {
        try await sql.run(Self.permissions, []).all()
    }

    private static let byDomain = Statement("SELECT c.id FROM companies c WHERE c.domain = $1 AND c.deleted_at IS NULL")

    public func company(ofDomain domain: String) async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.byDomain, [domain.sqlValue]).value()
    }

    private static let room = Statement(
        """
        SELECT c.member_limit - (SELECT count(*) FROM memberships m WHERE m.company_id = c.id) FROM companies c
        WHERE c.id = $1
        """)

    /// How many members more the company may have; nil: any number.
    public func room(in company: UUID) async throws(DatabaseError) -> Int? {
        guard var row = try await sql.run(Self.room, [company.sqlValue]).first else { return nil }
        return try row.next()
    }

    private static let anyCompany = Statement("SELECT 1 FROM companies WHERE id = $1")

    /// Whether a company has the id, deleted ones included.
    public func hasCompany(_ id: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.anyCompany, [id.sqlValue]).isEmpty
    }
}
