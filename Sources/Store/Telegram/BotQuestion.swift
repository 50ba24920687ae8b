import Ground
import SQL

/// What a bot waits for a code for.
public struct BotQuestion: Sendable, RowDecodable {
    public let bot: Int64
    public let telegramID: Int64
    /// Which factor the code is of.
    public let factor: String
    /// The token of the sign-in that waits for it, sealed; nil where the talk has its session.
    public let signIn: [UInt8]?
    /// What is done once the code was right: a text, or what stood on a button.
    public let deed: String
    /// The message that the button belongs to; nil for a text.
    public let message: Int64?
    public let expiresAt: Timestamp

    public init(
        bot: Int64, telegramID: Int64, factor: String, signIn: [UInt8]?, deed: String, message: Int64?, expiresAt: Timestamp
    ) {
        self.bot = bot
        self.telegramID = telegramID
        self.factor = factor
        self.signIn = signIn
        self.deed = deed
        self.message = message
        self.expiresAt = expiresAt
    }

    static let columns = "bot_id, telegram_id, factor, sign_in, deed, message_id, expires_at"

    public init(row: inout Row) throws(DatabaseError) {
        bot = try row.next()
        telegramID = try row.next()
        factor = try row.next()
        signIn = try row.next()
        deed = try row.next()
        message = try row.next()
        expiresAt = try row.next()
    }
}

/// The table of what bots wait for codes for: one thing in each talk.
public struct BotQuestionRepository: Sendable {
    let sql: any StatementRunner

    private static let writeQuestion = Statement(
        """
        INSERT INTO telegram_questions (\(BotQuestion.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (bot_id, telegram_id) DO UPDATE SET factor = excluded.factor, sign_in = excluded.sign_in,
            deed = excluded.deed, message_id = excluded.message_id, expires_at = excluded.expires_at
        """)

    /// Asks it in the place of what was asked before.
    public func write(_ question: BotQuestion) async throws(DatabaseError) {
        try await sql.run(
            Self.writeQuestion,
            [
                question.bot.sqlValue, question.telegramID.sqlValue, question.factor.sqlValue, question.signIn.sqlValue,
                question.deed.sqlValue, question.message.sqlValue, question.expiresAt.sqlValue,
            ])
    }

    private static let inTalk = Statement(
        "SELECT \(BotQuestion.columns) FROM telegram_questions WHERE bot_id = $1 AND telegram_id = $2")

    /// One that is too old to be answered is found too.
    public func find(bot: Int64, telegramID: Int64) async throws(DatabaseError) -> BotQuestion? {
        try await sql.run(Self.inTalk, [bot.sqlValue, telegramID.sqlValue]).first()
    }

    private static let deleteQuestion = Statement("DELETE FROM telegram_questions WHERE bot_id = $1 AND telegram_id = $2")

    public func delete(bot: Int64, telegramID: Int64) async throws(DatabaseError) {
        try await sql.run(Self.deleteQuestion, [bot.sqlValue, telegramID.sqlValue])
    }
}
