import Ground
import Synchronization

/// What a listener hears.
public enum Notice: Hashable, Sendable {
    case message(String)
    /// The line is cut: from some moment before now, messages are lost.
    case interrupted
    /// The line was found open just now; said about every second.
    case proven
    /// The line is open: every message from now on is heard.
    case resumed
}

/// Hears notifications on a connection of its own. On its loop's thread only.
///
/// The line counts as open while the node hears its own heartbeat, sent through another connection: so neither a
/// silent cut nor a pooler that loses notifications passes for silence.
final class PostgreSQLListener: @unchecked Sendable {  // touched by its loop's thread alone
    private static let heartbeatChannel = "gatehouse_line"
    private static let beat = Duration.seconds(1)
    private static let patience = Int64(2500)

    private let loop: EventLoop
    private let settings: PostgreSQLSettings
    private let connector: PostgreSQLConnector
    private let name: String
    private let sendHeartbeat: @Sendable (_ channel: String, _ name: String) -> Void
    private var handlers: [String: [Int: @Sendable (Notice) -> Void]] = [:]
    private var nextHandler = 0
    private var connection: PostgreSQLConnection?
    private var isOpening = false
    private var isOpen = false
    private var isClosed = false
    private var backoff: Backoff
    private var lastHeard: Int64 = 0
    private var isBeating = false

    init(
        loop: EventLoop, settings: PostgreSQLSettings, connector: PostgreSQLConnector, name: String, random: RandomSource,
        sendHeartbeat: @escaping @Sendable (String, String) -> Void
    ) {
        self.loop = loop
        self.settings = settings
        self.connector = connector
        self.name = name
        backoff = Backoff(upTo: .seconds(1), random: random)
        self.sendHeartbeat = sendHeartbeat
    }

    /// Calls `handler` at once with how the line is, and then with what is heard.
    func add(_ channel: String, _ handler: @escaping @Sendable (Notice) -> Void) -> Int {
        nextHandler += 1
        let isNew = handlers[channel] == nil
        handlers[channel, default: [:]][nextHandler] = handler
        if isNew, let connection { listen(to: [channel], on: connection) }
        handler(isOpen && !isNew ? .resumed : .interrupted)
        if connection == nil { open() }
        beatFromNowOn()
        return nextHandler
    }

    func remove(_ channel: String, _ number: Int) { handlers[channel]?[number] = nil }

    func close() {
        isClosed = true
        connection?.close()
    }

    // MARK: The line

    private func open() {
        guard connection == nil, !isOpening, !isClosed else { return }
        isOpening = true
        connector.open(settings.listenURL ?? settings.url) { [self] outcome in
            loop.execute { [self] in opened(outcome) }
        }
    }

    private func opened(_ outcome: PostgreSQLConnector.Outcome) {
        isOpening = false
        guard case .success(let open) = outcome,
            let connection = PostgreSQLConnection(open, on: loop, settings: settings)
        else { return tryAgain() }
        guard !isClosed else { return connection.close() }
        self.connection = connection
        connection.whenLost = { [weak self] _ in self?.lost() }
        connection.whenNotified = { [weak self] channel, words in self?.heard(channel, words) }
        // The heartbeat last: it is heard only where everything else is.
        listen(to: handlers.keys + [Self.heartbeatChannel], on: connection)
    }

    private func listen(to channels: [String], on connection: PostgreSQLConnection) {
        for (index, channel) in channels.enumerated() {
            let isLast = index == channels.count - 1
            connection.run(Statement("LISTEN \"\(channel)\""), [], prepares: false) { [weak self, weak connection] answer in
                guard let self, let connection else { return }
                guard case .success = answer else { return connection.close() }
                guard !self.isOpen else { return self.tell(channel, .resumed) }
                // The line is open once a heartbeat from after the last LISTEN has come back.
                if isLast { self.sendHeartbeat(Self.heartbeatChannel, self.name) }
            }
        }
    }

    private func lost() {
        connection = nil
        interrupt()
        tryAgain()
    }

    private func tryAgain() {
        guard !isClosed else { return }
        loop.schedule(after: backoff.next()) { [weak self] in self?.open() }
    }

    private func interrupt() {
        guard isOpen else { return }
        isOpen = false
        tellAll(.interrupted)
    }

    // MARK: What is heard

    private func heard(_ channel: String, _ words: String) {
        guard channel == Self.heartbeatChannel else {
            return tell(channel, .message(words))
        }
        guard words == name else { return }
        lastHeard = loop.now
        backoff.reset()
        guard !isOpen else { return tellAll(.proven) }
        isOpen = true
        tellAll(.resumed)
    }

    private func tell(_ channel: String, _ notice: Notice) {
        for handler in handlers[channel].map({ Array($0.values) }) ?? [] { handler(notice) }
    }

    private func tellAll(_ notice: Notice) {
        for channel in handlers.keys { tell(channel, notice) }
    }

    private func beatFromNowOn() {
        guard !isBeating else { return }
        isBeating = true
        loop.schedule(after: Self.beat) { [weak self] in self?.beatOnce() }
    }

    private func beatOnce() {
        guard !isClosed else { return }
        if isOpen, loop.now - lastHeard > Self.patience {
            interrupt()
            // What does not come through may never come through again here.
            connection?.close()
        }
        if connection != nil { sendHeartbeat(Self.heartbeatChannel, name) }
        loop.schedule(after: Self.beat) { [weak self] in self?.beatOnce() }
    }
}
