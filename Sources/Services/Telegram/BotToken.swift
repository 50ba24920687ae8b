/// What a bot proves itself with to Telegram: `<bot id>:<secret>`. Whoever has it is the bot, so no description,
/// reflection or error shows the secret.
public struct BotToken: Sendable {
    /// The Telegram id of the bot.
    public let botID: Int64
    /// The whole token, for Telegram and for the codes that Telegram makes with it.
    public let text: String

    /// - Returns: nil for what has not the form of a token. Telegram does not promise a length of the secret.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let (digits, secret) = (text[..<colon].utf8, text[text.index(after: colon)...].utf8)
        guard (1...16).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }), digits.first != 48,
            let id = Int64(text[..<colon]), (20...128).contains(secret.count), secret.allSatisfy(Self.isOfSecret)
        else { return nil }
        botID = id
        self.text = text
    }

    private static func isOfSecret(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 95: true
        default: false
        }
    }
}

extension BotToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(botID):(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["botID": botID]) }
}
