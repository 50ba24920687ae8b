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
        return TelegramMessage(bot: bot, method: method, parameters: .object(members), isSecret: isSecret)
    }

    /// - Parameter id: names row and message.
    func inOutbox(_ id: UUID, at now: Timestamp) -> OutboxMessage {
        let payload: JSON =
            isSecret
            ? ["bot": .integer(bot), "method": .string(method), "parameters": parameters, "secret": true]
            : ["bot": .integer(bot), "method": .string(method), "parameters": parameters]
        return OutboxMessage(
            id: id, kind: Self.kind, lane: Self.lane(bot), messageID: id, topic: chat, payload: payload.text, at: now)
    }
}
