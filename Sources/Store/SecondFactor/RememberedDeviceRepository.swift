import Ground
import SQL

/// A browser from which no second factor is asked for a while.
public struct RememberedDevice: Sendable, RowDecodable {
    public let id: UUID
    public let userID: UUID
    public let deviceHash: [UInt8]
    public let name: String
    public let ip: String
    public let createdAt: Timestamp
    public let expiresAt: Timestamp

    public init(
        id: UUID, userID: UUID, deviceHash: [UInt8], name: String, ip: String, createdAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.deviceHash = deviceHash
        self.name = name
        self.ip = ip
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    static let columns = "id, user_id, device_hash, name, ip, created_at, expires_at"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        userID = try row.next()
        deviceHash = try row.next()
        name = try row.next()
        ip = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
    }
}

/// The table of remembered browsers. Whoever changes the password is asked again everywhere: what was remembered before
/// does not count.
public struct RememberedDeviceRepository: Sendable {
    let sql: any StatementRunner

    private static let writeDevice = Statement(
        """
        INSERT INTO remembered_devices (\(RememberedDevice.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (user_id, device_hash)
        DO UPDATE SET name = excluded.name, ip = excluded.ip, created_at = excluded.created_at,
            expires_at = excluded.expires_at
        """)

    public func write(_ device: RememberedDevice) async throws(DatabaseError) {
        try await sql.run(
            Self.writeDevice,
            [
                device.id.sqlValue, device.userID.sqlValue, device.deviceHash.sqlValue, device.name.sqlValue,
                device.ip.sqlValue, device.createdAt.sqlValue, device.expiresAt.sqlValue,
            ])
    }

    private static let isKnown = Statement(
        """
        SELECT 1 FROM remembered_devices d JOIN users u ON u.id = d.user_id
        WHERE d.user_id = $1 AND d.device_hash = $2 AND d.expires_at > $3
            AND d.created_at >= COALESCE(u.password_changed_at, 0)
        """)

    public func contains(_ hash: [UInt8], of user: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.isKnown, [user.sqlValue, hash.sqlValue, now.sqlValue]).isEmpty
    }

    private static let ofUser = Statement(
        """
        SELECT d.id, d.user_id, d.device_hash, d.name, d.ip, d.created_at, d.expires_at
        FROM remembered_devices d JOIN users u ON u.id = d.user_id
        WHERE d.user_id = $1 AND d.expires_at > $2 AND d.created_at >= COALESCE(u.password_changed_at, 0)
        ORDER BY d.created_at DESC, d.id LIMIT $3
        """)

    /// The newest first.
    public func all(of user: UUID, atMost most: Int, at now: Timestamp) async throws(DatabaseError) -> [RememberedDevice] {
        try await sql.run(Self.ofUser, [user.sqlValue, now.sqlValue, most.sqlValue]).all()
    }

    private static let everOfUser = Statement(
        "SELECT \(RememberedDevice.columns) FROM remembered_devices WHERE user_id = $1 ORDER BY created_at DESC, id")

    /// All that is kept, with those that count no more.
    public func all(of user: UUID) async throws(DatabaseError) -> [RememberedDevice] {
        try await sql.run(Self.everOfUser, [user.sqlValue]).all()
    }

    private static let deleteOne = Statement("DELETE FROM remembered_devices WHERE id = $1 AND user_id = $2 RETURNING id")

    /// - Returns: false where the person has none of that id.
    public func delete(_ id: UUID, of user: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.deleteOne, [id.sqlValue, user.sqlValue]).isEmpty
    }

    private static let deleteAll = Statement("DELETE FROM remembered_devices WHERE user_id = $1 RETURNING id")

    /// - Returns: how many.
    public func deleteAll(of user: UUID) async throws(DatabaseError) -> Int {
        try await sql.run(Self.deleteAll, [user.sqlValue]).count
    }

    private static let forgetOldest = Statement(
        """
        DELETE FROM remembered_devices WHERE user_id = $1 AND id NOT IN (
            SELECT id FROM remembered_devices WHERE user_id = $1 ORDER BY created_at DESC, id LIMIT $2)
        """)

    public func forgetOldest(of user: UUID, keeping count: Int) async throws(DatabaseError) {
        try await sql.run(Self.forgetOldest, [user.sqlValue, count.sqlValue])
    }

    private static let sweepDevices = Statement("DELETE FROM remembered_devices WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepDevices, [moment.sqlValue])
    }
}
