import Ground
import SQL

/// A person, as stored.
public struct User: Sendable, RowDecodable {
    public enum Status: String, Sendable, CaseIterable {
        case active = "ACTIVE"
        case inactive = "INACTIVE"
        case suspended = "SUSPENDED"
    }

    public let id: UUID
    public var email: String?
    /// What two spellings of one address share; unique.
    public var emailKey: String?
    public var name: String
    public var phone: String?
    public var passwordHash: String?
    public var status: Status
    /// The person's own settings, a JSON object.
    public var settings: String
    /// What other services keep about the person, a JSON object by namespace.
    public var appData: String
    public var requiresPasswordChange: Bool
    public var lastLoginAt: Timestamp?
    public var passwordChangedAt: Timestamp?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp
    public var emailVerifiedAt: Timestamp?
    public var lockedUntil: Timestamp?
    public var deletedAt: Timestamp?
    /// From when on the person's access is over; nil: never.
    public var accessEndsAt: Timestamp?
    /// The second factors that the person has set up.
    public var secondFactors: [String]
    public var rule: AddressRule

    public init(
        id: UUID, email: String?, emailKey: String?, name: String, phone: String? = nil, passwordHash: String?,
        status: Status = .active, requiresPasswordChange: Bool = false, at now: Timestamp
    ) {
        self.id = id
        self.email = email
        self.emailKey = emailKey
        self.name = name
        self.phone = phone
        self.passwordHash = passwordHash
        self.status = status
        settings = "{}"
        appData = "{}"
        self.requiresPasswordChange = requiresPasswordChange
        lastLoginAt = nil
        passwordChangedAt = passwordHash.map { _ in now }
        createdAt = now
        updatedAt = now
        secondFactors = []
        rule = AddressRule()
    }

    static let columns = """
        id, email, email_key, name, phone, password_hash, status, settings, app_data, requires_password_change, \
        last_login_at, password_changed_at, created_at, updated_at, email_verified_at, account_locked_until, deleted_at, \
        access_ends_at, second_factors, \
        \(AddressRule.columns)
        """
    /// The same where other tables have columns of these names.
    static let qualifiedColumns = columns.split(separator: ",")
        .map { "u." + $0.filter { $0 != " " && $0 != "\n" } }.joined(separator: ", ")

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        email = try row.next()
        emailKey = try row.next()
        name = try row.next()
        phone = try row.next()
        passwordHash = try row.next()
        let status: String = try row.next()
        guard let status = Status(rawValue: status) else { throw .unexpected("user status \(status)") }
        self.status = status
        settings = try row.next()
        appData = try row.next()
        requiresPasswordChange = try row.next()
        lastLoginAt = try row.next()
        passwordChangedAt = try row.next()
        createdAt = try row.next()
        updatedAt = try row.next()
        emailVerifiedAt = try row.next()
        lockedUntil = try row.next()
        deletedAt = try row.next()
        accessEndsAt = try row.next()
        secondFactors = try row.next(String.self).spaceSeparated
        rule = try AddressRule(row: &row)
    }

    /// Whether the person's access is over.
    public func hasEnded(at now: Timestamp) -> Bool { accessEndsAt.map { $0 <= now } ?? false }
}
