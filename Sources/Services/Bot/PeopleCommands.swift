import Credentials
import Ground
import Store

/// `/users`: finds people, as far as the administrator sees them.
struct UsersCommand: BotCommand {
    private static let most = 10

    let name = "users"
    let audience = BotAudience.holders(of: "users:read")
    let own: OwnAccount
    let users: UserService

    func summary(in language: Language) -> String? { language("find people: /users name", "найти людей: /users имя") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        var query = UserQuery(limit: Self.most)
        query.words = UserWordRepository.split(arguments)
        query.isDescending = query.words.isEmpty
        let page = try await users.list(query, role: nil, by: try await own.token(of: talk))
        guard !page.items.isEmpty else { return Reply(talk.language("Nobody.", "Никого.")) }
        var lines = page.items.map { Self.line($0, in: talk.language) }
        if page.next != nil { lines.append(talk.language("… and more.", "… и другие.")) }
        return Reply(.lines(lines))
    }

    static func line(_ person: Person, in language: Language) -> BotText {
        var line: BotText = "<b>\(String(person.name.prefix(64)))</b>"
        if let email = person.email { line += " \(email)" }
        if person.status != .active { line += language(" (blocked)", " (заблокирован)") }
        return line + "\n<code>\(person.id.description)</code>"
    }
}

/// `/block` and `/unblock`: shows who is meant, and does it once that is confirmed.
struct StatusCommand: BotCommand {
    let blocks: Bool
    let own: OwnAccount
    let users: UserService
    let store: DataStore
    let audience = BotAudience.holders(of: "users:update")

    var name: String { blocks ? "block" : "unblock" }

    func summary(in language: Language) -> String? {
        blocks
            ? language("block somebody: /block e-mail", "заблокировать: /block почта")
            : language("let somebody in again: /unblock e-mail", "разблокировать: /unblock почта")
    }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let token = try await own.token(of: talk)
        guard let id = try await find(arguments) else {
            return Reply(
                talk.language(
                    "Whom? /\(name) with an e-mail address, a number of /users, or @name.",
                    "Кого? /\(name) и почта, номер из /users или @имя."))
        }
        let detail = try await users.find(id, by: token)
        let line = UsersCommand.line(detail.person, in: talk.language)
        let question: BotText =
            blocks
            ? talk.language("Block this person? Every session ends.", "Заблокировать? Все сеансы завершатся.")
            : talk.language("Let this person in again?", "Разблокировать?")
        let label = blocks ? talk.language("Block", "Заблокировать") : talk.language("Unblock", "Разблокировать")
        return Reply(
            line + "\n\n" + question, buttons: [[Reply.Button(label, "\(StatusButton.prefix(blocks)):\(id)")]])
    }

    /// Whom the administrator may see is asked afterwards.
    private func find(_ text: String) async throws -> UUID? {
        if let id = UUID(text) { return id }
        if text.hasPrefix("@") {
            return try await store.reading.telegramIdentities.find(username: String(text.dropFirst()))?.userID
        }
        guard let address = try? EmailAddress(text) else { return nil }
        guard let user = try await store.reading.users.find(emailKey: address.normalized) else { throw AuthError.notFound }
        return user.id
    }
}

/// The confirmation of `/block` and `/unblock`.
struct StatusButton: BotButton {
    let blocks: Bool
    let own: OwnAccount
    let users: UserService
    let isGrave = true

    static func prefix(_ blocks: Bool) -> String { blocks ? "block" : "unblock" }
    var prefix: String { Self.prefix(blocks) }

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let id = UUID(String(data)) else { throw AuthError.notFound }
        let person = try await users.set(
            blocks ? .suspended : .active, of: id, because: nil, by: try await own.token(of: talk), from: talk.client)
        let done: BotText = blocks ? talk.language("Blocked.", "Заблокирован.") : talk.language("Let in again.", "Разблокирован.")
        return Pressed(replacement: Reply(UsersCommand.line(person, in: talk.language) + "\n\n" + done))
    }
}

/// `/audit`: what happened last.
struct AuditCommand: BotCommand {
    private static let most = 10

    let name = "audit"
    let audience = BotAudience.holders(of: "audit:read")
    let own: OwnAccount
    let log: AuditLog

    func summary(in language: Language) -> String? { language("the last events", "последние события") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let page = try await log.page(AuditFilter(), after: nil, limit: Self.most, by: try await own.token(of: talk))
        let lines = page.items.map { row -> BotText in
            var line: BotText = "\(BotMoment.text(row.at)) <code>\(row.event)</code>"
            if let ip = row.ip, ip != BotTalk.nowhere.description { line += " \(ip)" }
            return line
        }
        return Reply(lines.isEmpty ? talk.language("Nothing.", "Ничего.") : .lines(lines))
    }
}
