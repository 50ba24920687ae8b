import Ground
import Store

/// What bots make of what people write and press, before and beside commands: greetings, help, menus and contacts.
struct BotDesk: Sendable {
    private static let menu = "menu"

    let store: DataStore
    let sessions: BotSessions
    let accounts: AccountService
    let router: BotRouter
    let publicURL: String

    // MARK: Messages

    func answer(to text: String, in talk: BotTalk) async throws -> Reply? {
        guard text.hasPrefix("/") else { return Reply(talk.language("Write /help to see what I can do.", "Напишите /help, и я расскажу, что умею.")) }
        let words = text.dropFirst().split(maxSplits: 1, omittingEmptySubsequences: false) { $0.isWhitespace }
        let name = words[0].prefix { $0 != "@" }.lowercased()
        let arguments = words.count > 1 ? words[1].trimmed : ""
        switch name {
        case "start": return try await start(arguments, in: talk)
        case "help": return try await help(in: talk)
        default:
            guard let command = router.command(name) else {
                return Reply(talk.language("I do not know that. See /help.", "Такого я не знаю. Смотрите /help."))
            }
            return try await answer(of: command, arguments, in: talk)
        }
    }

    private func answer(of command: any BotCommand, _ arguments: String, in talk: BotTalk) async throws -> Reply? {
        if case .anyone = command.audience { return try await command.answer(arguments, in: talk) }
        guard let token = try await sessions.token(for: talk) else { return stranger(talk) }
        if case .holders(let permission) = command.audience { _ = try await sessions.demand(permission, of: token) }
        return try await command.answer(arguments, in: talk)
    }

    /// For whoever has no account.
    private func stranger(_ talk: BotTalk) -> Reply {
        Reply(
            talk.language(
                "I do not know you yet. Sign in through Telegram, or link Telegram to your account: \(publicURL)",
                "Мы ещё не знакомы. Войдите через Telegram или привяжите Telegram к своей учётной записи: \(publicURL)"))
    }

    private func start(_ payload: String, in talk: BotTalk) async throws -> Reply? {
        if !payload.isEmpty, let reply = try await router.started(payload, in: talk) { return reply }
        guard let token = try await sessions.token(for: talk) else {
            return try await router.started("", in: talk) ?? stranger(talk)
        }
        return try await greeting(token, in: talk)
    }

    private func greeting(_ token: AccessToken, in talk: BotTalk) async throws -> Reply {
        let name = try await sessions.subject(of: token).person.name
        let buttons = try await commands(for: token).filter(\.isInMenu).compactMap { command in
            command.summary(in: talk.language).map { Reply.Button($0, "\(Self.menu):\(command.name)") }
        }
        return Reply(
            talk.language("Hello, \(name). What shall it be?", "Здравствуйте, \(name). Что сделать?"),
            buttons: stride(from: 0, to: buttons.count, by: 2).map { Array(buttons[$0..<min($0 + 2, buttons.count)]) })
    }

    private func help(in talk: BotTalk) async throws -> Reply {
        let token = try await sessions.token(for: talk)
        let lines = try await commands(for: token).compactMap { command in
            command.summary(in: talk.language).map { "/\(command.name) – \($0)" as BotText }
        }
        let own: [BotText] = ["/help – \(talk.language("what I can do", "что я умею"))"]
        return Reply(.lines(lines + own))
    }

    private func commands(for token: AccessToken?) async throws -> [any BotCommand] {
        guard let token else {
            return router.commands.filter { if case .anyone = $0.audience { true } else { false } }
        }
        let subject = try await sessions.subject(of: token)
        return router.commands.filter { command in
            guard case .holders(let permission) = command.audience else { return true }
            return subject.scope(of: permission) != nil
        }
    }

    // MARK: Buttons

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        let menu = "\(Self.menu):"
        if data.hasPrefix(menu) {
            guard let command = router.command(data.dropFirst(menu.count)) else { return Self.gone(talk) }
            return Pressed(reply: try await answer(of: command, "", in: talk))
        }
        return try await router.pressed(data, in: talk, message: message) ?? Self.gone(talk)
    }

    private static func gone(_ talk: BotTalk) -> Pressed {
        Pressed(toast: talk.language("That is over.", "Это уже неактуально."))
    }

    // MARK: Contacts

    /// Takes over the person's telephone number: theirs only, as Telegram has it.
    func take(phone: String, of owner: Int64?, in talk: BotTalk) async throws -> Reply? {
        guard owner == talk.person.id else {
            return Reply(talk.language("That is not your own contact.", "Это не ваш собственный контакт."))
        }
        guard let token = try await sessions.token(for: talk) else { return stranger(talk) }
        let digits = phone.filter { $0.isASCII && $0.isNumber }
        guard PhoneNumber.isPlausible("+\(digits)") else {
            return Reply(talk.language("That is no telephone number.", "Это не номер телефона."))
        }
        _ = try await accounts.updateProfile(ProfileChange(phone: "+\(digits)"), of: token, from: talk.client)
        return Reply(talk.language("Thank you: +\(digits) is noted.", "Спасибо, номер +\(digits) записан."))
    }
}

extension BotCommand {
    /// Whether the greeting offers it: what needs nothing more to be said.
    var isInMenu: Bool { self is any BotMenuItem }
}

/// A command that the greeting offers as a button.
public protocol BotMenuItem: BotCommand {}

extension Substring {
    var trimmed: String {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
