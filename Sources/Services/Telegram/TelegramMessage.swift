import Ground
import Store

/// A call of the Bot API that waits in the outbox: what a bot tells somebody.
///
/// Each bot has a lane. The topic is the chat: what goes to one chat goes in the order in which it was put in.
public struct TelegramMessage: Sendable {
    static let kind = "telegram"

    public let bot: Int64
    public let method: String
    public let parameters: JSON
    /// Whether its text is taken out of the outbox once it is sent or given up.
    public let isSecret: Bool
    /// The ``TelegramCard`` that it becomes, or that it changes.
    private(set) var card: UUID?

    public init(bot: Int64, method: String, parameters: JSON, isSecret: Bool = false) {
        self.isSecret = isSecret
        self.bot = bot
        self.method = method
        self.parameters = parameters
    }

    /// - Returns: nil for what is no such payload.
    init?(payload: String) {
        guard let json = try? JSON.parse(Array(payload.utf8)), let bot = json["bot"]?.integer,
            let method = json["method"]?.string, let parameters = json["parameters"], parameters.members != nil
        else { return nil }
        self.init(bot: bot, method: method, parameters: parameters, isSecret: json["secret"]?.bool == true)
        card = json["card"]?.string.flatMap { UUID($0) }
    }

    /// The lane of a bot in the outbox.
    public static func lane(_ bot: Int64) -> String { "\(kind):\(bot)" }

    /// The chat it goes to; empty where it goes to none.
    var chat: String {
        switch parameters["chat_id"] {
        case .integer(let id): "\(id)"
        case .string(let name): name
        default: ""
        }
    }

    /// The same for another chat.
    func moved(to chat: Int64) -> TelegramMessage {
        let members = (parameters.members ?? []).map { $0.name == "chat_id" ? JSON.Member($0.name, .integer(chat)) : $0 }
        return with(.object(members))
    }

    /// The same, which becomes a card, or changes what has become one.
    func on(_ card: UUID) -> TelegramMessage {
        var message = self
        message.card = card
        return message
    }

    /// Whether it changes a message whose number is not known before it is sent.
    var changesCard: Bool { card != nil && parameters["message_id"] != nil }

    /// The same for the message of that number.
    func changing(_ message: Int64) -> TelegramMessage {
        let members = (parameters.members ?? []).map { $0.name == "message_id" ? JSON.Member($0.name, .integer(message)) : $0 }
        return with(.object(members))
    }

    private func with(_ parameters: JSON) -> TelegramMessage {
        var message = TelegramMessage(bot: bot, method: method, parameters: parameters, isSecret: isSecret)
        message.card = card
        return message
    }

    /// - Parameter id: names row and message.
    func inOutbox(_ id: UUID, at now: Timestamp) -> OutboxMessage {
        var payload: [JSON.Member] = [
            .init("bot", .integer(bot)), .init("method", .string(method)), .init("parameters", parameters),
        ]
        if isSecret { payload.append(.init("secret", true)) }
        if let card { payload.append(.init("card", JSON(card))) }
        return OutboxMessage(
            id: id, kind: Self.kind, lane: Self.lane(bot), messageID: id, topic: chat, payload: JSON.object(payload).text, at: now)
    }
}
