import Ground
import Services
import Testing

/// Telegram, as the program `tests/telegram/bot_api.py` plays it; `scripts/with-stores` starts it. Each test makes a bot
/// of its own, whose people and chats are nobody else's.
struct LocalTelegram: Sendable {
    static let isThere = Stores.telegram != nil
    static let absence: Comment = "no local Bot API runs here: use scripts/with-stores"

    struct Failure: Error {
        let reason: String
    }

    let token: BotToken
    let username: String
    private let client: HTTPClient

    /// A new bot.
    init() throws {
        let url = try #require(Stores.telegram)
        client = HTTPClient(port: try #require(url.split(separator: ":").last.flatMap { UInt16($0) }))
        let made = try client.send("POST", "/control/bots", json: [:]).json
        token = try #require(made["token"]?.string.flatMap { BotToken($0) })
        username = try #require(made["username"]?.string)
    }

    /// What a server must be told to be this bot.
    var settings: [String: String] { ["TELEGRAM_API_URL": Stores.telegram ?? "", "TELEGRAM_BOT_TOKEN": token.text] }

    /// Settings alone, read as a server reads them.
    func configuration() throws -> Configuration {
        var reader = SettingReader(environment: settings)
        return try Configuration(reading: &reader)
    }

    @discardableResult
    private func tell(_ path: String, _ json: JSON) throws -> JSON {
        let reply = try client.send("POST", "/control/bots/\(token.text)/\(path)", json: json)
        guard reply.status == 200 else { throw Failure(reason: reply.text) }
        return reply.json
    }

    private func ask(_ path: String) throws -> [JSON] {
        let reply = try client.send("GET", "/control/bots/\(token.text)/\(path)")
        guard reply.status == 200, let list = reply.json.array else { throw Failure(reason: reply.text) }
        return list
    }

    /// Somebody new, by Telegram's id.
    func person(_ firstName: String = "Ada", username: String? = nil, language: String? = nil) throws -> Int64 {
        let about: JSON = [
            "first_name": .string(firstName), "username": JSON(username), "language_code": JSON(language),
        ]
        return try #require(try tell("people", about)["id"]?.integer)
    }

    /// Somebody new who has started the bot.
    func acquaintance(_ firstName: String = "Ada", language: String? = nil) throws -> Int64 {
        let id = try person(firstName, language: language)
        try says(id, "/start")
        return id
    }

    @discardableResult
    func says(_ person: Int64, _ text: String) throws -> JSON {
        try tell("messages", ["from": .integer(person), "text": .string(text)])
    }

    /// - Parameter owner: whose number it is, in Telegram's eyes; nil for one that Telegram does not know.
    func sendsContact(_ person: Int64, _ phoneNumber: String, of owner: Int64?) throws {
        let userID: JSON = owner.map { .integer($0) } ?? .null
        try tell("contacts", ["from": .integer(person), "phone_number": .string(phoneNumber), "user_id": userID])
    }

    /// - Parameters:
    ///   - chat: where the message is, if not in the chat of whoever presses.
    ///   - forged: whether the data need not stand on a button of the message.
    @discardableResult
    func presses(
        _ person: Int64, _ message: JSON, _ data: String, in chat: Int64? = nil, forged: Bool = false
    ) throws -> JSON {
        try tell(
            "presses",
            [
                "from": .integer(person), "chat": .integer(chat ?? person), "message_id": message["message_id"] ?? .null,
                "data": .string(data), "forged": .bool(forged),
            ])
    }

    func blocks(_ person: Int64, _ blocked: Bool = true) throws {
        try tell("blocks", ["from": .integer(person), "blocked": .bool(blocked)])
    }

    /// What was said in a chat, by both, the oldest first.
    func messages(_ person: Int64) throws -> [JSON] { try ask("chats/\(person)/messages") }

    /// What the bot said in a chat, the oldest first.
    func said(_ person: Int64) throws -> [JSON] {
        try messages(person).filter { $0["from"]?["id"]?.integer == token.botID }
    }

    /// What the bot said in a chat, once it is so much.
    func said(_ person: Int64, _ count: Int) async throws -> [JSON] {
        var said: [JSON] = []
        let has = try await eventually {
            said = try self.said(person)
            return said.count >= count
        }
        try #require(has, "\(said.count) of \(count) messages came")
        return said
    }

    /// Calls of a method, in their order: its parameters, and the port of the connection.
    func calls(_ method: String) throws -> [JSON] { try ask("calls").filter { $0["method"]?.string == method } }

    /// Errors for the next calls of a method.
    enum Trouble {
        case code(Int, retryAfter: Int64? = nil, description: String? = nil)
        case silence
        case drop
    }

    func fails(_ method: String, _ trouble: Trouble, count: Int64 = 1) throws {
        var members = [JSON.Member("method", .string(method)), .init("count", .integer(count))]
        switch trouble {
        case .code(let code, let retryAfter, let description):
            members += [.init("kind", "refusal"), .init("code", .integer(Int64(code)))]
            if let retryAfter { members.append(.init("retry_after", .integer(retryAfter))) }
            if let description { members.append(.init("description", .string(description))) }
        case .silence: members.append(.init("kind", "silence"))
        case .drop: members.append(.init("kind", "drop"))
        }
        try tell("faults", .object(members))
    }

    /// The next call of a method is told that its group has become another chat.
    func fails(_ method: String, migratingTo chat: Int64) throws {
        let parameters: JSON = ["migrate_to_chat_id": .integer(chat)]
        try tell(
            "faults",
            [
                "method": .string(method), "kind": "refusal", "code": 400, "parameters": parameters,
                "description": "Bad Request: group chat was upgraded to a supergroup chat",
            ])
    }

    /// BotFather gives the bot another token.
    func withdraws() throws { try tell("withdrawal", [:]) }
}
