import Credentials
import Ground
import Store

/// Makes calls of the Bot API from what bots say, and knows the buttons again that it made.
///
/// Anybody can send any `callback_data`. What stands on a button is signed for bot and person, so that a button that was
/// shown to somebody else, or to nobody, is none.
public struct BotVoice: Sendable {
    private static let macLength = 12

    private let key: HMACKey

    init(secret: [UInt8]) { key = HMACKey(Digest.hmacSHA256(key: secret, Array("buttons".utf8))) }

    /// Something to say in the chat of a person and a bot; for ``BotMail``.
    public func message(_ reply: Reply, to chat: Int64, from bot: Int64) -> TelegramMessage {
        var members = members(of: reply, to: chat, from: bot)
        if reply.asksForPhone {
            members.append(.init("reply_markup", Self.phoneKeyboard))
        }
        return TelegramMessage(bot: bot, method: "sendMessage", parameters: .object(members), isSecret: reply.isSecret)
    }

    /// Puts something in the place of what a message said.
    public func edit(_ message: Int64, to reply: Reply, in chat: Int64, from bot: Int64) -> TelegramMessage {
        let members = [JSON.Member("message_id", .integer(message))] + members(of: reply, to: chat, from: bot)
        return TelegramMessage(bot: bot, method: "editMessageText", parameters: .object(members))
    }

    /// Takes a message out of the chat, whoever wrote it.
    func deletion(of message: Int64, in chat: Int64, from bot: Int64) -> TelegramMessage {
        TelegramMessage(
            bot: bot, method: "deleteMessage", parameters: ["chat_id": .integer(chat), "message_id": .integer(message)])
    }

    private func members(of reply: Reply, to chat: Int64, from bot: Int64) -> [JSON.Member] {
        var members: [JSON.Member] = [
            .init("chat_id", .integer(chat)), .init("text", .string(reply.text.html)), .init("parse_mode", "HTML"),
            .init("link_preview_options", ["is_disabled": true]),
        ]
        if !reply.buttons.isEmpty {
            let rows = reply.buttons.map { row in
                JSON.array(
                    row.map {
                        ["text": .string($0.label), "callback_data": .string(sign($0.data, for: chat, of: bot))]
                    })
            }
            members.append(.init("reply_markup", ["inline_keyboard": .array(rows)]))
        }
        return members
    }

    private static let phoneKeyboard: JSON = [
        "keyboard": [[["text": "📱", "request_contact": true]]], "resize_keyboard": true, "one_time_keyboard": true,
    ]

    /// What stands on the button.
    public func sign(_ data: String, for person: Int64, of bot: Int64) -> String {
        "\(data)|\(Base64URL.encode(mac(of: data, for: person, of: bot)))"
    }

    /// - Returns: what the button was made with; nil where it was not made for that person.
    func read(_ signed: String, from person: Int64, of bot: Int64) -> Substring? {
        guard let bar = signed.lastIndex(of: "|"), let mac = Base64URL.decode(String(signed[signed.index(after: bar)...])),
            Digest.equal(mac, self.mac(of: String(signed[..<bar]), for: person, of: bot))
        else { return nil }
        return signed[..<bar]
    }

    private func mac(of data: String, for person: Int64, of bot: Int64) -> [UInt8] {
        Array(key.sign(Array("\(bot):\(person):\(data)".utf8)).prefix(Self.macLength))
    }
}
