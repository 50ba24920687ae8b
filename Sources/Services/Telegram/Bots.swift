import Credentials
import Ground
import KeyValue
import Store
import Synchronization

/// A bot of this server, ready for use.
public struct Bot: Sendable {
    public let id: Int64
    /// Without the `@`; nil where Telegram has not been asked yet.
    public let username: String?
    /// Whoever comes in through it belongs to this company; nil: it is everybody's.
    public let company: UUID?
    public let doors: Set<TelegramDoor>
    /// Whether a stranger who comes in through it gets an account.
    public let autoCreates: Bool
    let token: BotToken
    let clientSecret: ClientSecret?
    let keys: TelegramKeys

    /// Whether it is a client of OpenID Connect.
    var isClient: Bool { clientSecret.map { _ in true } ?? false }
}

/// The bots of this server: the one that `TELEGRAM_BOT_TOKEN` names, and those in the database.
///
/// They are remembered while every change of them would be heard of; else the database is asked each time.
public final class Bots: Sendable {
    private struct Held {
        var bots: [Bot]?
        /// Counts the changes, so that what was read before one is not kept after it.
        var changes = 0
    }

    private static let channel = "telegram.bots"

    private let store: DataStore
    private let vault: Vault
    private let settings: TelegramSettings
    private let line: NodeLine
    private let log: Log
    private let held = Mutex(Held())
    /// What the settings name, made once.
    private let own: Bot?

    init(store: DataStore, vault: Vault, settings: TelegramSettings, keyValue: any KeyValue, log: Log) {
        self.store = store
        self.vault = vault
        self.settings = settings
        self.log = log
        line = NodeLine(Self.channel, on: keyValue)
        own = settings.botToken.map { token in
            Bot(
                id: token.botID, username: nil, company: nil, doors: Set(TelegramDoor.allCases),
                autoCreates: settings.autoCreates, token: token, clientSecret: settings.clientSecret,
                keys: TelegramKeys(token: token.text))
        }
    }

    /// Listens for changes that other nodes make. Call it before the first request.
    func start() async throws {
        try await line.open(hear: { [weak self] _ in self?.forget() }, catchUp: { [weak self] in
            self?.forget()
            return true
        })
    }

    /// Bots have changed: what is asked from now on goes by what they are now, on other nodes as soon as they hear.
    func changed() async throws(AuthError) {
        forget()
        try await line.tell([])
    }

    private func forget() {
        held.withLock { held in
            held.bots = nil
            held.changes += 1
        }
    }

    /// Those that are enabled, the one of the settings first.
    /// - Throws: `.unavailable`.
    public func all() async throws(AuthError) -> [Bot] {
        if line.isOpen, let bots = held.withLock({ $0.bots }) { return bots }
        let changes = held.withLock { $0.changes }
        let stored: [TelegramBot]
        do { stored = try await store.reading.telegramBots.all(within: nil) } catch { throw .from(error) }
        let row = stored.first { $0.id == own?.id }
        var bots = stored.filter { $0.isEnabled && $0.id != own?.id }.compactMap { bot(of: $0) }
        if let own, row?.isEnabled != false { bots.insert(row.map { refined(own, by: $0) } ?? own, at: 0) }
        held.withLock { if $0.changes == changes { $0.bots = bots } }
        return bots
    }

    /// - Parameter id: nil: the first there is.
    /// - Throws: `.telegramNotConfigured` where there is none at all, `.invalid` where that one is not there, `.unavailable`.
    public func find(_ id: Int64?) async throws(AuthError) -> Bot {
        let bots = try await all()
        guard let first = bots.first else { throw .telegramNotConfigured }
        guard let id else { return first }
        guard let bot = bots.first(where: { $0.id == id }) else {
            throw .invalid([FieldFault(field: "bot_id", code: "no_such_bot", message: "There is no such bot here.")])
        }
        return bot
    }

    /// The token of a bot; nil where there is no such bot any more.
    func token(of id: Int64) async throws -> BotToken? { try await all().first { $0.id == id }?.token }

    /// What the database says of the bot of the settings; its token is that of the settings.
    private func refined(_ own: Bot, by row: TelegramBot) -> Bot {
        Bot(
            id: own.id, username: row.username, company: row.companyID, doors: Set(row.doors), autoCreates: row.autoCreates,
            token: own.token, clientSecret: own.clientSecret ?? secret(of: row), keys: own.keys)
    }

    private func bot(of row: TelegramBot) -> Bot? {
        do {
            let text = String(decoding: try vault.open(row.token, purpose: Self.tokenPurpose(row.id)), as: UTF8.self)
            guard let token = BotToken(text) else { return nil }
            return Bot(
                id: row.id, username: row.username, company: row.companyID, doors: Set(row.doors),
                autoCreates: row.autoCreates, token: token, clientSecret: secret(of: row), keys: TelegramKeys(token: text))
        } catch {
            log.error("telegram.bot_unreadable") { line in
                line.member("bot", row.id)
                line.member("reason", "its token was sealed by another ENCRYPTION_KEY, or is damaged")
            }
            return nil
        }
    }

    private func secret(of row: TelegramBot) -> ClientSecret? {
        guard let sealed = row.clientSecret, let opened = try? vault.open(sealed, purpose: Self.secretPurpose(row.id))
        else { return nil }
        return ClientSecret(String(decoding: opened, as: UTF8.self))
    }

    static func tokenPurpose(_ bot: Int64) -> String { "telegram-bot-token:\(bot)" }
    static func secretPurpose(_ bot: Int64) -> String { "telegram-client-secret:\(bot)" }
}
