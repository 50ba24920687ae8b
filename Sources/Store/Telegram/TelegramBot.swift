import Ground
import SQL

/// A way in through Telegram.
public enum TelegramDoor: String, Sendable, CaseIterable {
    /// The Login Widget.
    case widget
    /// What opens a Mini App.
    case miniApp = "mini_app"
    /// Log In With Telegram, by OpenID Connect.
    case oidc
    /// A link to the bot, confirmed there.
    case bot
}

/// A bot, as stored.
public struct TelegramBot: Sendable, RowDecodable {
    public let id: Int64
    public var name: String
    /// Without the `@`.
    public var username: String
    /// Whose bot it is; nil: everybody's.
    public let companyID: UUID?
    /// Sealed.
    public var token: [UInt8]
    /// Sealed.
    public var clientSecret: [UInt8]?
    public var doors: [TelegramDoor]
    /// Whether a stranger who comes in through it gets an account.
    public var autoCreates: Bool
    public var isEnabled: Bool
    public let createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: Int64, name: String, username: String, companyID: UUID?, token: [UInt8], clientSecret: [UInt8]?,
        doors: [TelegramDoor], autoCreates: Bool, isEnabled: Bool, at now: Timestamp
    ) {
        self.id = id
        self.name = name
        self.username = username
        self.companyID = companyID
        self.token = token
        self.clientSecret = clientSecret
        self.doors = doors
        self.autoCreates = autoCreates
        self.isEnabled = isEnabled
        createdAt = now
        updatedAt = now
    }

    static let columns = """
        id, name, username, company_id, token, client_secret, doors, auto_creates, is_enabled, created_at, updated_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        name = try row.next()
        username = try row.next()
        companyID = try row.next()
        token = try row.next()
        clientSecret = try row.next()
        let doors: String = try row.next()
        self.doors = doors.spaceSeparated.compactMap(TelegramDoor.init)
        autoCreates = try row.next()
        isEnabled = try row.next()
        createdAt = try row.next()
        updatedAt = try row.next()
    }
}

/// The table of bots. Where a method takes `within`, bots of other companies are not there for it; nil is everywhere.
public struct TelegramBotRepository: Sendable {
    let sql: any StatementRunner

    private static let insertBot = Statement(
        """
        INSERT INTO telegram_bots (\(TelegramBot.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        """)

    /// - Throws: `.duplicate("telegram_bots.id")`.
    public func insert(_ bot: TelegramBot) async throws(DatabaseError) {
        try await sql.run(
            Self.insertBot,
            [
                bot.id.sqlValue, bot.name.sqlValue, bot.username.sqlValue, bot.companyID.sqlValue, bot.token.sqlValue,
                bot.clientSecret.sqlValue, Self.text(of: bot.doors), bot.autoCreates.sqlValue, bot.isEnabled.sqlValue,
                bot.createdAt.sqlValue,
            ])
    }

    private static func text(of doors: [TelegramDoor]) -> SQLValue { .text(doors.map(\.rawValue).joined(separator: " ")) }

    private static let byID = Statement(
        "SELECT \(TelegramBot.columns) FROM telegram_bots WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)")

    public func find(_ id: Int64, within company: UUID?) async throws(DatabaseError) -> TelegramBot? {
        try await sql.run(Self.byID, [id.sqlValue, company.sqlValue]).first()
    }

    private static let allBots = Statement(
        "SELECT \(TelegramBot.columns) FROM telegram_bots WHERE (company_id = $1 OR $1 IS NULL) ORDER BY created_at, id")

    /// The oldest first.
    public func all(within company: UUID?) async throws(DatabaseError) -> [TelegramBot] {
        try await sql.run(Self.allBots, [company.sqlValue]).all()
    }

    private static let updateBot = Statement(
        """
        UPDATE telegram_bots SET name = $2, username = $3, token = $4, client_secret = $5, doors = $6, auto_creates = $7,
            is_enabled = $8, updated_at = $9
        WHERE id = $1
        """)

    /// Writes all that can change.
    public func update(_ bot: TelegramBot) async throws(DatabaseError) {
        try await sql.run(
            Self.updateBot,
            [
                bot.id.sqlValue, bot.name.sqlValue, bot.username.sqlValue, bot.token.sqlValue, bot.clientSecret.sqlValue,
                Self.text(of: bot.doors), bot.autoCreates.sqlValue, bot.isEnabled.sqlValue, bot.updatedAt.sqlValue,
            ])
    }

    private static let deletions = [
        "DELETE FROM telegram_chats WHERE bot_id = $1", "DELETE FROM telegram_bots WHERE id = $1",
    ].map { Statement($0) }

    /// Deletes it, and whom it may write to.
    public func delete(_ id: Int64) async throws(DatabaseError) {
        for deletion in Self.deletions { try await sql.run(deletion, [id.sqlValue]) }
    }
}
