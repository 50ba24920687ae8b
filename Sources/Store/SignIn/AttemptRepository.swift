import Ground
import SQL

/// How often signing in has failed of late, and until when no more is tried.
public struct AttemptCount: Sendable, RowDecodable {
    public var failed: Int
    public var lockedUntil: Timestamp?

    public init(row: inout Row) throws(DatabaseError) {
        failed = try row.next()
        lockedUntil = try row.next()
    }
}

/// Counters of failed sign-ins: of accounts, of the devices that an account knows, and of addresses that no
/// account has.
public struct AttemptRepository: Sendable {
    let sql: any StatementRunner

    private static let ofUser = Statement(
        "SELECT failed_login_attempts, account_locked_until FROM users WHERE id = $1")
    private static let writeUser = Statement(
        """
        UPDATE users SET failed_login_attempts = $2, account_locked_until = $3, last_failed_login_at = $4
        WHERE id = $1
        """)
    private static let clearUser = Statement(
        """
        UPDATE users SET failed_login_attempts = 0, account_locked_until = NULL, last_login_at = $2 WHERE id = $1
        """)

    public func count(ofUser user: UUID) async throws(DatabaseError) -> AttemptCount? {
        try await sql.run(Self.ofUser, [user.sqlValue]).first()
    }

    public func write(ofUser user: UUID, failed: Int, lockedUntil: Timestamp?, at now: Timestamp)
        async throws(DatabaseError)
    {
        try await sql.run(
            Self.writeUser, [user.sqlValue, failed.sqlValue, lockedUntil.sqlValue, now.sqlValue])
    }

    /// Forgets the failures, and notes the sign-in.
    public func succeeded(user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.clearUser, [user.sqlValue, now.sqlValue])
    }

    private static let forgetFailuresOfUser = Statement(
        "UPDATE users SET failed_login_attempts = 0, account_locked_until = NULL WHERE id = $1")

    /// Forgets the failures, and ends a lock, without a sign-in.
    public func forgetFailures(ofUser user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.forgetFailuresOfUser, [user.sqlValue])
    }

    private static let noteSignIn = Statement("UPDATE users SET last_login_at = $2 WHERE id = $1")

    /// Notes a sign-in that says nothing of the password, whose failures stay.
    public func noteSignIn(user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.noteSignIn, [user.sqlValue, now.sqlValue])
    }

    private static let ofDevice = Statement(
        "SELECT failed_attempts, locked_until FROM known_devices WHERE user_id = $1 AND device_key = $2 AND last_seen_at > $3")
    private static let writeDevice = Statement(
        "UPDATE known_devices SET failed_attempts = $3, locked_until = $4 WHERE user_id = $1 AND device_key = $2")
    private static let rememberDevice = Statement(
        """
        INSERT INTO known_devices (user_id, device_key, last_seen_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, device_key) DO UPDATE SET failed_attempts = 0, locked_until = NULL, last_seen_at = $3
        """)

    /// nil when the account does not know the device, or has not seen it since that moment.
    public func count(ofDevice key: [UInt8], user: UUID, seenSince: Timestamp) async throws(DatabaseError)
        -> AttemptCount?
    {
        try await sql.run(Self.ofDevice, [user.sqlValue, key.sqlValue, seenSince.sqlValue]).first()
    }

    private static let knownDevice = Statement(
        """
        SELECT CASE WHEN device_key = $2 OR device_key = $3 THEN 1 ELSE 0 END AS is_known FROM known_devices
        WHERE user_id = $1 AND last_seen_at > $4 ORDER BY is_known DESC LIMIT 1
        """)

    /// Whether the account knows one of two devices, and has seen it since that moment; nil where it knows none at all.
    public func knows(_ key: [UInt8], or other: [UInt8], user: UUID, seenSince: Timestamp) async throws(DatabaseError) -> Bool? {
        let values: [SQLValue] = [user.sqlValue, key.sqlValue, other.sqlValue, seenSince.sqlValue]
        let known: Int64? = try await sql.run(Self.knownDevice, values).value()
        return known.map { $0 == 1 }
    }

    public func write(ofDevice key: [UInt8], user: UUID, failed: Int, lockedUntil: Timestamp?)
        async throws(DatabaseError)
    {
        try await sql.run(
            Self.writeDevice, [user.sqlValue, key.sqlValue, failed.sqlValue, lockedUntil.sqlValue])
    }

    /// Notes that the person signed in from there, and forgets its failures.
    public func remember(device key: [UInt8], user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.rememberDevice, [user.sqlValue, key.sqlValue, now.sqlValue])
    }

    private static let freshDevices = Statement(
        """
        SELECT count(*) FROM known_devices WHERE user_id = $1 AND device_key IN ($2, $3) AND last_seen_at > $4
            AND failed_attempts = 0 AND locked_until IS NULL
        """)

    /// Whether the account has seen all of these devices since that moment, and no failures of theirs after it.
    /// - Parameter keys: one or two.
    public func areFresh(devices keys: [[UInt8]], user: UUID, seenSince: Timestamp) async throws(DatabaseError) -> Bool {
        guard let first = keys.first, let last = keys.last else { return true }
        let values = [user.sqlValue, first.sqlValue, last.sqlValue, seenSince.sqlValue]
        return try await sql.run(Self.freshDevices, values).value(Int.self) == keys.count
    }

    private static let forgetDevices = Statement(
        """
        DELETE FROM known_devices WHERE user_id = $1 AND device_key NOT IN (
            SELECT device_key FROM known_devices WHERE user_id = $1 ORDER BY last_seen_at DESC, device_key LIMIT $2)
        """)

    /// Forgets all devices of the user but the newest.
    public func forgetOldest(ofUser user: UUID, keeping count: Int) async throws(DatabaseError) {
        try await sql.run(Self.forgetDevices, [user.sqlValue, count.sqlValue])
    }

    private static let ofUnknown = Statement(
        "SELECT failed_attempts, locked_until FROM unknown_sign_ins WHERE account_key = $1")
    private static let writeUnknown = Statement(
        """
        INSERT INTO unknown_sign_ins (account_key, failed_attempts, locked_until, last_failed_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_key) DO UPDATE SET failed_attempts = $2, locked_until = $3, last_failed_at = $4
        """)

    public func count(ofUnknown key: [UInt8]) async throws(DatabaseError) -> AttemptCount? {
        try await sql.run(Self.ofUnknown, [key.sqlValue]).first()
    }

    public func write(ofUnknown key: [UInt8], failed: Int, lockedUntil: Timestamp?, at now: Timestamp)
        async throws(DatabaseError)
    {
        try await sql.run(
            Self.writeUnknown, [key.sqlValue, failed.sqlValue, lockedUntil.sqlValue, now.sqlValue])
    }

    private static let sweepUnknown = Statement("DELETE FROM unknown_sign_ins WHERE last_failed_at < $1")
    private static let forgetAll = Statement("DELETE FROM known_devices WHERE user_id = $1")

    /// Forgets from where a person has signed in.
    public func forgetDevices(ofUser user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.forgetAll, [user.sqlValue])
    }

    private static let sweepDevices = Statement("DELETE FROM known_devices WHERE last_seen_at < $1")

    public func sweep(unknownBefore: Timestamp, devicesBefore: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepUnknown, [unknownBefore.sqlValue])
        try await sql.run(Self.sweepDevices, [devicesBefore.sqlValue])
    }
}
