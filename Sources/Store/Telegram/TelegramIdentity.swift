import Ground
import SQL

/// A person of Telegram and the account that is theirs.
public struct TelegramIdentity: Sendable, Equatable, RowDecodable {
    public let telegramID: Int64
    public let userID: UUID
    public var firstName: String
    public var lastName: String?
    /// Without the `@`. People change it, and somebody else may get it.
    public var username: String?
    public var photoURL: String?
    /// Of the person's Telegram, such as `ru`.
    public var language: String?
    /// What OpenID Connect calls the person.
    public var subject: String?
    public let linkedAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        telegramID: Int64, userID: UUID, firstName: String, lastName: String?, username: String?, photoURL: String?,
        language: String?, subject: String?, at now: Timestamp
    ) {
        self.telegramID = telegramID
        self.userID = userID
        self.firstName = firstName
        self.lastName = lastName
        self.username = username
        self.photoURL = photoURL
        self.language = language
        self.subject = subject
        linkedAt = now
        updatedAt = now
    }

    static let columns = """
        telegram_id, user_id, first_name, last_name, username, photo_url, language, subject, linked_at, updated_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        telegramID = try row.next()
        userID = try row.next()
        firstName = try row.next()
        lastName = try row.next()
        username = try row.next()
        photoURL = try row.next()
        language = try row.next()
        subject = try row.next()
        linkedAt = try row.next()
        updatedAt = try row.next()
    }
}

/// A person of Telegram together with the account that is theirs.
public struct TelegramAccount: Sendable, RowDecodable {
    public let identity: TelegramIdentity
    public let user: User
    /// Whether the person was ever put into a company.
    public let hasCompanies: Bool
    /// Whether the person was given a role that may not have ended.
    public let hasRoles: Bool

    static let columns = TelegramIdentity.columns.split(separator: ",")
        .map { "t." + $0.filter { $0 != " " && $0 != "\n" } }.joined(separator: ", ") + ", " + User.qualifiedColumns
        + ", EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id), EXISTS (SELECT 1 FROM user_roles g WHERE g.user_id = u.id)"

    public init(row: inout Row) throws(DatabaseError) {
        identity = try TelegramIdentity(row: &row)
        user = try User(row: &row)
        hasCompanies = try row.next()
        hasRoles = try row.next()
    }
}

/// The table of people of Telegram: one account each, one of them for each account.
public struct TelegramIdentityRepository: Sendable {
    let sql: any StatementRunner

    private static let byTelegramID = Statement(
        "SELECT \(TelegramIdentity.columns) FROM telegram_identities WHERE telegram_id = $1")
    private static let byUser = Statement(
        "SELECT \(TelegramIdentity.columns) FROM telegram_identities WHERE user_id = $1")

    public func find(_ telegramID: Int64) async throws(DatabaseError) -> TelegramIdentity? {
        try await sql.run(Self.byTelegramID, [telegramID.sqlValue]).first()
    }

    public func find(ofUser user: UUID) async throws(DatabaseError) -> TelegramIdentity? {
        try await sql.run(Self.byUser, [user.sqlValue]).first()
    }

    private static let accountOf = Statement(
        """
        SELECT \(TelegramAccount.columns) FROM telegram_identities t JOIN users u ON u.id = t.user_id
        WHERE t.telegram_id = $1 AND u.deleted_at IS NULL
        """)

    /// nil too where the account was deleted.
    public func account(of telegramID: Int64) async throws(DatabaseError) -> TelegramAccount? {
        try await sql.run(Self.accountOf, [telegramID.sqlValue]).first()
    }

    private static let byUsername = Statement(
        "SELECT \(TelegramIdentity.columns) FROM telegram_identities WHERE lower(username) = $1 LIMIT 2")

    /// Who has the name, as far as Telegram has told; nil where that may be several. Names go from one to another: only
    /// somebody who looks may use it.
    public func find(username: String) async throws(DatabaseError) -> TelegramIdentity? {
        let found: [TelegramIdentity] = try await sql.run(Self.byUsername, [.text(username.lowercased())]).all()
        return found.count == 1 ? found.first : nil
    }

    private static let insertIdentity = Statement(
        "INSERT INTO telegram_identities (\(TelegramIdentity.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)")

    /// - Throws: `.duplicate("telegram_identities.telegram_id")`, `.duplicate("telegram_identities.user_id")`.
    public func insert(_ identity: TelegramIdentity) async throws(DatabaseError) {
        try await sql.run(Self.insertIdentity, Self.values(of: identity) + [identity.linkedAt.sqlValue])
        try await UserWordRepository(sql: sql).add(of: identity)
    }

    private static let updateIdentity = Statement(
        """
        UPDATE telegram_identities SET first_name = $3, last_name = $4, username = $5, photo_url = $6, language = $7,
            subject = $8, updated_at = $9
        WHERE telegram_id = $1 AND user_id = $2
        """)

    /// Writes what Telegram says of the person now.
    /// - Parameter former: what it said before.
    public func update(_ identity: TelegramIdentity, from former: TelegramIdentity) async throws(DatabaseError) {
        try await sql.run(Self.updateIdentity, Self.values(of: identity) + [identity.updatedAt.sqlValue])
        guard UserWordRepository.words(of: identity) != UserWordRepository.words(of: former) else { return }
        try await UserWordRepository(sql: sql).rewrite(identity.userID)
    }

    private static func values(of identity: TelegramIdentity) -> [SQLValue] {
        [
            identity.telegramID.sqlValue, identity.userID.sqlValue, identity.firstName.sqlValue,
            identity.lastName.sqlValue, identity.username.sqlValue, identity.photoURL.sqlValue, identity.language.sqlValue,
            identity.subject.sqlValue,
        ]
    }

    private static let deleteIdentity = Statement("DELETE FROM telegram_identities WHERE user_id = $1 RETURNING telegram_id")

    /// - Returns: whose it was; nil where the account had none.
    public func delete(ofUser user: UUID) async throws(DatabaseError) -> Int64? {
        guard let id: Int64 = try await sql.run(Self.deleteIdentity, [user.sqlValue]).value() else { return nil }
        try await UserWordRepository(sql: sql).rewrite(user)
        return id
    }
}

/// What Telegram has signed and was used.
public struct TelegramProofRepository: Sendable {
    let sql: any StatementRunner

    /// The digest of what a code signs, the same in whatever order its fields came. Those that expire together stand
    /// together: a sign-in writes near where the last one did.
    public static func digest(of code: [UInt8], expiresAt expiry: Timestamp) -> [UInt8] {
        start(of: expiry) + code.prefix(24)
    }

    private static func start(of expiry: Timestamp) -> [UInt8] {
        withUnsafeBytes(of: expiry.milliseconds.bigEndian) { Array($0) }
    }

    private static let insertProof = Statement(
        "INSERT INTO telegram_proofs (digest, expires_at) VALUES ($1, $2)")

    /// Uses a proof up. The transaction that does it decides whether it was of use.
    /// - Throws: `.duplicate` where somebody had: nothing more comes of the transaction.
    public func use(_ digest: [UInt8], until expiry: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.insertProof, [digest.sqlValue, expiry.sqlValue])
    }

    // Keys that begin with a moment are in no index by that on SQLite. They are below `firstUnordered`, which no moment
    // reaches. Another digest that is there by chance lies among them, or above all.
    private static let sweepBetween = Statement(
        "DELETE FROM telegram_proofs WHERE digest >= $2 AND digest < $3 AND expires_at < $1")
    private static let sweepOthers = Statement(
        sqlite: "DELETE FROM telegram_proofs WHERE digest >= x'0001' AND expires_at < $1",
        postgres: "DELETE FROM telegram_proofs WHERE expires_at < $1")
    private static let firstUnordered: [UInt8] = [0, 1]
    /// No proof is good for so long.
    private static let longest = Duration.seconds(366 * 86400)

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        for (from, to) in [([], Self.start(of: moment)), (Self.start(of: moment + Self.longest), Self.firstUnordered)] {
            try await sql.run(Self.sweepBetween, [moment.sqlValue, from.sqlValue, to.sqlValue])
        }
        try await sql.run(Self.sweepOthers, [moment.sqlValue])
    }
}

/// Whom a bot may write to.
public struct TelegramChat: Sendable, RowDecodable {
    public let botID: Int64
    public let telegramID: Int64
    public let language: String?

    static let columns = "bot_id, telegram_id, language"

    public init(row: inout Row) throws(DatabaseError) {
        botID = try row.next()
        telegramID = try row.next()
        language = try row.next()
    }
}

/// The table of talks between people and bots.
public struct TelegramChatRepository: Sendable {
    let sql: any StatementRunner

    private static let noteChat = Statement(
        """
        INSERT INTO telegram_chats (bot_id, telegram_id, language, updated_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (bot_id, telegram_id) DO UPDATE SET language = excluded.language, is_blocked = 0, updated_at = $4
        """)

    /// Notes that the person has written to the bot.
    public func note(bot: Int64, telegramID: Int64, language: String?, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.noteChat, [bot.sqlValue, telegramID.sqlValue, language.sqlValue, now.sqlValue])
    }

    private static let blockChat = Statement(
        "UPDATE telegram_chats SET is_blocked = 1, updated_at = $3 WHERE bot_id = $1 AND telegram_id = $2")

    /// Notes that the person does not want to hear from the bot any more.
    public func block(bot: Int64, telegramID: Int64, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.blockChat, [bot.sqlValue, telegramID.sqlValue, now.sqlValue])
    }

    private static let erasures = [
        "DELETE FROM telegram_talks WHERE telegram_id = $1", "DELETE FROM telegram_chats WHERE telegram_id = $1",
        "DELETE FROM telegram_questions WHERE telegram_id = $1", "DELETE FROM telegram_cards WHERE chat_id = $1",
    ].map { Statement($0) }

    /// Forgets every talk of the person.
    public func erase(_ telegramID: Int64) async throws(DatabaseError) {
        for erasure in Self.erasures { try await sql.run(erasure, [telegramID.sqlValue]) }
    }

    private static let ofPerson = Statement(
        """
        SELECT \(TelegramChat.columns) FROM telegram_chats WHERE telegram_id = $1 AND is_blocked = 0
        ORDER BY updated_at DESC
        """)

    private static let ofUser = Statement(
        """
        SELECT c.bot_id, c.telegram_id, c.language FROM telegram_identities i
        JOIN telegram_chats c ON c.telegram_id = i.telegram_id
        WHERE i.user_id = $1 AND c.is_blocked = 0
            AND NOT EXISTS (SELECT 1 FROM telegram_bots b WHERE b.id = c.bot_id AND b.is_enabled = 0)
        ORDER BY c.updated_at DESC LIMIT 1
        """)

    /// Where the person of an account is told something: the talk of theirs that they used last.
    public func find(ofUser user: UUID) async throws(DatabaseError) -> TelegramChat? {
        try await sql.run(Self.ofUser, [user.sqlValue]).first()
    }

    /// The bots that may write to the person, the one they wrote to last first.
    public func all(of telegramID: Int64) async throws(DatabaseError) -> [TelegramChat] {
        try await sql.run(Self.ofPerson, [telegramID.sqlValue]).all()
    }
}
