import Ground
import Store

/// "It was not me", in the talk with a bot.
///
/// It needs no session: it only takes away, and whoever may come from few addresses must be able to press it too.
struct DisownButton: BotButton {
    static let prefix = "notme"
    var prefix: String { Self.prefix }
    let store: DataStore
    let sessions: SessionService
    let disowning: Disowning
    let clock: Clock

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let user = UUID(String(data)) else { throw AuthError.notFound }
        let outcome = try await store.transaction { repositories in
            // The person may have another account by now, or none.
            guard let found = try await repositories.users.find(user),
                try await repositories.telegramIdentities.find(talk.person.id)?.userID == user
            else { throw AuthError.notFound }
            return try await disowning.disown(found, since: clock.now, keepsTelegram: true, from: talk.client, in: repositories)
        }
        try await sessions.announce(ended: outcome.ended)
        try await sessions.subjects.changed(user: user)
        return Pressed(replacement: Reply(Self.text(outcome, in: talk.language)))
    }

    private static func text(_ outcome: Disowning.Outcome, in language: Language) -> BotText {
        let count = outcome.ended.count
        return outcome.hasForgottenPassword
            ? language(
                "Every session has ended (\(count)), and your password works no more. Have a link sent to your mailbox to choose another, and tell your administrator.",
                "Все сеансы завершены (\(count)), прежний пароль больше не действует. Запросите ссылку на почту, чтобы выбрать новый, и сообщите администратору.")
            : language(
                "Every session has ended (\(count)). Choose a new password when you sign in, and tell your administrator.",
                "Все сеансы завершены (\(count)). При следующем входе выберите новый пароль и сообщите администратору.")
    }
}
