import Ground
import SQL

/// Where somebody wants to be told of events, as stored.
public struct Webhook: Sendable, RowDecodable {
    /// Why the server disabled it.
    public enum DisabledReason: String, Sendable, CaseIterable {
        /// The receiver said that it is gone.
        case gone
        /// Nothing but failures for too long.
        case failing
    }

    public let id: UUID
    /// nil: it hears of what happens everywhere.
    public let companyID: UUID?
    public var url: String
    /// Names and patterns of events.
    public var events: [String]
    public var description: String
    public var isEnabled: Bool
    public var disabledReason: DisabledReason?
    /// Sealed.
    public var secret: [UInt8]
    /// Sealed; good until `formerUntil`.
    public var formerSecret: [UInt8]?
    public var formerUntil: Timestamp?
    /// Since when nothing but failures.
    public var failingSince: Timestamp?
    public let createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: UUID, companyID: UUID?, url: String, events: [String], description: String, isEnabled: Bool,
        secret: [UInt8], at now: Timestamp
    ) {
        self.id = id
        self.companyID = companyID
        self.url = url
        self.events = events
        self.description = description
        self.isEnabled = isEnabled
        self.secret = secret
        createdAt = now
        updatedAt = now
    }

    static let columns = """
        id, company_id, url, events, description, enabled, disabled_reason, secret, former_secret, former_until, \
        failing_since, created_at, updated_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        companyID = try row.next()
        url = try row.next()
        let events: String = try row.next()
        self.events = events.spaceSeparated
        description = try row.next()
        isEnabled = try row.next()
        let reason: String? = try row.next()
        disabledReason = reason.flatMap { DisabledReason(rawValue: $0) }
        secret = try row.next()
        formerSecret = try row.next()
        formerUntil = try row.next()
        failingSince = try row.next()
        createdAt = try row.next()
        updatedAt = try row.next()
    }
}

/// Which webhook wants to hear of what, and of where.
public struct WebhookSubscription: Sendable, RowDecodable {
    public let webhook: UUID
    /// nil: everywhere.
    public let company: UUID?
    public let events: [String]

    public init(row: inout Row) throws(DatabaseError) {
        webhook = try row.next()
        company = try row.next()
        let events: String = try row.next()
        self.events = events.spaceSeparated
    }
}
