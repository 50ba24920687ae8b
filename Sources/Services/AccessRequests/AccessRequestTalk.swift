import Ground
import Store

/// Requests for access, as bots speak of them.
struct AccessRequestTalk: Sendable {
    /// Requests, or people, of one message.
    static let most = 5

    let requests: AccessRequestService
    let access: AccessService
    let sessions: BotSessions

    /// A request by what a button or a person says.
    static func id(_ text: some StringProtocol) -> UUID? {
        UUID(text) ?? Base64URL.decode(String(text)).flatMap { UUID(bytes: $0) }
    }

    /// Decides, or says why not; whoever may not is noted.
    /// - Returns: what the person is told.
    func decide(
        _ id: UUID, in talk: BotTalk, _ body: (AccessToken) async throws -> Void, done: String
    ) async throws -> String {
        let language = talk.language
        guard let token = try await sessions.token(for: talk) else {
            try await requests.recordRefusal(of: id, to: talk.person.id, nil, from: talk.client)
            return language("You may not decide this.", "Вы не можете это решать.")
        }
        do { try await body(token) } catch {
            switch AuthError.from(error) {
            case .requestClosed:
                return language("This was decided already, or is too old.", "Это уже решено или устарело.")
            case .forbidden(let permission):
                try await requests.recordRefusal(of: id, to: talk.person.id, token, from: talk.client)
                return language(
                    "You may not do this: the permission \(permission) is missing.", "Нельзя: нет права \(permission).")
            case .notFound:
                try await requests.recordRefusal(of: id, to: talk.person.id, token, from: talk.client)
                return language("There is nothing like that.", "Такого здесь нет.")
            case .accountBlocked:
                return language("That person's account is blocked.", "Учётная запись этого человека заблокирована.")
            default: throw error
            }
        }
        return done
    }
}

/// Whoever starts a bot that makes no accounts asks for access by that.
struct AccessRequestStart: BotStart {
    let prefix = ""
    let talks: AccessRequestTalk

    func started(_ payload: Substring, in talk: BotTalk) async throws -> Reply? {
        guard !talk.bot.autoCreates else { return nil }
        do { try await talks.requests.ask(talk.person, through: talk.bot, from: talk.client) } catch .accessHeld { return nil }
        return Reply(
            talk.language(
                "Your request for access was passed on. You will be told here when it is decided.",
                "Ваш запрос доступа передан. Когда его рассмотрят, вы узнаете об этом здесь."))
    }
}

/// `/requests`
struct AccessRequestsCommand: BotMenuItem {
    let name = "requests"
    let audience = BotAudience.holders(of: AccessRequestService.reading)
    let talks: AccessRequestTalk

    func summary(in language: Language) -> String? { language("requests for access", "запросы доступа") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        guard let token = try await talks.sessions.token(for: talk) else { return nil }
        let page = try await talks.requests.list(.pending, after: nil, limit: AccessRequestTalk.most, by: token)
        guard !page.items.isEmpty else {
            return Reply(talk.language("Nobody asks for access.", "Запросов доступа нет."))
        }
        var lines: [BotText] = []
        var buttons: [[Reply.Button]] = []
        for (index, request) in page.items.enumerated() {
            lines.append("\(index + 1). \(AccessMail.who(request))\n<code>\(request.id.description)</code>")
            buttons.append(AccessMail.buttons(for: request.id, in: talk.language, number: index + 1))
        }
        if page.next != nil { lines.append(talk.language("There are more.", "Есть и другие.")) }
        return Reply(.lines(lines), buttons: buttons)
    }
}

/// `/approve <request> [30d] [Role, Role]`
struct ApproveCommand: BotCommand {
    let name = "approve"
    let isGrave = true
    let audience = BotAudience.holders(of: AccessRequestService.managing)
    let talks: AccessRequestTalk

    func summary(in language: Language) -> String? {
        language("let somebody in: /approve ID 30d Viewer", "впустить: /approve ID 30d Viewer")
    }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        var words = arguments.split { $0.isWhitespace }
        guard let id = words.first.flatMap({ AccessRequestTalk.id($0) }) else {
            return Reply(
                talk.language(
                    "Write /approve ID, then if you like for how many days (30d), and roles separated by commas. /requests tells IDs.",
                    "Напишите /approve ID, затем, если нужно, срок в днях (30d) и роли через запятую. ID покажет /requests."))
        }
        words.removeFirst()
        var approval = AccessApproval(roles: talks.requests.settings.roles)
        if let days = words.first.flatMap(Self.days) {
            approval.end = talks.requests.clock.now + .seconds(86400 * days)
            words.removeFirst()
        }
        let roles = words.joined(separator: " ").split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
        if !roles.isEmpty { approval.roles = roles }
        let (given, requests) = (approval, talks.requests)
        let done = talk.language("Approved.", "Одобрено.")
        return Reply(
            BotText(
                plain: try await talks.decide(
                    id, in: talk, { _ = try await requests.approve(id, given, by: $0, from: talk.client) }, done: done)))
    }

    private static func days(_ word: Substring) -> Int64? {
        guard word.last == "d", let days = Int64(word.dropLast()), (1...3650).contains(days) else { return nil }
        return days
    }
}

/// `/reject <request> [reason]`
struct RejectCommand: BotCommand {
    private static let longestReason = 500

    let name = "reject"
    let isGrave = true
    let audience = BotAudience.holders(of: AccessRequestService.managing)
    let talks: AccessRequestTalk

    func summary(in language: Language) -> String? {
        language("turn somebody down: /reject ID reason", "отказать: /reject ID причина")
    }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let words = arguments.split(maxSplits: 1) { $0.isWhitespace }
        guard let id = words.first.flatMap({ AccessRequestTalk.id($0) }) else {
            return Reply(
                talk.language(
                    "Write /reject ID and, if you like, why. /requests tells IDs.",
                    "Напишите /reject ID и, если нужно, причину. ID покажет /requests."))
        }
        let reason = words.count > 1 ? CleanText.clean(words[1].trimmed, limit: Self.longestReason) : nil
        let requests = talks.requests
        let done = talk.language("Rejected.", "Отклонено.")
        return Reply(
            BotText(
                plain: try await talks.decide(
                    id, in: talk, { _ = try await requests.reject(id, because: reason, by: $0, from: talk.client) },
                    done: done)))
    }
}

/// The buttons of requests: `a` or `r`, and the request.
struct AccessRequestButton: BotButton {
    let prefix = AccessMail.requests
    let isGrave = true
    let talks: AccessRequestTalk

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        guard let id = AccessRequestTalk.id(data.dropFirst()) else { return Pressed() }
        let requests = talks.requests
        let approval = AccessApproval(roles: requests.settings.roles)
        // What the message says from now on comes by the outbox, to all who have one.
        switch data.first {
        case "a":
            return Pressed(
                toast: try await talks.decide(
                    id, in: talk, { _ = try await requests.approve(id, approval, by: $0, from: talk.client) },
                    done: talk.language("Approved.", "Одобрено.")))
        case "r":
            return Pressed(
                toast: try await talks.decide(
                    id, in: talk, { _ = try await requests.reject(id, because: nil, by: $0, from: talk.client) },
                    done: talk.language("Rejected.", "Отклонено.")))
        default: return Pressed()
        }
    }
}
