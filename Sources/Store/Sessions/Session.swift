import Ground
import SQL

/// A session, as stored. Of its refresh token only the digest of the current secret is kept.
public struct Session: Sendable, RowDecodable {
    public enum EndReason: String, Sendable {
        case logout, revoked, reuse, limit, expired
        case passwordChange = "password_change"
        case blocked, deleted
        case companySuspended = "company_suspended"
    }

    public struct Device: Sendable, Hashable {
        public var type: String
        public var name: String
        public var os: String
        public var browser: String

        public init(type: String, name: String, os: String, browser: String) {
            self.type = type
            self.name = name
            self.os = os
            self.browser = browser
        }
    }

    public let id: UUID
    public let userID: UUID
    public var companyID: UUID?
    /// Counts the rotations of the refresh token.
    public var generation: Int64
    /// SHA-256 of the secret in the current refresh token.
    public var secretDigest: [UInt8]
    public var rotatedAt: Timestamp
    public let createdAt: Timestamp
    public var lastUsedAt: Timestamp
    public var expiresAt: Timestamp
    public var endedAt: Timestamp?
    public var endReason: EndReason?
    /// How the person proved who they are (`amr`, RFC 8176), separated by spaces.
    public var methods: String
    /// When the person last proved it; the beginning of time where an older program has made the session, which did not say.
    public var authenticatedAt: Timestamp
    public var ip: String
    public var userAgent: String
    public var device: Device

    public init(
        id: UUID, userID: UUID, companyID: UUID?, secretDigest: [UInt8], expiresAt: Timestamp, methods: String,
        ip: String, userAgent: String, device: Device, at now: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.companyID = companyID
        generation = 0
        self.secretDigest = secretDigest
        rotatedAt = now
        createdAt = now
        lastUsedAt = now
        self.expiresAt = expiresAt
        self.methods = methods
        authenticatedAt = now
        self.ip = ip
        self.userAgent = userAgent
        self.device = device
    }

    static let columns = """
        id, user_id, company_id, generation, secret_digest, rotated_at, created_at, last_used_at, expires_at, \
        ended_at, end_reason, methods, ip, user_agent, device_type, device_name, os, browser, authenticated_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        userID = try row.next()
        companyID = try row.next()
        generation = try row.next()
        secretDigest = try row.next()
        rotatedAt = try row.next()
        createdAt = try row.next()
        lastUsedAt = try row.next()
        expiresAt = try row.next()
        endedAt = try row.next()
        endReason = try row.next(String?.self).flatMap { EndReason(rawValue: $0) }
        methods = try row.next()
        ip = try row.next()
        userAgent = try row.next()
        device = Device(type: try row.next(), name: try row.next(), os: try row.next(), browser: try row.next())
        // The program that made it asked nobody for a second factor: what was proved there is no recent proof.
        authenticatedAt = try row.next(Timestamp?.self) ?? Timestamp(milliseconds: 0)
    }
}
