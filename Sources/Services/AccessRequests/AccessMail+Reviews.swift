import Ground
import Store

/// What those who may decide are told of reviews.
extension AccessMail {
    /// Asks them about one person, with buttons.
    func ask(about user: User, through bots: [Bot], in repositories: Repositories) async throws {
        // Those of the last time have been answered, or are too old to be.
        try await repositories.telegramCards.delete(about: user.id)
        let companies = try await repositories.companies.memberships(of: user.id)
        // Nobody decides about themselves.
        for reader in try await readers(of: companies, through: bots, repositories) where reader.user != user.id {
            let card = TelegramCard(
                id: UUID(at: clock.now, random: random), about: user.id, bot: reader.bot, chat: reader.telegramID,
                language: reader.language)
            try await repositories.telegramCards.insert(card)
            let language = Language(telegram: reader.language)
            let reply = Reply(
                Self.question(about: user, in: language),
                buttons: [AccessReviewButton.buttons(for: user.id, in: language, keep: ("Confirm", "Подтвердить"))])
            try await mail.post(voice.message(reply, to: card.chat, from: card.bot).on(card.id), in: repositories)
        }
    }

    /// Tells them that it is many.
    func tell(ofReviewsIn companies: [UUID?], through bots: [Bot], in repositories: Repositories) async throws {
        var told: Set<Int64> = []
        for company in companies {
            for reader in try await readers(of: [company].compactMap { $0 }, through: bots, repositories)
            where told.insert(reader.telegramID).inserted {
                let text: BotText = Language(telegram: reader.language)(
                    "The access of many people is to be looked at. /reviews tells whose.",
                    "Нужно проверить доступ многих людей. Чей именно, покажет /reviews.")
                try await mail.post(voice.message(Reply(text), to: reader.telegramID, from: reader.bot), in: repositories)
            }
        }
    }

    /// Writes on the cards of all who were asked.
    func close(reviewOf user: User, confirmed: Bool, by decider: String, in repositories: Repositories) async throws {
        for card in try await repositories.telegramCards.all(about: user.id) {
            let language = Language(telegram: card.language)
            let outcome: BotText =
                confirmed
                ? language("✅ Confirmed by \(decider)", "✅ Доступ подтверждён: \(decider)")
                : language("🚫 Withdrawn by \(decider)", "🚫 Доступ отозван: \(decider)")
            let reply = Reply(.lines([Self.question(about: user, in: language), outcome]))
            // The carrier knows the number of the message by then.
            try await mail.post(voice.edit(0, to: reply, in: card.chat, from: card.bot).on(card.id), in: repositories)
        }
    }

    private static func question(about user: User, in language: Language) -> BotText {
        let address: BotText = user.email.map { " (\($0))" } ?? ""
        return .lines([
            language("<b>Who still needs access?</b>", "<b>Нужен ли ещё доступ?</b>"), "\(user.name)" + address,
            "<code>\(user.id.description)</code>",
        ])
    }
}
