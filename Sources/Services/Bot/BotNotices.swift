import Ground
import Store

/// Tells people in Telegram what happens to their accounts, in the transaction in which it happens: whoever has no talk
/// with a bot hears nothing.
struct BotNotices: Sendable {
    /// Marks a sign-in from where the account was not known.
    static let newDevice = JSON.Member("new_device", true)

    /// What people are told of.
    enum Notice: Sendable {
        case newDevice, passwordChanged, accountLocked, secondFactorOff

        func text(in language: Language) -> BotText {
            switch self {
            case .newDevice: language("<b>Somebody signed in to your account</b> from a new device.", "<b>Вход в вашу учётную запись</b> с нового устройства.")
            case .passwordChanged: language("<b>Your password was changed.</b>", "<b>Ваш пароль изменён.</b>")
            case .accountLocked:
                language(
                    "<b>Your account is locked for a while:</b> somebody entered wrong passwords.",
                    "<b>Ваша учётная запись временно закрыта:</b> кто-то вводил неверные пароли.")
            case .secondFactorOff:
                language("<b>The second factor of your account was switched off.</b>", "<b>Второй фактор вашей учётной записи отключён.</b>")
            }
        }
    }

    let voice: BotVoice
    let mail: BotMail
    let clock: Clock

    /// Tells whom the event concerns, where it is one of those.
    func tell(of event: AuditEvent, from client: Client?, in repositories: Repositories) async throws {
        guard let user = event.user, let notice = Self.notice(of: event) else { return }
        try await tell(notice, to: user, from: client, in: repositories)
    }

    private static func notice(of event: AuditEvent) -> Notice? {
        switch event.kind {
        case .signInSucceeded: event.facts.contains { $0.name == newDevice.name } ? .newDevice : nil
        case .passwordChanged, .passwordReset: .passwordChanged
        case .accountLocked: .accountLocked
        case .secondFactorDisabled, .secondFactorReset: .secondFactorOff
        default: nil
        }
    }

    func tell(_ notice: Notice, to user: UUID, from client: Client?, in repositories: Repositories) async throws {
        guard let chat = try await repositories.telegramChats.find(ofUser: user) else { return }
        let language = Language(telegram: chat.language)
        var lines = [notice.text(in: language)]
        if let client {
            lines.append("\(DeviceParser.device(of: client.userAgent).name), \(client.address.description)")
        }
        lines.append("\(BotMoment.text(clock.now))")
        let button = Reply.Button(language("It was not me", "Это не я"), "\(DisownButton.prefix):\(user)")
        let message = voice.message(Reply(.lines(lines), buttons: [[button]]), to: chat.telegramID, from: chat.botID)
        try await mail.post(message, in: repositories)
    }
}

/// "It was not me": ends every session of the account and, where it has a password, asks for another at the next sign-in.
///
/// It needs no session: it only takes away, and whoever may come from few addresses must be able to press it too.
struct DisownButton: BotButton {
    static let prefix = "notme"
    var prefix: String { Self.prefix }
    let store: DataStore
    let sessions: SessionService
    let audit: Audit
    let clock: Clock

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let user = UUID(String(data)) else { throw AuthError.notFound }
        let now = clock.now
        let count = try await sessions.endingSessions { repositories in
            // The person may have another account by now, or none.
            guard let found = try await repositories.users.find(user),
                try await repositories.telegramIdentities.find(talk.person.id)?.userID == user
            else { throw AuthError.notFound }
            if found.passwordHash != nil { _ = try await repositories.users.requirePasswordChange(of: user, at: now) }
            let ended = try await repositories.sessions.endAll(ofUser: user, except: nil, because: .revoked, at: now)
            let event = AuditEvent(
                .disowned, user: user, actor: user, facts: [.init("sessions_ended", .integer(Int64(ended.count)))])
            try await audit.record(event, from: talk.client, in: repositories)
            return ended
        }
        try await sessions.subjects.changed(user: user)
        let text: BotText = talk.language(
            "Every session has ended (\(count)). Choose a new password when you sign in, and tell your administrator.",
            "Все сеансы завершены (\(count)). При следующем входе выберите новый пароль и сообщите администратору.")
        return Pressed(replacement: Reply(text))
    }
}
