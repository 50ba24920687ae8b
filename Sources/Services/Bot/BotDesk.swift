import Ground
import Store

/// What bots make of what people write and press, before and beside commands: greetings, help, menus and contacts.
struct BotDesk: Sendable {
    private static let menu = "menu"

    let store: DataStore
    let sessions: BotSessions
    let accounts: AccountService
    let router: BotRouter
    let proofs: BotProofs
    let publicURL: String

    // MARK: Messages

    func answer(to text: String, in talk: BotTalk) async throws -> Reply? {
        do { return try await obey(text, in: talk) } catch let error as AuthError where error.asksForSecondFactor {
            return try await proofs.ask(before: .said(text), in: talk)
        }
    }

    private func obey(_ text: String, in talk: BotTalk) async throws -> Reply? {
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
        if command.isGrave { try await sessions.demandProof(of: token) }
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
        switch try await acquaintance(in: talk) {
        case .stranger: return try await router.started("", in: talk) ?? stranger(talk)
        case .unproved:
            return Reply(
                talk.language(
                    "Hello. Before I do anything for you I ask for your second factor. See /help.",
                    "Здравствуйте. Прежде чем что-то сделать, я попрошу второй фактор. Смотрите /help."))
        case .known(let token): return try await greeting(token, in: talk)
        }
    }

    private func greeting(_ token: AccessToken, in talk: BotTalk) async throws -> Reply {
        let name = try await sessions.subject(of: token).person.name
        let buttons = try await commands(for: .known(token)).filter(\.isInMenu).compactMap { command in
            command.summary(in: talk.language).map { Reply.Button($0, "\(Self.menu):\(command.name)") }
        }
        return Reply(
            talk.language("Hello, \(name). What shall it be?", "Здравствуйте, \(name). Что сделать?"),
            buttons: stride(from: 0, to: buttons.count, by: 2).map { Array(buttons[$0..<min($0 + 2, buttons.count)]) })
    }

    private func help(in talk: BotTalk) async throws -> Reply {
        let lines = try await commands(for: try await acquaintance(in: talk)).compactMap { command in
            command.summary(in: talk.language).map { "/\(command.name) – \($0)" as BotText }
        }
        let own: [BotText] = ["/help – \(talk.language("what I can do", "что я умею"))"]
        return Reply(.lines(lines + own))
    }

    /// How well the bot knows who writes.
    private enum Acquaintance {
        case stranger
        /// Who has an account, and has not shown the second factor.
        case unproved
        case known(AccessToken)
    }

    private func acquaintance(in talk: BotTalk) async throws -> Acquaintance {
        do throws(AuthError) {
            guard let token = try await sessions.token(for: talk) else { return .stranger }
            return .known(token)
        } catch {
            guard case .secondFactorRequired = error else { throw error }
            return .unproved
        }
    }

    private func commands(for acquaintance: Acquaintance) async throws -> [any BotCommand] {
        let subject: Subject? = if case .known(let token) = acquaintance { try await sessions.subject(of: token) } else { nil }
        return router.commands.filter { command in
            switch (command.audience, acquaintance) {
            case (.anyone, _): true
            case (.members, .stranger): false
            case (.members, _): true
            case (.holders(let permission), _): subject?.scope(of: permission) != nil
            }
        }
    }

    // MARK: Buttons

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        do { return try await press(data, in: talk, message: message) }
        catch let error as AuthError where error.asksForSecondFactor {
            return Pressed(reply: try await proofs.ask(before: .pressed(data, message: message), in: talk))
        }
    }

    private func press(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        let menu = "\(Self.menu):"
        if data.hasPrefix(menu) {
            guard let command = router.command(data.dropFirst(menu.count)) else { return Self.gone(talk) }
            return Pressed(reply: try await answer(of: command, "", in: talk))
        }
        guard let (button, about) = router.button(of: data) else { return Self.gone(talk) }
        // What strangers are told is for the button to say.
        if button.isGrave, let token = try await sessions.token(for: talk) { try await sessions.demandProof(of: token) }
        return try await button.pressed(about, in: talk, message: message)
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
        // Asked again once the code has come: what was sent is not kept.
        guard case .known(let token) = try await acquaintance(in: talk) else {
            return try await answer(to: "/phone", in: talk)
        }
        let digits = phone.filter { $0.isASCII && $0.isNumber }
        guard PhoneNumber.isPlausible("+\(digits)") else {
            return Reply(talk.language("That is no telephone number.", "Это не номер телефона."))
        }
        _ = try await accounts.updateProfile(ProfileChange(phone: "+\(digits)"), of: token, from: talk.client)
        return Reply(talk.language("Thank you: +\(digits) is noted.", "Спасибо, номер +\(digits) записан."))
    }
}

extension AuthError {
    /// Whether a code of a second factor may help.
    fileprivate var asksForSecondFactor: Bool {
        switch self {
        case .secondFactorRequired, .insufficientUserAuthentication: true
        default: false
        }
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
