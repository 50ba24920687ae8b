/// A command of bots. Whatever it throws as ``AuthError`` is told to the person in their language; `.unavailable` has it
/// done again later, so what a command does may be done twice.
public protocol BotCommand: Sendable {
    /// Without the slash: small letters, digits and `_`.
    var name: String { get }
    /// Whom `/help` and menus show it to; the services ask for the permission themselves.
    var audience: BotAudience { get }
    /// Whether whoever has a second factor must have shown it of late.
    var isGrave: Bool { get }
    /// One line for `/help`; nil: it is not listed.
    func summary(in language: Language) -> String?
    /// - Parameter arguments: what stands behind the command, without space around it.
    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply?
}

/// Whom a command is for.
public enum BotAudience: Sendable {
    case anyone
    /// Who has an account.
    case members
    /// Who has this permission somewhere.
    case holders(of: Permission)
}

/// Buttons of one kind. That the button was shown to whoever presses it is checked before; what it is about, and whether
/// they may do it, is for ``pressed(_:in:message:)`` to ask.
public protocol BotButton: Sendable {
    /// What `data` begins with, up to the colon.
    var prefix: String { get }
    /// Whether whoever has a second factor must have shown it of late.
    var isGrave: Bool { get }
    /// - Parameters:
    ///   - data: what stands behind the colon.
    ///   - message: the message that the button belongs to.
    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed
}

extension BotCommand {
    public var isGrave: Bool { false }
}

extension BotButton {
    public var isGrave: Bool { false }
}

/// What a link `https://t.me/<bot>?start=<payload>` leads to.
public protocol BotStart: Sendable {
    /// What the payload begins with. Empty: what strangers come to who start the bot without one.
    var prefix: String { get }
    /// - Parameter payload: what stands behind the prefix.
    /// - Returns: nil where it leads nowhere; then the bot greets as usual.
    func started(_ payload: Substring, in talk: BotTalk) async throws -> Reply?
}
