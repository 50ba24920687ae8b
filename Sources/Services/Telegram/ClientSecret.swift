/// What a bot proves itself with as a client of OpenID Connect. No description or reflection shows it.
public struct ClientSecret: Sendable {
    public let text: String

    /// - Returns: nil for what no secret of BotFather's looks like: it is 8 to 256 visible characters of ASCII.
    public init?(_ text: String) {
        guard (8...256).contains(text.utf8.count), text.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
        self.text = text
    }
}

extension ClientSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
