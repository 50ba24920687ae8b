import Ground
import Synchronization

/// The one line on which a store hears of channels. All on one loop's thread.
final class RedisSubscriber: @unchecked Sendable {  // touched by its loop's thread alone
    /// A line without a byte for so long is dead, in milliseconds. The server is made to speak twice as often.
    private static let silence: Int64 = 2000
    private static let beat: Duration = .milliseconds(500)

    private final class Listener {
        let id: Int
        let isCancelled: CancelMark
        let handler: @Sendable (Heard) -> Void
        /// What the handler was told last.
        var isInterrupted = false
        /// Whoever called `subscribe`, until it is known whether the line is open.
        var started: (() -> Void)?

        init(
            id: Int, _ isCancelled: CancelMark, _ handler: @escaping @Sendable (Heard) -> Void,
            _ started: @escaping () -> Void
        ) {
            self.id = id
            self.isCancelled = isCancelled
            self.handler = handler
            self.started = started
        }

        func tell(_ heard: Heard) {
            if !isCancelled.isSet { handler(heard) }
        }

        func begin() {
            started?()
            started = nil
        }
    }

    /// Set by any thread; no call of the handler starts afterwards.
    final class CancelMark: Sendable {
        private let mark = Atomic<Bool>(false)
        var isSet: Bool { mark.load(ordering: .acquiring) }
        func set() { mark.store(true, ordering: .releasing) }
    }

    private struct Channel {
        var listeners: [Listener] = []
        /// Subscriptions that were sent on this line and not confirmed yet.
        var unconfirmed = 0
        var isOpen = false
    }

    private unowned let loop: EventLoop
    private let context: RedisContext
    private let line: RedisLine
    private var channels: [String: Channel] = [:]
    private var lastID = 0
    private var beats = 0
    private var heart: LoopTimer?
    private var isClosed = false

    init(on loop: EventLoop, _ context: RedisContext) {
        self.loop = loop
        self.context = context
        let ofMaster = if case .sentinel = context.settings.mode { true } else { false }
        line = RedisLine("channels", for: .subscribing(ofMaster: ofMaster), on: loop, context)
        line.opened = { [weak self] in self?.opened() }
        line.cut = { [weak self] _ in self?.interrupted() }
        line.heard = { [weak self] in self?.heard($0) }
    }

    /// - Parameter started: called when the channel is open, or the handler was told that it is not.
    func subscribe(
        _ name: String, _ mark: CancelMark, _ handler: @escaping @Sendable (Heard) -> Void,
        _ started: @escaping () -> Void
    ) {
        lastID += 1
        let listener = Listener(id: lastID, mark, handler, started)
        let isNew = channels[name]?.listeners.isEmpty ?? true
        channels[name, default: Channel()].listeners.append(listener)
        if channels[name]?.isOpen == true { return listener.begin() }
        _ = loop.schedule(after: context.settings.commandTimeout) { [weak self] in self?.interrupt(listener) }
        if isClosed { return interrupt(listener) }
        if !line.isOpen { return line.open() }
        if isNew { ask("SUBSCRIBE", name) }
    }

    /// Lets go of every listener with that mark.
    func cancel(_ name: String, _ mark: CancelMark) {
        guard var channel = channels[name], !channel.listeners.isEmpty else { return }
        channel.listeners.removeAll { $0.isCancelled === mark }
        channels[name] = channel
        guard channel.listeners.isEmpty else { return }
        channels[name]?.isOpen = false
        if line.isOpen { ask("UNSUBSCRIBE", name) } else { channels[name] = nil }
    }

    func close() {
        isClosed = true
        heart?.cancel()
        line.close()
        interrupted()
    }

    private func ask(_ word: String, _ name: String) {
        if word == "SUBSCRIBE" { channels[name]?.unconfirmed += 1 }
        line.link?.send(CommandWriter.command(word, name))
    }

    private func opened() {
        channels = channels.filter { !$0.value.listeners.isEmpty }
        for name in channels.keys {
            channels[name]?.unconfirmed = 0
            ask("SUBSCRIBE", name)
        }
        beats = 0
        watch()
    }

    /// Makes the server speak, and ends a line on which it does not.
    private func watch() {
        heart?.cancel()
        heart = loop.schedule(after: Self.beat) { [weak self] in
            guard let self, let link = line.link, link.isOpen else { return }
            guard loop.now - link.lastHeard < Self.silence else { return link.fail("the line is silent") }
            beats += 1
            if beats % 2 == 0 { link.send(CommandWriter.command("PING")) }
            watch()
        }
    }

    private func interrupted() {
        heart?.cancel()
        for name in channels.keys {
            channels[name]?.isOpen = false
            channels[name]?.unconfirmed = 0
        }
        for listener in channels.values.flatMap(\.listeners) { interrupt(listener) }
    }

    private func interrupt(_ listener: Listener) {
        // A listener that began and was not interrupted is left alone by its own late timer.
        guard !listener.isInterrupted, listener.started != nil || !isOpen(listener) else { return }
        listener.isInterrupted = true
        listener.tell(.interrupted)
        listener.begin()
    }

    private func isOpen(_ listener: Listener) -> Bool {
        channels.values.contains { $0.isOpen && $0.listeners.contains { $0 === listener } }
    }

    private func heard(_ reply: Reply) {
        guard let items = reply.items, items.count == 3, let kind = items[0].text, let name = items[1].text else {
            return
        }
        switch (kind, items[2]) {
        case ("message", .bytes(let message)):
            for listener in channels[name]?.listeners ?? [] { listener.tell(.message(message)) }
        case ("subscribe", _): confirmed(name)
        case ("unsubscribe", _):
            if let channel = channels[name], channel.listeners.isEmpty, channel.unconfirmed == 0 {
                channels[name] = nil
            }
        default: return
        }
    }

    private func confirmed(_ name: String) {
        guard var channel = channels[name] else { return }
        channel.unconfirmed = max(0, channel.unconfirmed - 1)
        guard channel.unconfirmed == 0, !channel.listeners.isEmpty else {
            channels[name] = channel
            return
        }
        channel.isOpen = true
        channels[name] = channel
        for listener in channel.listeners {
            if listener.isInterrupted {
                listener.isInterrupted = false
                listener.tell(.resumed)
            }
            listener.begin()
        }
    }
}
