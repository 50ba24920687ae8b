import Ground

/// One update of a talk between a person and a bot: who writes or presses, and where the answer goes.
public struct BotTalk: Sendable {
    public let bot: Bot
    public let person: TelegramPerson
    /// Always a chat of the two alone.
    public let chat: Int64
    public let language: Language
    /// For services that want to know who asks. Where the person is nobody knows: see ``BotTalk/nowhere``.
    public let client: Client

    /// Telegram does not tell people's addresses. An address list admits them only where it admits every address.
    static let nowhere = IPAddress(mapped: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0])
    static let userAgent = "Telegram bot"

    init(bot: Bot, person: TelegramPerson, chat: Int64, update: Int64) {
        self.bot = bot
        self.person = person
        self.chat = chat
        language = Language(telegram: person.language)
        // No cookie can say this.
        client = Client(
            address: Self.nowhere, userAgent: Self.userAgent, requestID: "telegram-\(bot.id)-\(update)",
            deviceToken: "telegram:\(bot.id):\(person.id)")
    }
}

/// What a bot says.
public struct Reply: Sendable {
    public struct Button: Sendable {
        public let label: String
        /// `prefix:id` of a ``BotButton``, at most 47 bytes; it is signed for the person it is shown to.
        public let data: String

        public init(_ label: String, _ data: String) {
            self.label = label
            self.data = data
        }
    }

    public var text: BotText
    /// Below the message, row by row.
    public var buttons: [[Button]]
    /// Whether the person is asked for their telephone number.
    public var asksForPhone = false
    /// Whether what it says is forgotten as soon as it is said.
    public var isSecret = false

    public init(_ text: BotText, buttons: [[Button]] = []) {
        self.text = text
        self.buttons = buttons
    }
}

/// What comes of a pressed button.
public struct Pressed: Sendable {
    /// What shows for a moment where the button was pressed; plain text, at most 200 characters.
    public var toast: String?
    /// What the message with the button says from now on; nil leaves it as it is.
    public var replacement: Reply?
    /// What the bot says beside.
    public var reply: Reply?

    public init(toast: String? = nil, replacement: Reply? = nil, reply: Reply? = nil) {
        self.toast = toast
        self.replacement = replacement
        self.reply = reply
    }
}
