import Ground

/// Brings commands, buttons and links to whoever knows them.
public struct BotRouter: Sendable {
    /// In the order of `/help`.
    public let commands: [any BotCommand]
    private let buttons: [any BotButton]
    private let starts: [any BotStart]

    /// - Parameter start: the longest prefix that fits is asked first.
    public init(commands: [any BotCommand], buttons: [any BotButton], start: [any BotStart]) {
        self.commands = commands
        self.buttons = buttons
        starts = start.sorted { $0.prefix.utf8.count > $1.prefix.utf8.count }
    }

    /// - Parameter name: without the slash.
    func command(_ name: some StringProtocol) -> (any BotCommand)? { commands.first { $0.name == name } }

    /// The button that was pressed, and what it is about.
    /// - Parameter data: as ``BotVoice`` has read it.
    /// - Returns: nil where nobody knows the button any more.
    func button(of data: Substring) -> (button: any BotButton, about: Substring)? {
        guard let colon = data.firstIndex(of: ":") else { return nil }
        guard let button = buttons.first(where: { $0.prefix == data[..<colon] }) else { return nil }
        return (button, data[data.index(after: colon)...])
    }

    /// What the payload of a link leads to; nil where it leads nowhere.
    func started(_ payload: String, in talk: BotTalk) async throws -> Reply? {
        for start in starts where payload.hasPrefix(start.prefix) && start.prefix.isEmpty == payload.isEmpty {
            if let reply = try await start.started(payload.dropFirst(start.prefix.count), in: talk) { return reply }
        }
        return nil
    }
}
