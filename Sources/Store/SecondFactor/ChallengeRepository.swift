import Ground
import SQL

/// A sign-in of whoever has given the first proof and not the second.
public struct StoredChallenge: Sendable, RowDecodable {
    public let id: UUID
    public let userID: UUID
    public let companyID: UUID?
    public let tokenHash: [UInt8]
    public let deviceHash: [UInt8]
    /// How the person proved who they are, separated by spaces.
    public let methods: String
    /// What the audit log will tell of it, a JSON object.
    public let facts: String
    /// What may be shown, separated by spaces; nothing where a factor must be set up first.
    public let factors: String
    public let attempts: Int
    public let expiresAt: Timestamp

    public init(
        id: UUID, userID: UUID, companyID: UUID?, tokenHash: [UInt8], deviceHash: [UInt8], methods: String, facts: String,
        factors: String, expiresAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.companyID = companyID
        self.tokenHash = tokenHash
        self.deviceHash = deviceHash
        self.methods = methods
        self.facts = facts
        self.factors = factors
        attempts = 0
        self.expiresAt = expiresAt
    }

    static let columns = """
        id, user_id, company_id, token_hash, device_hash, methods, facts, factors, attempts, expires_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        userID = try row.next()
        companyID = try row.next()
        tokenHash = try row.next()
        deviceHash = try row.next()
        methods = try row.next()
        facts = try row.next()
        factors = try row.next()
        attempts = try row.next()
        expiresAt = try row.next()
    }
}

/// The table of sign-ins that wait for a second factor.
public struct ChallengeRepository: Sendable {
    let sql: any StatementRunner

    private static let insertChallenge = Statement(
        """
        INSERT INTO second_factor_challenges (\(StoredChallenge.columns))
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)
        """)

    public func insert(_ challenge: StoredChallenge) async throws(DatabaseError) {
        try await sql.run(
            Self.insertChallenge,
            [
                challenge.id.sqlValue, challenge.userID.sqlValue, challenge.companyID.sqlValue,
                challenge.tokenHash.sqlValue, challenge.deviceHash.sqlValue, challenge.methods.sqlValue,
                challenge.facts.sqlValue, challenge.factors.sqlValue, challenge.expiresAt.sqlValue,
            ])
    }

    private static let byID = Statement("SELECT \(StoredChallenge.columns) FROM second_factor_challenges WHERE id = $1")

    public func find(_ id: UUID) async throws(DatabaseError) -> StoredChallenge? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    private static let countAttempt = Statement(
        """
        UPDATE second_factor_challenges SET attempts = attempts + 1 WHERE id = $1 AND attempts < $2
        RETURNING id
        """)

    /// Counts an attempt before it is made.
    /// - Returns: false where there is none left.
    public func attempt(_ id: UUID, atMost most: Int) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.countAttempt, [id.sqlValue, most.sqlValue]).isEmpty
    }

    private static let giveBackAttempt = Statement(
        "UPDATE second_factor_challenges SET attempts = attempts - 1 WHERE id = $1 AND attempts > 0")

    /// Gives an attempt back that nobody could check.
    public func giveBack(_ id: UUID) async throws(DatabaseError) { try await sql.run(Self.giveBackAttempt, [id.sqlValue]) }

    private static let deleteChallenge = Statement("DELETE FROM second_factor_challenges WHERE id = $1 RETURNING id")

    /// Uses it up.
    /// - Returns: false where somebody was faster.
    public func delete(_ id: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.deleteChallenge, [id.sqlValue]).isEmpty
    }

    private static let deleteOfUser = Statement("DELETE FROM second_factor_challenges WHERE user_id = $1")

    public func deleteAll(ofUser user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.deleteOfUser, [user.sqlValue])
    }

    private static let sweepChallenges = Statement("DELETE FROM second_factor_challenges WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepChallenges, [moment.sqlValue])
    }
}
