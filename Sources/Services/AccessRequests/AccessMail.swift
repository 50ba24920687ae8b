import Ground
import Store

/// What bots say about access: to those who decide, and to those who asked. All of it goes by the outbox, in the
/// transaction of what it tells of.
struct AccessMail: Sendable {
    /// Administrators who are told of one thing.
    static let mostReaders = 50
    /// What covers ``AccessRequestService/managing``.
    static let managingAll = "access_requests:*"
    /// What stands on buttons before what they are about.
    static let requests = "access"

    let mail: BotMail
    let voice: BotVoice
    let clock: Clock
    let random: RandomSource

    // MARK: Requests

    /// Gives those who may decide a card with buttons.
    func announce(_ request: AccessRequest, through bot: Bot, for company: Company?, in repositories: Repositories) async throws {
        for reader in try await readers(in: company?.id, of: bot, repositories) {
            let card = TelegramCard(
                id: UUID(at: clock.now, random: random), about: request.id, bot: request.bot, chat: reader.telegramID,
                language: reader.language)
            try await repositories.telegramCards.insert(card)
            let language = Language(telegram: reader.language)
            let reply = Reply(
                Self.text(of: request, for: company?.name, in: language), buttons: [Self.buttons(for: request.id, in: language)])
            try await mail.post(voice.message(reply, to: card.chat, from: card.bot).on(card.id), in: repositories)
        }
    }

    /// Writes on the cards of all who decided, and tells whoever asked.
    func close(_ request: AccessRequest, by decider: String, until end: Timestamp?, in repositories: Repositories) async throws {
        let company = try await name(ofCompany: request.company, in: repositories)
        for card in try await repositories.telegramCards.all(about: request.id) {
            let language = Language(telegram: card.language)
            let reply = Reply(
                .lines([
                    Self.text(of: request, for: company, in: language),
                    Self.outcome(of: request, by: decider, until: end, in: language),
                ]))
            // The carrier knows the number of the message by then.
            try await mail.post(voice.edit(0, to: reply, in: card.chat, from: card.bot).on(card.id), in: repositories)
        }
        let reply = Reply(Self.answer(to: request, until: end, in: Language(telegram: request.language)))
        try await mail.post(voice.message(reply, to: request.telegramID, from: request.bot), in: repositories)
    }

    static func buttons(for request: UUID, in language: Language, number: Int? = nil) -> [Reply.Button] {
        let id = Base64URL.encode(request.bytes)
        let suffix = number.map { " \($0)" } ?? ""
        return [
            Reply.Button("✅ " + language("Approve", "Одобрить") + suffix, "\(requests):a\(id)"),
            Reply.Button("❌ " + language("Reject", "Отклонить") + suffix, "\(requests):r\(id)"),
        ]
    }

    static func text(of request: AccessRequest, for company: String?, in language: Language) -> BotText {
        var lines: [BotText] = [
            language("<b>Somebody asks for access</b>", "<b>Запрос доступа</b>"), who(request),
        ]
        if let company { lines.append("\(language("Company", "Компания")): \(company)") }
        lines.append("<code>\(request.id.description)</code>")
        return .lines(lines)
    }

    /// Names can be chosen freely, so the number stands with them.
    static func who(_ request: AccessRequest) -> BotText {
        let username = request.username.map { " @\($0)" } ?? ""
        return "\(request.person.name)\(username) (Telegram \(request.telegramID))"
    }

    private static func outcome(
        of request: AccessRequest, by decider: String, until end: Timestamp?, in language: Language
    ) -> BotText {
        guard request.status(at: request.decidedAt ?? request.createdAt) == .approved else {
            let why: BotText = request.reason.map { ": \($0)" } ?? ""
            return language("❌ Rejected by \(decider)", "❌ Запрос отклонён: \(decider)") + why
        }
        let till: BotText = end.map { language(" until \(day($0))", " до \(day($0))") } ?? ""
        return language("✅ Approved by \(decider)", "✅ Запрос одобрен: \(decider)") + till
    }

    private static func answer(to request: AccessRequest, until end: Timestamp?, in language: Language) -> BotText {
        guard request.status(at: request.decidedAt ?? request.createdAt) == .approved else {
            guard let reason = request.reason else {
                return language("Your request for access was rejected.", "Ваш запрос доступа отклонён.")
            }
            return language(
                "Your request for access was rejected: \(reason)", "Ваш запрос доступа отклонён: \(reason)")
        }
        guard let end else {
            return language("You have access now. You can sign in.", "Доступ открыт. Теперь можно войти.")
        }
        return language(
            "You have access until \(day(end)). You can sign in.", "Доступ открыт до \(day(end)). Теперь можно войти.")
    }

    // MARK: Ends

    /// Tells those who may renew it that somebody's access ends.
    func tell(ofEnd end: Timestamp, of user: User, through bots: [Bot], in repositories: Repositories) async throws {
        let companies = try await repositories.companies.memberships(of: user.id)
        for reader in try await readers(of: companies, through: bots, repositories) {
            let language = Language(telegram: reader.language)
            let text: BotText = language(
                "The access of \(user.name) ends on \(Self.day(end)). <code>\(user.id.description)</code>",
                "Доступ \(user.name) заканчивается \(Self.day(end)). <code>\(user.id.description)</code>")
            try await mail.post(voice.message(Reply(text), to: reader.telegramID, from: reader.bot), in: repositories)
        }
    }

    // MARK: Beside

    /// Those who may decide about somebody who belongs to these companies, once each.
    func readers(of companies: [UUID], through bots: [Bot], _ repositories: Repositories) async throws -> [TelegramReader] {
        var found: [TelegramReader] = []
        var told: Set<Int64> = []
        for company in companies.map(Optional.some) + [nil] {
            // Of a company's people its own bot speaks, and everybody's.
            for bot in bots where bot.company == nil || bot.company == company {
                found += try await readers(in: company, of: bot, repositories).filter { told.insert($0.telegramID).inserted }
            }
        }
        return found
    }

    /// Those who may decide, and do so in the talk with that bot: in that of a company's bot only what one has there counts.
    private func readers(in company: UUID?, of bot: Bot, _ repositories: Repositories) async throws -> [TelegramReader] {
        try await repositories.telegramCards.holders(
            of: AccessRequestService.managing.description, Self.managingAll, in: company, bot: bot.id,
            onlyThere: bot.company != nil, limit: Self.mostReaders, at: clock.now)
    }

    private func name(ofCompany id: UUID?, in repositories: Repositories) async throws -> String? {
        guard let id else { return nil }
        return try await repositories.companies.find(id)?.name
    }

    /// Such as `2027-01-15 08:00 UTC`.
    private static func day(_ moment: Timestamp) -> String {
        let text = moment.rfc3339
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
    }
}
