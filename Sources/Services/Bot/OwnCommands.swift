import Ground
import Store

/// What every command of a person's own stands on.
struct OwnAccount: Sendable {
    let sessions: BotSessions
    let signIn: SignInService

    /// - Throws: `.sessionEnded` for a stranger, whom ``BotDesk`` has let nowhere near.
    func token(of talk: BotTalk) async throws(AuthError) -> AccessToken {
        guard let token = try await sessions.token(for: talk) else { throw .sessionEnded }
        return token
    }
}

/// `/me`: the account.
struct MeCommand: BotMenuItem {
    let name = "me"
    let audience = BotAudience.members
    let own: OwnAccount

    func summary(in language: Language) -> String? { language("my account", "моя учётная запись") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let subject = try await own.sessions.subject(of: try await own.token(of: talk))
        let (person, language) = (subject.person, talk.language)
        var lines: [BotText] = ["<b>\(person.name)</b>"]
        if let email = person.email { lines.append("\(language("E-mail", "Почта")): \(email)") }
        if let phone = person.phone { lines.append("\(language("Telephone", "Телефон")): \(phone)") }
        if let company = subject.company { lines.append("\(language("Company", "Компания")): \(company.name)") }
        if !person.roles.isEmpty {
            lines.append("\(language("Roles", "Роли")): \(person.roles.joined(separator: ", "))")
        }
        return Reply(.lines(lines))
    }
}

/// `/whoami`: how Telegram and this server know the person.
struct WhoAmICommand: BotCommand {
    let name = "whoami"
    let audience = BotAudience.anyone
    let own: OwnAccount

    func summary(in language: Language) -> String? { language("how I know you", "как мы вас знаем") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        var lines: [BotText] = ["Telegram: <code>\(talk.person.id)</code>"]
        if let username = talk.person.username { lines.append("@\(username)") }
        do throws(AuthError) {
            if let token = try await own.sessions.token(for: talk) {
                lines.append("\(talk.language("Account", "Учётная запись")): <code>\(token.userID.description)</code>")
            } else {
                lines.append(talk.language("No account here.", "Учётной записи здесь нет."))
            }
        } catch {
            guard case .secondFactorRequired = error else { throw error }
            lines.append(talk.language("An account with a second factor.", "Учётная запись со вторым фактором."))
        }
        return Reply(.lines(lines))
    }
}

/// `/sessions`: where the person is signed in, with buttons that end that.
struct SessionsCommand: BotMenuItem {
    static let most = 10

    let name = "sessions"
    let audience = BotAudience.members
    let own: OwnAccount

    func summary(in language: Language) -> String? { language("where I am signed in", "где выполнен вход") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let token = try await own.token(of: talk)
        let page = try await own.signIn.sessions.list(of: token, after: nil, limit: Self.most, includesEnded: false)
        var lines: [BotText] = [talk.language("You are signed in here:", "Вход выполнен здесь:")]
        var buttons: [[Reply.Button]] = []
        for (index, session) in page.items.enumerated() {
            let isThis = session.id == token.sessionID
            let place: BotText = isThis ? talk.language("this talk", "этот чат") : "\(session.device.name), \(session.ip)"
            lines.append("\(index + 1). \(place), \(BotMoment.text(session.lastUsedAt))")
            if !isThis {
                buttons.append([Reply.Button(talk.language("End \(index + 1)", "Завершить \(index + 1)"), "\(SessionButton.prefix):\(session.id)")])
            }
        }
        if page.next != nil { lines.append(talk.language("… and more.", "… и другие.")) }
        return Reply(.lines(lines), buttons: buttons)
    }
}

/// Ends one session of whoever presses.
struct SessionButton: BotButton {
    static let prefix = "session"
    var prefix: String { Self.prefix }
    let command: SessionsCommand

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let id = UUID(String(data)) else { throw AuthError.notFound }
        let token = try await command.own.token(of: talk)
        try await command.own.signIn.sessions.revoke(id, by: token, from: talk.client)
        return Pressed(toast: talk.language("Ended.", "Завершено."), replacement: try await command.answer("", in: talk))
    }
}

/// `/logout_all`: ends every session, once the person has confirmed it.
struct LogoutAllCommand: BotMenuItem {
    let name = "logout_all"
    let audience = BotAudience.members

    func summary(in language: Language) -> String? { language("end all sessions", "завершить все сеансы") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        Reply(
            talk.language("End every session of yours, on every device?", "Завершить все ваши сеансы на всех устройствах?"),
            buttons: [[Reply.Button(talk.language("End all", "Завершить все"), "\(LogoutAllButton.prefix):all")]])
    }
}

/// The confirmation of `/logout_all`.
struct LogoutAllButton: BotButton {
    static let prefix = "logout"
    var prefix: String { Self.prefix }
    let own: OwnAccount

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        let token = try await own.token(of: talk)
        let count = try await own.signIn.sessions.revokeAll(token, from: talk.client)
        return Pressed(replacement: Reply(talk.language("Ended: \(count).", "Завершено: \(count).")))
    }
}

/// `/phone`: asks for the telephone number; what comes is taken by ``BotDesk``.
struct PhoneCommand: BotCommand {
    let name = "phone"
    let audience = BotAudience.members

    func summary(in language: Language) -> String? { language("share my telephone number", "поделиться номером телефона") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        var reply = Reply(talk.language("Press the button below to share your number.", "Нажмите кнопку внизу, чтобы поделиться номером."))
        reply.asksForPhone = true
        return reply
    }
}

/// Moments as bots write them.
enum BotMoment {
    /// To the minute, in UTC.
    static func text(_ moment: Timestamp) -> String {
        "\(moment.rfc3339.prefix(16).map { $0 == "T" ? " " : String($0) }.joined()) UTC"
    }
}
