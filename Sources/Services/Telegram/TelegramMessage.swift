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
    /// The ``TelegramCard`` that it becomes, or that it changes.
    let card: UUID?

    public init(bot: Int64, method: String, parameters: JSON) {
        self.init(bot: bot, method: method, parameters: parameters, card: nil)
    }

    init(bot: Int64, method: String, parameters: JSON, card: UUID?) {
        self.bot = bot
        self.method = method
        self.parameters = parameters
        self.card = card
    }

    /// - Returns: nil for what is no such payload.
    init?(payload: String) {
        guard let json = try? JSON.parse(Array(payload.utf8)), let bot = json["bot"]?.integer,
            let method = json["method"]?.string, let parameters = json["parameters"], parameters.members != nil
        else { return nil }
        self.init(bot: bot, method: method, parameters: parameters, card: json["card"]?.string.flatMap { UUID($0) })
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
        return TelegramMessage(bot: bot, method: method, parameters: .object(members), card: card)
    }

    /// The same, which becomes a card, or changes what has become one.
    func on(_ card: UUID) -> TelegramMessage {
        TelegramMessage(bot: bot, method: method, parameters: parameters, card: card)
    }

    /// Whether it changes a message that Telegram's number is not known of before it is sent.
    var changesCard: Bool { card != nil && parameters["message_id"] != nil }

    /// The same for the message of that number.
    func changing(_ message: Int64) -> TelegramMessage {
        let members = (parameters.members ?? []).map { $0.name == "message_id" ? JSON.Member($0.name, .integer(message)) : $0 }
        return TelegramMessage(bot: bot, method: method, parameters: .object(members), card: card)
    }

    /// - Parameter id: names row and message.
    func inOutbox(_ id: UUID, at now: Timestamp) -> OutboxMessage {
        var payload: [JSON.Member] = [
            .init("bot", .integer(bot)), .init("method", .string(method)), .init("parameters", parameters),
        ]
        if let card { payload.append(.init("card", JSON(card))) }
        return OutboxMessage(
            id: id, kind: Self.kind, lane: Self.lane(bot), messageID: id, topic: chat, payload: JSON.object(payload).text, at: now)
    }
}
