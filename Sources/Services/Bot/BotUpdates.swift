import Credentials
import Ground
import Store
import Synchronization

/// Has bots hear: one node at a time asks Telegram for the updates of a bot, or Telegram brings them.
///
/// Nothing waits for this, and it delays no request. What is not confirmed to Telegram comes again.
public final class BotUpdates: Sendable {
    private struct State {
        var isStopping = false
        var watch: Task<Void, Never>?
        /// Those that are listened to, each with the digest of its token.
        var listening: [Int64: (token: [UInt8], task: Task<Void, Never>)] = [:]
    }

    /// How often it is looked whether there are other bots.
    private static let watchInterval = Duration.seconds(5)

    private let bots: Bots
    private let api: BotAPI
    private let intake: BotIntake
    private let leases: Leases
    private let mode: TelegramSettings.Updates
    private let publicURL: String
    private let leaseTime: Duration
    private let menu: BotMenu
    private let key: HMACKey
    private let log: Log
    private let state = Mutex(State())

    init(
        bots: Bots, api: BotAPI, intake: BotIntake, leases: Leases, configuration: Configuration, menu: BotMenu,
        secret: [UInt8], log: Log
    ) {
        self.bots = bots
        self.api = api
        self.intake = intake
        self.leases = leases
        self.menu = menu
        self.log = log
        mode = configuration.telegram.updates
        publicURL = configuration.server.publicURL
        leaseTime = configuration.stores.leaseTime
        key = HMACKey(Digest.hmacSHA256(key: secret, Array("webhook".utf8)))
    }

    // MARK: Being told

    /// What Telegram shows when it brings the updates of a bot.
    func secret(of bot: Bot) -> String { Base64URL.encode(key.sign(Array(bot.token.text.utf8))) }

    /// Takes an update that Telegram brings.
    /// - Parameter shown: the secret that came with it.
    /// - Throws: `.notFound` for whoever is not Telegram; `.unavailable`: then it is to come again.
    public func hear(_ body: [UInt8], for id: Int64, showing shown: String?) async throws(AuthError) {
        guard mode == .webhook, let shown, let bot = try await bots.all().first(where: { $0.id == id }),
            Digest.equal(Array(shown.utf8), Array(secret(of: bot).utf8))
        else { throw .notFound }
        guard let update = try? JSON.parse(body) else {
            throw .invalid([FieldFault(field: "update_id", code: "required", message: "This is no update.")])
        }
        guard try await intake.take(update, of: bot) == .done else {
            throw .unavailable(because: "the update is being handled")
        }
    }

    // MARK: Asking

    /// Listens from now on, for bots that are added later too.
    public func start() {
        guard mode != .off else { return }
        let watch = Task {
            while !Task.isCancelled {
                await self.follow()
                try? await Task.sleep(for: Self.watchInterval)
            }
        }
        state.withLock { $0.watch = watch }
    }

    /// Listens no more, and lets other nodes do it.
    func stop() async {
        let tasks = state.withLock { state in
            state.isStopping = true
            defer {
                state.listening = [:]
                state.watch = nil
            }
            return state.listening.values.map(\.task) + [state.watch].compactMap { $0 }
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Listens to bots that are new, or have another token, and no more to those that are gone.
    private func follow() async {
        guard let known = try? await bots.all() else { return }
        let digests = known.map { Digest.sha256(Array($0.token.text.utf8)) }
        state.withLock { state in
            guard !state.isStopping else { return }
            for (id, held) in state.listening where !digests.contains(where: { Digest.equal($0, held.token) }) {
                held.task.cancel()
                state.listening[id] = nil
            }
            for (bot, digest) in zip(known, digests) where state.listening[bot.id] == nil {
                state.listening[bot.id] = (digest, Task { await self.listen(to: bot.id) })
            }
        }
    }

    private func listen(to bot: Int64) async {
        let name = "telegram.updates:\(bot)"
        while !Task.isCancelled {
            if let lease = try? await leases.take(name) {
                await attend(bot, holding: lease)
                // It may be that nobody can be told; then the lease ends by itself.
                if Task.isCancelled { try? await leases.release(lease) }
            }
            try? await Task.sleep(for: leaseTime / 3)
        }
    }

    /// Asks until the lease is lost.
    private func attend(_ id: Int64, holding lease: Lease) async {
        var line = BotLine(api: api, pause: leaseTime / 2, log: log)
        while !Task.isCancelled, let bot = try? await bots.find(id), let held = try? await leases.take(lease.name), held == lease {
            if !line.isOpen {
                await line.open(bot, by: mode == .webhook ? .hook(hook(of: bot)) : .asking, menu: menu)
            } else if mode == .webhook {
                try? await Task.sleep(for: leaseTime / 3)
            } else {
                await line.ask(bot) { try await self.intake.take($0, of: bot) }
            }
        }
    }

    private func hook(of bot: Bot) -> JSON {
        [
            "url": .string("\(publicURL)/telegram/webhook/\(bot.id)"), "secret_token": .string(secret(of: bot)),
            "allowed_updates": BotUpdate.kinds,
        ]
    }
}
