import Ground
import SQL

/// A sign-in that a page has begun, for somebody to confirm in a bot.
public struct TelegramSignIn: Sendable, RowDecodable {
    public enum State: Int64, Sendable {
        /// Nobody has answered yet.
        case open = 0
        case confirmed = 1
        case refused = 2
    }

    public let id: UUID
    public let codeHash: [UInt8]
    public let secretHash: [UInt8]
    public let botID: Int64
    /// What the page shows.
    public let matchNumber: Int64
    /// What the bot asks among, in its order.
    public let choices: [Int64]
    public let address: String
    public let userAgent: String
    /// Who has opened the link.
    public var telegramID: Int64?
    public var state: State
    /// Who has confirmed, as JSON.
    public var person: String?
    public let expiresAt: Timestamp

    public init(
        id: UUID, codeHash: [UInt8], secretHash: [UInt8], botID: Int64, matchNumber: Int64, choices: [Int64],
        address: String, userAgent: String, expiresAt: Timestamp
    ) {
        self.id = id
        self.codeHash = codeHash
        self.secretHash = secretHash
        self.botID = botID
        self.matchNumber = matchNumber
        self.choices = choices
        self.address = address
        self.userAgent = userAgent
        state = .open
        self.expiresAt = expiresAt
    }

    static let columns = """
        id, code_hash, secret_hash, bot_id, match_number, choices, address, user_agent, telegram_id, state, person, \
        expires_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        codeHash = try row.next()
        secretHash = try row.next()
        botID = try row.next()
        matchNumber = try row.next()
        let choices: String = try row.next()
        self.choices = choices.spaceSeparated.compactMap { Int64($0) }
        address = try row.next()
        userAgent = try row.next()
        telegramID = try row.next()
        let state: Int64 = try row.next()
        // What is not known lets nobody in.
        self.state = State(rawValue: state) ?? .refused
        person = try row.next()
        expiresAt = try row.next()
    }
}

/// The table of sign-ins that wait for a bot.
public struct TelegramSignInRepository: Sendable {
    let sql: any StatementRunner

    private static let insertSignIn = Statement(
        """
        INSERT INTO telegram_sign_ins (id, code_hash, secret_hash, bot_id, match_number, choices, address, user_agent,
            expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """)

    public func insert(_ signIn: TelegramSignIn) async throws(DatabaseError) {
        try await sql.run(
            Self.insertSignIn,
            [
                signIn.id.sqlValue, signIn.codeHash.sqlValue, signIn.secretHash.sqlValue, signIn.botID.sqlValue,
                signIn.matchNumber.sqlValue, .text(signIn.choices.map { "\($0)" }.joined(separator: " ")),
                signIn.address.sqlValue, signIn.userAgent.sqlValue, signIn.expiresAt.sqlValue,
            ])
    }

    private static let bySecret = Statement(
        "SELECT \(TelegramSignIn.columns) FROM telegram_sign_ins WHERE secret_hash = $1 AND expires_at > $2")

    /// What the page has begun; nil where it is over.
    public func find(secretHash: [UInt8], at now: Timestamp) async throws(DatabaseError) -> TelegramSignIn? {
        try await sql.run(Self.bySecret, [secretHash.sqlValue, now.sqlValue]).first()
    }

    private static let openSignIn = Statement(
        """
        UPDATE telegram_sign_ins SET telegram_id = $3
        WHERE code_hash = $1 AND bot_id = $2 AND state = 0 AND expires_at > $4
            AND (telegram_id = $3 OR telegram_id IS NULL)
        RETURNING \(TelegramSignIn.columns)
        """)

    /// Makes it the matter of whoever opens the link first.
    /// - Returns: nil where there is none, it is over, or it is somebody else's.
    public func open(codeHash: [UInt8], bot: Int64, by telegramID: Int64, at now: Timestamp)
        async throws(DatabaseError) -> TelegramSignIn?
    {
        try await sql.run(Self.openSignIn, [codeHash.sqlValue, bot.sqlValue, telegramID.sqlValue, now.sqlValue]).first()
    }

    private static let byOpener = Statement(
        """
        SELECT \(TelegramSignIn.columns) FROM telegram_sign_ins
        WHERE id = $1 AND bot_id = $2 AND telegram_id = $3 AND state = 0 AND expires_at > $4
        """)

    /// What this person is asked.
    public func find(_ id: UUID, bot: Int64, openedBy telegramID: Int64, at now: Timestamp)
        async throws(DatabaseError) -> TelegramSignIn?
    {
        try await sql.run(Self.byOpener, [id.sqlValue, bot.sqlValue, telegramID.sqlValue, now.sqlValue]).first()
    }

    private static let settleSignIn = Statement(
        "UPDATE telegram_sign_ins SET state = $2, person = $3 WHERE id = $1 AND state = 0 RETURNING bot_id")

    /// - Returns: whether nobody had answered before.
    public func settle(_ id: UUID, as state: TelegramSignIn.State, person: String?) async throws(DatabaseError) -> Bool {
        let bot: Int64? = try await sql.run(
            Self.settleSignIn, [id.sqlValue, state.rawValue.sqlValue, person.sqlValue]
        ).value()
        return bot != nil
    }

    private static let deleteSignIn = Statement("DELETE FROM telegram_sign_ins WHERE id = $1")

    public func delete(_ id: UUID) async throws(DatabaseError) { try await sql.run(Self.deleteSignIn, [id.sqlValue]) }

    private static let sweepSignIns = Statement("DELETE FROM telegram_sign_ins WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepSignIns, [moment.sqlValue])
    }
}
