import Ground

/// An update of the Bot API, as far as bots want to know: what one person does in the chat of the two alone.
struct BotUpdate: Sendable {
    enum Deed: Sendable {
        /// - message: its number in the chat.
        case text(String, message: Int64)
        /// A telephone number, and whose it is in Telegram's eyes.
        case contact(phone: String, of: Int64?)
        /// - message: nil where it is not known any more, or is not one of this chat.
        case press(query: String, data: String, message: Int64?)
        /// The person has stopped the bot, or started it again.
        case membership(isBlocked: Bool)
        /// Anything else.
        case other
    }

    /// What is asked of Telegram.
    static let kinds: JSON = ["message", "callback_query", "my_chat_member"]

    let id: Int64
    /// Nil where it comes from no person, or from a chat of several.
    let person: TelegramPerson?
    let deed: Deed

    /// - Returns: nil for what is no update.
    init?(_ json: JSON) {
        guard let id = json["update_id"]?.integer, id >= 0 else { return nil }
        self.id = id
        if let message = json["message"] {
            person = Self.person(message["from"], in: message["chat"])
            deed = Self.deed(of: message)
        } else if let query = json["callback_query"] {
            let message = query["message"]
            person = Self.person(query["from"], in: message?["chat"])
            deed = .press(
                query: query["id"]?.string ?? "", data: query["data"]?.string ?? "",
                message: person == nil ? nil : message?["message_id"]?.integer)
        } else if let member = json["my_chat_member"] {
            person = Self.person(member["from"], in: member["chat"])
            deed = .membership(isBlocked: member["new_chat_member"]?["status"]?.string == "kicked")
        } else {
            person = nil
            deed = .other
        }
    }

    private static func person(_ from: JSON?, in chat: JSON?) -> TelegramPerson? {
        guard let from, from["is_bot"]?.bool != true, let person = TelegramPerson(from),
            chat?["type"]?.string == "private", chat?["id"]?.integer == person.id
        else { return nil }
        return person
    }

    private static func deed(of message: JSON) -> Deed {
        if let text = message["text"]?.string, let number = message["message_id"]?.integer {
            return .text(text, message: number)
        }
        guard let contact = message["contact"], let phone = contact["phone_number"]?.string else { return .other }
        return .contact(phone: phone, of: contact["user_id"]?.integer)
    }
}
