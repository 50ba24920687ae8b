import Ground
import Store

/// Tells people in Telegram what happens to their accounts, in the transaction in which it happens: whoever has no talk
/// with a bot hears nothing.
struct BotNotices: Sendable {
    /// Marks a sign-in from where the account was not known.
    static let newDevice = JSON.Member("new_device", true)

    /// What people are told of.
    enum Notice: Sendable {
        case newDevice, passwordChanged, emailChanged, accountLocked, secondFactorOff

        func text(in language: Language) -> BotText {
            switch self {
            case .newDevice: language("<b>Somebody signed in to your account</b> from a new device.", "<b>Вход в вашу учётную запись</b> с нового устройства.")
            case .passwordChanged: language("<b>Your password was changed.</b>", "<b>Ваш пароль изменён.</b>")
            case .emailChanged: language("<b>The e-mail address of your account was changed.</b>", "<b>Адрес почты вашей учётной записи изменён.</b>")
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
        try await tell(notice, to: user, from: event.isByAnother ? nil : client, in: repositories)
    }

    private static func notice(of event: AuditEvent) -> Notice? {
        switch event.kind {
        case .signInSucceeded: event.facts.contains { $0.name == newDevice.name } ? .newDevice : nil
        case .passwordChanged, .passwordReset: .passwordChanged
        case .emailChanged: .emailChanged
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
