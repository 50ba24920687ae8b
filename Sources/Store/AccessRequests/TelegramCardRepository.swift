import Ground
import SQL

/// A message of a bot that will be changed.
public struct TelegramCard: Sendable, RowDecodable {
    public let id: UUID
    /// What it asks about.
    public let about: UUID
    public let bot: Int64
    public let chat: Int64
    /// Of whoever reads it.
    public let language: String?

    public init(id: UUID, about: UUID, bot: Int64, chat: Int64, language: String?) {
        self.id = id
        self.about = about
        self.bot = bot
        self.chat = chat
        self.language = language
    }

    static let columns = "id, about, bot_id, chat_id, language"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        about = try row.next()
        bot = try row.next()
        chat = try row.next()
        language = try row.next()
    }
}

/// Somebody who may be told something by a bot.
public struct TelegramReader: Sendable, RowDecodable {
    public let bot: Int64
    public let telegramID: Int64
    /// Of their Telegram, such as `ru`.
    public let language: String?
    public let user: UUID

    public init(row: inout Row) throws(DatabaseError) {
        bot = try row.next()
        telegramID = try row.next()
        language = try row.next()
        user = try row.next()
    }
}

/// The table of messages of bots that will be changed, and who is to read them.
public struct TelegramCardRepository: Sendable {
    let sql: any StatementRunner

    private static let insertCard = Statement(
        "INSERT INTO telegram_cards (\(TelegramCard.columns)) VALUES ($1, $2, $3, $4, $5)")

    public func insert(_ card: TelegramCard) async throws(DatabaseError) {
        try await sql.run(
            Self.insertCard,
            [card.id.sqlValue, card.about.sqlValue, card.bot.sqlValue, card.chat.sqlValue, card.language.sqlValue])
    }

    private static let noteMessage = Statement("UPDATE telegram_cards SET message_id = $2 WHERE id = $1")

    /// Notes which message it has become.
    public func note(message: Int64, of id: UUID) async throws(DatabaseError) {
        try await sql.run(Self.noteMessage, [id.sqlValue, message.sqlValue])
    }

    private static let messageOf = Statement("SELECT message_id FROM telegram_cards WHERE id = $1 AND message_id IS NOT NULL")

    /// Which message it has become; nil for one that was never sent.
    public func message(of id: UUID) async throws(DatabaseError) -> Int64? {
        try await sql.run(Self.messageOf, [id.sqlValue]).value()
    }

    private static let aboutIt = Statement("SELECT \(TelegramCard.columns) FROM telegram_cards WHERE about = $1 ORDER BY id")

    public func all(about id: UUID) async throws(DatabaseError) -> [TelegramCard] {
        try await sql.run(Self.aboutIt, [id.sqlValue]).all()
    }

    private static let deleteAbout = Statement("DELETE FROM telegram_cards WHERE about = $1")

    /// Forgets the messages about it; they stay as they are.
    public func delete(about id: UUID) async throws(DatabaseError) { try await sql.run(Self.deleteAbout, [id.sqlValue]) }

    private static let holders = Statement(
        """
        SELECT c.bot_id, c.telegram_id, c.language, u.id FROM users u
        JOIN telegram_identities i ON i.user_id = u.id JOIN telegram_chats c ON c.telegram_id = i.telegram_id
        WHERE c.bot_id = $1 AND c.is_blocked = 0 AND u.status = 'ACTIVE' AND u.deleted_at IS NULL
            AND (u.access_ends_at > $2 OR u.access_ends_at IS NULL)
            AND EXISTS (SELECT 1 FROM user_roles g JOIN role_permissions p ON p.role_id = g.role_id
                WHERE g.user_id = u.id AND p.permission IN ('*', $3, $4)
                    AND (g.expires_at > $2 OR g.expires_at IS NULL) AND (g.company_id = $5 OR ($6 = 0 AND g.company_id IS NULL)))
        ORDER BY c.telegram_id, c.updated_at DESC LIMIT $7
        """)

    /// Those who have a permission in that company, or everywhere, and whom bots may write to.
    /// - Parameters:
    ///   - whole: what covers the permission, such as `users:*`.
    ///   - company: nil: everywhere only.
    ///   - onlyThere: whether what is had everywhere does not count.
    public func holders(
        of permission: String, _ whole: String, in company: UUID?, bot: Int64, onlyThere: Bool, limit: Int, at now: Timestamp
    ) async throws(DatabaseError) -> [TelegramReader] {
        let values: [SQLValue] = [
            bot.sqlValue, now.sqlValue, permission.sqlValue, whole.sqlValue, company.sqlValue,
            onlyThere.sqlValue, limit.sqlValue,
        ]
        return try await sql.run(Self.holders, values).all()
    }
}
