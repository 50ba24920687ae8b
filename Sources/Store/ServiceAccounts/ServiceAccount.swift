import Ground
import SQL

/// A program with an account of its own, as stored.
public struct ServiceAccount: Sendable, RowDecodable {
    public let id: UUID
    public var name: String
    public var description: String
    /// The company whose people it is for; nil: everybody.
    public let company: UUID?
    public var isEnabled: Bool
    public let createdBy: UUID
    public let createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(id: UUID, name: String, description: String, company: UUID?, createdBy: UUID, at now: Timestamp) {
        self.id = id
        self.name = name
        self.description = description
        self.company = company
        isEnabled = true
        self.createdBy = createdBy
        createdAt = now
        updatedAt = now
    }

    static let columns = "id, name, description, company_id, is_enabled, created_by, created_at, updated_at"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        name = try row.next()
        description = try row.next()
        company = try row.next()
        isEnabled = try row.next()
        createdBy = try row.next()
        createdAt = try row.next()
        updatedAt = try row.next()
    }
}

/// A key of a service account, as stored: the digest of its secret, never the key.
public struct APIKey: Sendable, RowDecodable {
    public let id: UUID
    public let account: UUID
    public let name: String
    public let secretDigest: [UInt8]
    /// Names of permissions.
    public let scopes: [String]
    public let createdBy: UUID
    public let createdAt: Timestamp
    public let expiresAt: Timestamp?
    public var lastUsedAt: Timestamp?
    public let revokedAt: Timestamp?

    public init(
        id: UUID, account: UUID, name: String, secretDigest: [UInt8], scopes: [String], createdBy: UUID, at now: Timestamp,
        expiresAt: Timestamp?
    ) {
        self.id = id
        self.account = account
        self.name = name
        self.secretDigest = secretDigest
        self.scopes = scopes
        self.createdBy = createdBy
        createdAt = now
        self.expiresAt = expiresAt
        lastUsedAt = nil
        revokedAt = nil
    }

    static let columns = """
        id, account_id, name, secret_digest, scopes, created_by, created_at, expires_at, last_used_at, revoked_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        account = try row.next()
        name = try row.next()
        secretDigest = try row.next()
        let scopes: String = try row.next()
        self.scopes = (try? JSON.parse(Array(scopes.utf8)))?.array?.compactMap(\.string) ?? []
        createdBy = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
        lastUsedAt = try row.next()
        revokedAt = try row.next()
    }

    public func isUsable(at now: Timestamp) -> Bool { revokedAt == nil && (expiresAt.map { $0 > now } ?? true) }
}
