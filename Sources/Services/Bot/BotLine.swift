import Ground

/// The line of one bot to Telegram: how it is opened, and what is asked on it, with rests after failures.
struct BotLine {
    private static let longestRest = Duration.seconds(60)
    private static let slack = Duration.seconds(10)
    private static let atOnce: JSON = 100

    /// How the bot hears.
    enum Way: Sendable {
        case asking
        /// With the parameters of `setWebhook`.
        case hook(JSON)
    }

    private let api: BotAPI
    /// How long Telegram is asked to wait: the lease must outlast it.
    private let wait: Duration
    private let log: Log
    private var backoff = Backoff(upTo: BotLine.longestRest, from: .seconds(1))
    private var offset: Int64?
    /// Whether Telegram knows how the bot wants to hear.
    private(set) var isOpen = false

    init(api: BotAPI, pause: Duration, log: Log) {
        self.api = api
        wait = min(pause, .seconds(25))
        self.log = log
    }

    /// Tells Telegram how the bot hears, and what it can do.
    mutating func open(_ bot: Bot, by way: Way, menu: BotMenu) async {
        let answer =
            switch way {
            case .hook(let parameters): await api.call("setWebhook", of: bot.token, parameters)
            case .asking: await api.call("deleteWebhook", of: bot.token)
            }
        guard case .ok = answer else { return await rest(after: answer, of: bot) }
        // The bot hears without them too.
        for commands in menu.calls { _ = await api.call("setMyCommands", of: bot.token, commands) }
        backoff.reset()
        isOpen = true
    }

    /// Asks once for updates, and confirms those of the last time that were handled.
    mutating func ask(_ bot: Bot, _ handle: (JSON) async throws -> BotIntake.Outcome) async {
        var parameters: [JSON.Member] = [
            .init("timeout", .integer(max(0, wait.components.seconds))), .init("limit", Self.atOnce),
            .init("allowed_updates", BotUpdate.kinds),
        ]
        if let offset { parameters.append(.init("offset", .integer(offset))) }
        let answer = await api.call("getUpdates", of: bot.token, .object(parameters), timeout: wait + Self.slack)
        guard case .ok(let result) = answer, let updates = result.array else { return await rest(after: answer, of: bot) }
        for update in updates {
            // What comes after it waits, or it would be confirmed with it.
            guard (try? await handle(update)) == .done else { return await rest(after: nil, of: bot) }
            if let id = update["update_id"]?.integer { offset = max(offset ?? 0, id + 1) }
        }
        backoff.reset()
    }

    private mutating func rest(after answer: BotAnswer?, of bot: Bot) async {
        var rest = backoff.next()
        var reason = "updates could not be handled"
        switch answer {
        case .refused(let refusal):
            reason = "status \(refusal.code)"
            // Somebody has set a webhook, or another program asks.
            if refusal.code == 409 { isOpen = false }
            if let asked = refusal.retryAfter { rest = max(rest, min(asked, Self.longestRest * 5)) }
        case .failed(.stopped), .failed(.cancelled): return
        case .failed(let fault): reason = fault.rawValue
        case .ok, nil: break
        }
        log.warning("telegram.updates_paused") { line in
            line.member("bot", bot.id)
            line.member("reason", reason)
        }
        try? await Task.sleep(for: rest)
    }
}

/// What Telegram shows people of a bot's commands.
struct BotMenu: Sendable {
    let router: BotRouter

    /// The parameters of `setMyCommands`, for each language. Commands of administrators are not told to everybody.
    var calls: [JSON] {
        Language.allCases.map { language in
            let own: [(String, String)] = [("help", language("What I can do", "Что я умею"))]
            let listed = router.commands.compactMap { command -> (String, String)? in
                if case .holders = command.audience { return nil }
                return command.summary(in: language).map { (command.name, $0) }
            }
            let commands = JSON.array((listed + own).map { ["command": .string($0.0), "description": .string($0.1)] })
            // Without a language it is for everybody who speaks no other.
            return language == .english ? ["commands": commands] : ["commands": commands, "language_code": .string(language.rawValue)]
        }
    }
}
