import Ground
import Store

/// `/reviews`: whose access is to be confirmed or withdrawn.
struct AccessReviewsCommand: BotCommand {
    let name = "reviews"
    let audience = BotAudience.holders(of: AccessRequestService.managing)
    let talks: AccessRequestTalk

    func summary(in language: Language) -> String? {
        guard talks.access.settings.reviewEvery != nil else { return nil }
        return language("who still needs access", "кому ещё нужен доступ")
    }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        guard let token = try await talks.sessions.token(for: talk) else { return nil }
        let language = talk.language
        let page = try await talks.access.due(after: nil, limit: AccessRequestTalk.most, by: token)
        guard !page.items.isEmpty else {
            return Reply(language("Nobody's access is to be reviewed.", "Проверять доступ сейчас никому не нужно."))
        }
        var lines: [BotText] = [language("<b>Who still needs access?</b>", "<b>Кому ещё нужен доступ?</b>")]
        var buttons: [[Reply.Button]] = []
        for (index, review) in page.items.enumerated() {
            let address = review.user.email.map { " (\($0))" } ?? ""
            lines.append("\(index + 1). \(review.user.name)\(address)")
            buttons.append(
                AccessReviewButton.buttons(for: review.user.id, in: language, keep: ("Keep", "Оставить"), number: index + 1))
        }
        if page.next != nil { lines.append(language("There are more.", "Есть и другие.")) }
        return Reply(.lines(lines), buttons: buttons)
    }
}

/// The buttons of reviews: `c` or `w`, and the person.
struct AccessReviewButton: BotButton {
    static let name = "review"
    let isGrave = true
    let prefix = AccessReviewButton.name
    let talks: AccessRequestTalk

    /// - Parameter keep: what the first is called, in English and Russian.
    static func buttons(for user: UUID, in language: Language, keep: (String, String), number: Int? = nil) -> [Reply.Button] {
        let id = Base64URL.encode(user.bytes)
        let suffix = number.map { " \($0)" } ?? ""
        return [
            Reply.Button("✅ " + language(keep.0, keep.1) + suffix, "\(name):c\(id)"),
            Reply.Button("🚫 " + language("Withdraw", "Отозвать") + suffix, "\(name):w\(id)"),
        ]
    }

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let id = AccessRequestTalk.id(data.dropFirst()) else { return Pressed() }
        let access = talks.access
        switch data.first {
        case "c":
            return Pressed(
                toast: try await talks.decide(
                    id, in: talk, { try await access.confirm(id, by: $0, from: talk.client) },
                    done: talk.language("Confirmed.", "Подтверждено.")))
        case "w":
            return Pressed(
                toast: try await talks.decide(
                    id, in: talk, { try await access.withdraw(id, by: $0, from: talk.client) },
                    done: talk.language("Withdrawn: the person is blocked.", "Доступ отозван, человек заблокирован.")))
        default: return Pressed()
        }
    }
}
