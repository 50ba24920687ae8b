import Ground
import Store

/// Tells people by mail what happens to their accounts, in the transaction in which it happens. Whoever has shown that the
/// address is theirs gets a link that says "it was not me".
struct MailNotices: Sendable {
    /// A stranger who locks an account again and again must not fill its owner's mailbox.
    private static let pause = Duration.seconds(86400)

    let mail: MailBox
    let links: MailLinks
    let clock: Clock

    /// Tells whom the event concerns, where it is one of those.
    func tell(of event: AuditEvent, from client: Client?, in repositories: Repositories) async throws {
        guard mail.isOpen, let id = event.user, let kind = Self.kind(of: event),
            let user = try await repositories.users.find(id), let email = user.email
        else { return }
        let now = clock.now
        let asker = MailAsker.event(event.kind.rawValue)
        if kind == .accountLocked {
            let count = try await repositories.mailLinks.count(
                LinkPurpose.disown.rawValue, ofUser: id, askedBy: asker, since: now - Self.pause)
            guard count == 0, user.emailVerifiedAt != nil else { return }
        }
        var facts: [MailMessage.Fact: String] = [:]
        facts[.passkey] = event.passkeyName
        var end: Timestamp?
        // An address that nobody ever proved to be theirs gets no power over the account.
        if user.emailVerifiedAt != nil {
            let link = try await links.make(.disown, for: user, to: email, askedBy: asker, in: repositories)
            facts[.disown] = link.url
            end = link.expiresAt
        }
        let message = MailMessage(kind, facts, in: mail.language(of: user), until: end)
            .done(by: event.isByAnother ? nil : client, at: now)
        try await mail.post(message, to: user, in: repositories)
    }

    /// Changes of the address are told to the former one, where they are made.
    private static func kind(of event: AuditEvent) -> MailMessage.Kind? {
        switch event.kind {
        case .signInSucceeded: event.facts.contains { $0.name == BotNotices.newDevice.name } ? .newDevice : nil
        case .passwordChanged, .passwordReset: .passwordChanged
        case .accountLocked: .accountLocked
        case .telegramLinked: .telegramLinked
        case .telegramUnlinked: .telegramUnlinked
        case .secondFactorEnabled: .secondFactorOn
        case .secondFactorDisabled, .secondFactorReset: .secondFactorOff
        case .recoveryCodesMade: .recoveryCodesMade
        case .recoveryCodeUsed: .recoveryCodeUsed
        case .passkeyRegistered: .passkeyAdded
        case .passkeyDeleted: .passkeyRemoved
        default: nil
        }
    }
}

extension AuditEvent {
    /// Whether somebody else did it to the person, whose device and address are not for them to know.
    var isByAnother: Bool { actor != nil && actor != user }

    /// What the passkey is called that the event is about.
    fileprivate var passkeyName: String? {
        guard kind == .passkeyRegistered || kind == .passkeyDeleted else { return nil }
        return facts.first { $0.name == "name" }?.value.string
    }
}
