import Ground
import SQL

/// A one-time code for signing in, as stored.
public struct TelegramCode: Sendable, RowDecodable {
    public let userID: UUID
    /// By which it is found; no secret.
    public let locator: String
    public let digest: [UInt8]
    public let botID: Int64
    public let telegramID: Int64
    public let expiresAt: Timestamp

    public init(userID: UUID, locator: String, digest: [UInt8], botID: Int64, telegramID: Int64, expiresAt: Timestamp) {
        self.userID = userID
        self.locator = locator
        self.digest = digest
        self.botID = botID
        self.telegramID = telegramID
        self.expiresAt = expiresAt
    }

    static let columns = "user_id, locator, digest, bot_id, telegram_id, expires_at"

    public init(row: inout Row) throws(DatabaseError) {
        userID = try row.next()
        locator = try row.next()
        digest = try row.next()
        botID = try row.next()
        telegramID = try row.next()
        expiresAt = try row.next()
    }
}

/// The table of one-time codes: one a person.
public struct TelegramCodeRepository: Sendable {
    let sql: any StatementRunner

    private static let writeCode = Statement(
        """
        INSERT INTO telegram_codes (\(TelegramCode.columns)) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (user_id) DO UPDATE SET locator = $2, digest = $3, bot_id = $4, telegram_id = $5, expires_at = $6,
            attempts = 0
        """)

    /// Puts it in the place of the person's last one.
    /// - Throws: `.duplicate("telegram_codes.locator")`.
    public func write(_ code: TelegramCode) async throws(DatabaseError) {
        let values: [SQLValue] = [
            code.userID.sqlValue, .text(code.locator), code.digest.sqlValue, code.botID.sqlValue, code.telegramID.sqlValue,
            code.expiresAt.sqlValue,
        ]
        try await sql.run(Self.writeCode, values)
    }

    private static let tryCode = Statement(
        """
        UPDATE telegram_codes SET attempts = attempts + 1 WHERE locator = $1 AND attempts < $2 AND expires_at > $3
        RETURNING \(TelegramCode.columns)
        """)

    /// Counts an attempt before it is made.
    /// - Returns: nil where there is no such code, or it was tried too often.
    public func attempt(_ locator: String, atMost attempts: Int, at now: Timestamp) async throws(DatabaseError) -> TelegramCode? {
        try await sql.run(Self.tryCode, [.text(locator), attempts.sqlValue, now.sqlValue]).first()
    }

    private static let dropCode = Statement("DELETE FROM telegram_codes WHERE user_id = $1")

    public func delete(ofUser user: UUID) async throws(DatabaseError) { try await sql.run(Self.dropCode, [user.sqlValue]) }
}
