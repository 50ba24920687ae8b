import Ground
import SQL

/// A public key whose private half is in an authenticator of a person.
public struct Passkey: Sendable, RowDecodable {
    public let id: UUID
    public let userID: UUID
    public let credentialID: [UInt8]
    /// As COSE writes it.
    public let publicKey: [UInt8]
    /// How often the authenticator has signed; 0 where it does not count.
    public let counter: Int64
    public var name: String
    /// The model of the authenticator; all zeros where it does not say.
    public let aaguid: UUID
    public let transports: [String]
    /// Whether the authenticator finds it without being told its id.
    public let isDiscoverable: Bool
    /// Whether other doors ask for it.
    public let isSecondFactor: Bool
    public let isBackupEligible: Bool
    public let isBackedUp: Bool
    /// Whether the authenticator verified the person when it was made (WebAuthn, "uvInitialized").
    public let wasVerified: Bool
    public let createdAt: Timestamp
    public let lastUsedAt: Timestamp?

    public init(
        id: UUID, userID: UUID, credentialID: [UInt8], publicKey: [UInt8], counter: Int64, name: String, aaguid: UUID,
        transports: [String], isDiscoverable: Bool, isSecondFactor: Bool, isBackupEligible: Bool, isBackedUp: Bool,
        wasVerified: Bool, at now: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.credentialID = credentialID
        self.publicKey = publicKey
        self.counter = counter
        self.name = name
        self.aaguid = aaguid
        self.transports = transports
        self.isDiscoverable = isDiscoverable
        self.isSecondFactor = isSecondFactor
        self.isBackupEligible = isBackupEligible
        self.isBackedUp = isBackedUp
        self.wasVerified = wasVerified
        createdAt = now
        lastUsedAt = nil
    }

    static let columns = """
        id, user_id, credential_id, public_key, counter, name, aaguid, transports, is_discoverable, is_second_factor, \
        is_backup_eligible, is_backed_up, was_verified, created_at, last_used_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        userID = try row.next()
        credentialID = try row.next()
        publicKey = try row.next()
        counter = try row.next()
        name = try row.next()
        aaguid = try row.next()
        let transports: String = try row.next()
        self.transports = transports.spaceSeparated
        isDiscoverable = try row.next()
        isSecondFactor = try row.next()
        isBackupEligible = try row.next()
        isBackedUp = try row.next()
        wasVerified = try row.next()
        createdAt = try row.next()
        lastUsedAt = try row.next()
    }
}
