import Ground
import SQL

/// The secret of an authenticator app, sealed.
public struct TOTPSecret: Sendable, RowDecodable {
    public let sealed: [UInt8]
    /// nil until a code of it was shown.
    public let enabledAt: Timestamp?
    public let lastStep: Int64
    public let createdAt: Timestamp

    public init(row: inout Row) throws(DatabaseError) {
        sealed = try row.next()
        enabledAt = try row.next()
        lastStep = try row.next()
        createdAt = try row.next()
    }
}

/// The tables of second factors.
public struct SecondFactorRepository: Sendable {
    let sql: any StatementRunner

    private static let setFactors = Statement(
        "UPDATE users SET second_factors = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL")

    /// Notes which factors the person has set up.
    public func set(_ factors: [String], of user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.setFactors, [user.sqlValue, factors.joined(separator: " ").sqlValue, now.sqlValue])
    }

    // MARK: Authenticator apps

    private static let writeSecret = Statement(
        """
        INSERT INTO totp_secrets (user_id, sealed, created_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at
            WHERE totp_secrets.enabled_at IS NULL
        RETURNING user_id
        """)

    /// Writes a secret that no code has been shown of yet.
    /// - Returns: false where one is in use.
    public func write(secret sealed: [UInt8], of user: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.writeSecret, [user.sqlValue, sealed.sqlValue, now.sqlValue]).isEmpty
    }

    private static let secretOf = Statement(
        "SELECT sealed, enabled_at, last_step, created_at FROM totp_secrets WHERE user_id = $1")

    public func secret(of user: UUID) async throws(DatabaseError) -> TOTPSecret? {
        try await sql.run(Self.secretOf, [user.sqlValue]).first()
    }

    private static let useStep = Statement(
        "UPDATE totp_secrets SET last_step = $2 WHERE user_id = $1 AND last_step < $2 RETURNING user_id")

    /// Takes the code of a step.
    /// - Returns: false where it, or a later one, was taken before.
    public func use(step: Int64, of user: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.useStep, [user.sqlValue, step.sqlValue]).isEmpty
    }

    private static let enableSecret = Statement(
        "UPDATE totp_secrets SET enabled_at = $2 WHERE user_id = $1 AND enabled_at IS NULL")

    public func enableSecret(of user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.enableSecret, [user.sqlValue, now.sqlValue])
    }

    private static let resealSecret = Statement("UPDATE totp_secrets SET sealed = $3 WHERE user_id = $1 AND sealed = $2")

    /// Puts the same secret under another key.
    public func reseal(_ old: [UInt8], as new: [UInt8], of user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.resealSecret, [user.sqlValue, old.sqlValue, new.sqlValue])
    }

    private static let deleteSecret = Statement("DELETE FROM totp_secrets WHERE user_id = $1")

    public func deleteSecret(of user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.deleteSecret, [user.sqlValue])
    }

    // MARK: Recovery codes

    private static let insertCode = Statement("INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)")
    private static let deleteCodes = Statement("DELETE FROM recovery_codes WHERE user_id = $1")

    /// Puts these in the place of all that there were.
    public func set(recoveryCodes digests: [[UInt8]], of user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.deleteCodes, [user.sqlValue])
        for digest in digests { try await sql.run(Self.insertCode, [user.sqlValue, digest.sqlValue]) }
    }

    private static let useCode = Statement(
        "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND digest = $2 AND used_at IS NULL RETURNING user_id")

    /// - Returns: false for what is no code of the person, or was used.
    public func use(recoveryCode digest: [UInt8], of user: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.useCode, [user.sqlValue, digest.sqlValue, now.sqlValue]).isEmpty
    }

    private static let countCodes = Statement(
        "SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL")

    /// How many are left.
    public func recoveryCodes(of user: UUID) async throws(DatabaseError) -> Int {
        try await sql.run(Self.countCodes, [user.sqlValue]).value() ?? 0
    }

    private static let usedCodes = Statement(
        "SELECT used_at FROM recovery_codes WHERE user_id = $1 AND used_at IS NOT NULL ORDER BY used_at")

    /// When the person has used one.
    public func recoveryCodesUsed(by user: UUID) async throws(DatabaseError) -> [Timestamp] {
        var moments: [Timestamp] = []
        for var row in try await sql.run(Self.usedCodes, [user.sqlValue]) { moments.append(try row.next()) }
        return moments
    }

    // MARK: Codes that were sent

    private static let writeSent = Statement(
        """
        INSERT INTO second_factor_codes (owner_id, factor, digest, expires_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (owner_id, factor) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at
        """)

    /// Keeps what was sent, in the place of what was sent before.
    public func write(sent digest: [UInt8], by factor: String, of owner: UUID, until end: Timestamp)
        async throws(DatabaseError)
    {
        try await sql.run(Self.writeSent, [owner.sqlValue, factor.sqlValue, digest.sqlValue, end.sqlValue])
    }

    private static let sentOf = Statement(
        "SELECT digest FROM second_factor_codes WHERE owner_id = $1 AND factor = $2 AND expires_at > $3")

    public func sent(by factor: String, of owner: UUID, at now: Timestamp) async throws(DatabaseError) -> [UInt8]? {
        try await sql.run(Self.sentOf, [owner.sqlValue, factor.sqlValue, now.sqlValue]).value()
    }

    private static let deleteSent = Statement(
        "DELETE FROM second_factor_codes WHERE owner_id = $1 AND factor = $2 RETURNING owner_id")

    /// - Returns: false where somebody was faster.
    public func deleteSent(by factor: String, of owner: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.deleteSent, [owner.sqlValue, factor.sqlValue]).isEmpty
    }

    private static let sweepSent = Statement("DELETE FROM second_factor_codes WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepSent, [moment.sqlValue])
    }
}
