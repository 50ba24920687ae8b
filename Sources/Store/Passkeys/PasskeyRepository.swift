import Ground
import SQL

/// The table of passkeys.
public struct PasskeyRepository: Sendable {
    let sql: any StatementRunner

    private static let insertPasskey = Statement(
        """
        INSERT INTO passkeys (\(Passkey.columns))
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL)
        """)

    /// - Throws: `.duplicate("passkeys.credential_id")`.
    public func insert(_ passkey: Passkey) async throws(DatabaseError) {
        try await sql.run(
            Self.insertPasskey,
            [
                passkey.id.sqlValue, passkey.userID.sqlValue, passkey.credentialID.sqlValue, passkey.publicKey.sqlValue,
                passkey.counter.sqlValue, passkey.name.sqlValue, passkey.aaguid.sqlValue,
                passkey.transports.joined(separator: " ").sqlValue, passkey.isDiscoverable.sqlValue,
                passkey.isSecondFactor.sqlValue, passkey.isBackupEligible.sqlValue, passkey.isBackedUp.sqlValue,
                passkey.wasVerified.sqlValue, passkey.createdAt.sqlValue,
            ])
    }

    private static let byCredential = Statement("SELECT \(Passkey.columns) FROM passkeys WHERE credential_id = $1")

    public func find(credential: [UInt8]) async throws(DatabaseError) -> Passkey? {
        try await sql.run(Self.byCredential, [credential.sqlValue]).first()
    }

    private static let ofUser = Statement("SELECT \(Passkey.columns) FROM passkeys WHERE user_id = $1 ORDER BY id")

    /// All of a person's, the oldest first.
    public func all(ofUser user: UUID) async throws(DatabaseError) -> [Passkey] {
        try await sql.run(Self.ofUser, [user.sqlValue]).all()
    }

    private static let notePasskey = Statement(
        """
        UPDATE passkeys SET counter = $2, is_backed_up = $3, last_used_at = $4
        WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))
        RETURNING id
        """)

    /// Notes that the authenticator has signed, in one step with the look at what it had counted.
    /// - Returns: whether it had counted less, or does not count.
    public func noteUse(of id: UUID, counter: Int64, isBackedUp: Bool, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(
            Self.notePasskey, [id.sqlValue, counter.sqlValue, isBackedUp.sqlValue, now.sqlValue]
        ).isEmpty
    }

    private static let renamePasskey = Statement(
        "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2 RETURNING \(Passkey.columns)")

    /// - Returns: nil where that person has no such passkey.
    public func rename(_ id: UUID, ofUser user: UUID, to name: String) async throws(DatabaseError) -> Passkey? {
        try await sql.run(Self.renamePasskey, [id.sqlValue, user.sqlValue, name.sqlValue]).first()
    }

    private static let deletePasskey = Statement("DELETE FROM passkeys WHERE id = $1 AND user_id = $2")

    public func delete(_ id: UUID, ofUser user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.deletePasskey, [id.sqlValue, user.sqlValue])
    }

    private static let deleteDoorsOf = Statement(
        "DELETE FROM passkeys WHERE user_id = $1 AND is_second_factor = 0 RETURNING id")

    /// Deletes those that open the account by themselves, and that no other door asks for.
    /// - Returns: how many.
    public func deleteDoors(ofUser user: UUID) async throws(DatabaseError) -> Int {
        try await sql.run(Self.deleteDoorsOf, [user.sqlValue]).count
    }

    private static let deleteFactorsOf = Statement("DELETE FROM passkeys WHERE user_id = $1 AND is_second_factor = 1")

    /// Deletes those that other doors ask for.
    public func deleteFactors(ofUser user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.deleteFactorsOf, [user.sqlValue])
    }
}

/// Challenges that were used.
public struct PasskeyChallengeRepository: Sendable {
    let sql: any StatementRunner

    private static let insertChallenge = Statement(
        """
        INSERT INTO passkey_challenges (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING
        RETURNING expires_at
        """)

    /// Uses a challenge up. The transaction that does it decides whether it was of use.
    /// - Returns: whether nobody had.
    public func use(_ digest: [UInt8], until expiry: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.insertChallenge, [digest.sqlValue, expiry.sqlValue]).isEmpty
    }

    private static let usedChallenge = Statement("SELECT count(*) FROM passkey_challenges WHERE digest = $1")

    /// Whether somebody has used the challenge.
    public func contains(_ digest: [UInt8]) async throws(DatabaseError) -> Bool {
        try await sql.run(Self.usedChallenge, [digest.sqlValue]).value(Int.self) == 1
    }

    private static let sweepChallenges = Statement("DELETE FROM passkey_challenges WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepChallenges, [moment.sqlValue])
    }
}
