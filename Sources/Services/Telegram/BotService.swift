import Credentials
import Ground
import SQL
import Store

/// A bot that is to be used, or what is to be changed about one; nil leaves it as it is.
public struct BotChange: Sendable {
    public var token: BotToken?
    /// `.some(nil)` takes it away.
    public var clientSecret: ClientSecret??
    public var doors: [TelegramDoor]?
    public var autoCreates: Bool?
    public var isEnabled: Bool?

    public init(
        token: BotToken?, clientSecret: ClientSecret?? = nil, doors: [TelegramDoor]?, autoCreates: Bool?, isEnabled: Bool?
    ) {
        self.token = token
        self.clientSecret = clientSecret
        self.doors = doors
        self.autoCreates = autoCreates
        self.isEnabled = isEnabled
    }
}

/// The rules of bots. Whoever has a bot's token can sign what Telegram signs for it, and so be anybody who comes in
/// through it: bots are for who manages them everywhere, and for nobody's company alone.
public struct BotService: Sendable {
    private static let managing: Permission = "telegram:manage"
    private static let most = 100

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let bots: Bots
    let api: BotAPI
    let vault: Vault
    let audit: Audit
    let clock: Clock

    /// The oldest first. The bot of `TELEGRAM_BOT_TOKEN` is among them once it has been made one of them.
    /// - Throws: `.forbidden`.
    public func list(by token: AccessToken) async throws(AuthError) -> [TelegramBot] {
        do {
            try await demand(token, in: store.reading)
            return try await store.reading.telegramBots.all(within: nil)
        } catch { throw .from(error) }
    }

    /// - Throws: `.forbidden`, `.notFound`.
    public func read(_ id: Int64, by token: AccessToken) async throws(AuthError) -> TelegramBot {
        do {
            try await demand(token, in: store.reading)
            return try await find(id, in: store.reading)
        } catch { throw .from(error) }
    }

    /// Asks Telegram whose token it is, and keeps it.
    /// - Throws: `.botTokenRefused`, `.telegramUnreachable`, `.botTaken`, `.notFound` for a company there is not, `.tooMany`.
    public func create(_ change: BotChange, for company: UUID?, by caller: AccessToken, from client: Client)
        async throws(AuthError) -> TelegramBot
    {
        guard let token = change.token else {
            throw .invalid([FieldFault(field: "token", code: "required", message: "This is needed.")])
        }
        do { try await demand(caller, in: store.reading) } catch { throw .from(error) }
        let (name, username) = try await ask(token)
        let now = clock.now
        do {
            let bot = TelegramBot(
                id: token.botID, name: name, username: username, companyID: company, token: try seal(token),
                clientSecret: try (change.clientSecret ?? nil).map { try seal($0, of: token.botID) },
                doors: change.doors ?? TelegramDoor.allCases, autoCreates: change.autoCreates ?? false,
                isEnabled: change.isEnabled ?? true, at: now)
            try await store.transaction { repositories in
                try await demand(caller, in: repositories)
                if let company, try await repositories.companies.find(company) == nil { throw AuthError.notFound }
                guard try await repositories.telegramBots.all(within: nil).count < Self.most else { throw AuthError.tooMany }
                guard try await repositories.telegramBots.find(bot.id, within: nil) == nil else { throw AuthError.botTaken }
                try await repositories.telegramBots.insert(bot)
                try await record(.botCreated, bot, by: caller, from: client, in: repositories)
            }
            try await bots.changed()
            return bot
        } catch { throw .from(error) }
    }

    /// - Throws: `.botTokenRefused` for the token of another bot too, `.telegramUnreachable`, `.notFound`.
    public func update(_ id: Int64, _ change: BotChange, by caller: AccessToken, from client: Client)
        async throws(AuthError) -> TelegramBot
    {
        do { try await demand(caller, in: store.reading) } catch { throw .from(error) }
        var named: (name: String, username: String)?
        if let token = change.token {
            guard token.botID == id else { throw .botTokenRefused }
            named = try await ask(token)
        }
        do {
            let updated = try await store.transaction { [named] repositories in
                try await demand(caller, in: repositories)
                var bot = try await find(id, in: repositories)
                if let token = change.token { bot.token = try seal(token) }
                if let named { (bot.name, bot.username) = named }
                if let secret = change.clientSecret { bot.clientSecret = try secret.map { try seal($0, of: id) } }
                bot.doors = change.doors ?? bot.doors
                bot.autoCreates = change.autoCreates ?? bot.autoCreates
                bot.isEnabled = change.isEnabled ?? bot.isEnabled
                bot.updatedAt = clock.now
                try await repositories.telegramBots.update(bot)
                try await record(.botUpdated, bot, by: caller, from: client, in: repositories)
                return bot
            }
            try await bots.changed()
            return updated
        } catch { throw .from(error) }
    }

    /// Forgets the bot. Whoever came in through it keeps account and session.
    /// - Throws: `.notFound`.
    public func delete(_ id: Int64, by caller: AccessToken, from client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                try await demand(caller, in: repositories)
                let bot = try await find(id, in: repositories)
                try await repositories.telegramBots.delete(id)
                try await record(.botDeleted, bot, by: caller, from: client, in: repositories)
            }
            try await bots.changed()
        } catch { throw .from(error) }
    }

    // MARK: Beside

    private func demand(_ caller: AccessToken, in repositories: Repositories) async throws {
        guard try await reach.authority(of: caller, in: repositories).scope(of: Self.managing) == .everywhere else {
            throw AuthError.forbidden(permission: Self.managing.description)
        }
    }

    private func find(_ id: Int64, in repositories: Repositories) async throws -> TelegramBot {
        guard let bot = try await repositories.telegramBots.find(id, within: nil) else { throw AuthError.notFound }
        return bot
    }

    /// What Telegram calls the bot.
    private func ask(_ token: BotToken) async throws(AuthError) -> (name: String, username: String) {
        switch await api.call("getMe", of: token) {
        case .ok(let result):
            guard result["id"]?.integer == token.botID, result["is_bot"]?.bool == true,
                let name = result["first_name"]?.string, let username = result["username"]?.string
            else { throw .botTokenRefused }
            return (CleanText.clean(name, limit: 256), CleanText.clean(username, limit: 64))
        case .refused(let refusal) where refusal.code == 401 || refusal.code == 404: throw .botTokenRefused
        case .refused, .failed: throw .telegramUnreachable
        }
    }

    private func seal(_ token: BotToken) throws -> [UInt8] {
        try vault.seal(Array(token.text.utf8), purpose: Bots.tokenPurpose(token.botID))
    }

    private func seal(_ secret: ClientSecret, of bot: Int64) throws -> [UInt8] {
        try vault.seal(Array(secret.text.utf8), purpose: Bots.secretPurpose(bot))
    }

    private func record(
        _ kind: AuditEvent.Kind, _ bot: TelegramBot, by caller: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [.init("bot_id", .integer(bot.id)), .init("username", .string(bot.username))]
        let event = AuditEvent(kind, actor: caller.userID, company: bot.companyID, session: caller.sessionID, facts: facts)
        try await audit.record(event, from: client, in: repositories)
    }
}
