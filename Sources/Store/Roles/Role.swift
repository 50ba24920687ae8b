import Ground
import SQL

/// Where somebody may come from: a rule of a person or of a role.
public struct AddressRule: Hashable, Sendable {
    public var isEnabled: Bool
    /// Addresses and blocks, as they were written.
    public var addresses: [String]
    /// ISO 3166-1 alpha-2.
    public var countries: [String]

    public init(isEnabled: Bool = false, addresses: [String] = [], countries: [String] = []) {
        self.isEnabled = isEnabled
        self.addresses = addresses
        self.countries = countries
    }

    /// In the order of `columns`.
    var sqlValues: [SQLValue] { [isEnabled.sqlValue, Self.text(addresses).sqlValue, Self.text(countries).sqlValue] }

    static let columns = "ip_whitelist_enabled, allowed_ips, allowed_countries"

    init(row: inout Row) throws(DatabaseError) {
        isEnabled = try row.next()
        addresses = Self.list(try row.next())
        countries = Self.list(try row.next())
    }

    private static func text(_ list: [String]) -> String { JSON.array(list.map { .string($0) }).text }
    private static func list(_ text: String) -> [String] {
        // The usual case, without a parser.
        guard text != "[]" else { return [] }
        return (try? JSON.parse(Array(text.utf8)))?.array?.compactMap(\.string) ?? []
    }
}

/// A role, as stored; what it permits stands in tables of its own.
public struct Role: Sendable, RowDecodable {
    public let id: UUID
    public var name: String
    public var description: String
    public let isSystem: Bool
    public let createdAt: Timestamp
    public var updatedAt: Timestamp
    public var rule: AddressRule
    /// Since when a second factor is required of whoever has it; nil: it is not.
    public var secondFactorSince: Timestamp?
    /// Since when a role that this one includes requires one; nil: none does.
    public var inheritedFactorSince: Timestamp?

    public init(id: UUID, name: String, description: String, at now: Timestamp) {
        self.id = id
        self.name = name
        self.description = description
        isSystem = false
        createdAt = now
        updatedAt = now
        rule = AddressRule()
    }

    static let columns = """
        id, name, description, is_system, created_at, updated_at, \(AddressRule.columns), \
        second_factor_since, inherited_factor_since
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        name = try row.next()
        description = try row.next()
        isSystem = try row.next()
        createdAt = try row.next()
        updatedAt = try row.next()
        rule = try AddressRule(row: &row)
        secondFactorSince = try row.next()
        inheritedFactorSince = try row.next()
    }

    /// What two spellings of one name share; unique.
    public static func key(of name: String) -> String { name.lowercased() }
}

/// A role that somebody has, and where.
public struct GrantedRole: Sendable, RowDecodable {
    public let id: UUID
    public let user: UUID
    public let role: UUID
    public let name: String
    /// nil: everywhere.
    public let company: UUID?
    public let grantedBy: UUID?
    public let grantedAt: Timestamp
    public let expiresAt: Timestamp?

    static let columns = "g.id, g.user_id, g.role_id, r.name, g.company_id, g.granted_by, g.granted_at, g.expires_at"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        user = try row.next()
        role = try row.next()
        name = try row.next()
        company = try row.next()
        grantedBy = try row.next()
        grantedAt = try row.next()
        expiresAt = try row.next()
    }
}

/// One thing that a role permits somebody, and where.
public struct Grant: Sendable, RowDecodable {
    public let role: String
    /// nil: everywhere.
    public let company: UUID?
    public let expiresAt: Timestamp?
    public let rule: AddressRule
    /// Since when a second factor is required of the person for this, by the role or one that it includes; nil: it is not.
    public let secondFactorSince: Timestamp?
    /// nil for a role that permits nothing.
    public let permission: String?

    public init(row: inout Row) throws(DatabaseError) {
        role = try row.next()
        company = try row.next()
        expiresAt = try row.next()
        rule = try AddressRule(row: &row)
        let heldSince: Timestamp = try row.next()
        let (own, inherited): (Timestamp?, Timestamp?) = (try row.next(), try row.next())
        secondFactorSince = [own, inherited].compactMap { $0 }.min().map { max($0, heldSince) }
        permission = try row.next()
    }
}
