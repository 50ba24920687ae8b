import Ground

/// What one loop has of a store: its connections, and the commands that it waits for.
final class RedisLane: @unchecked Sendable {  // touched by the loop's thread alone, but for `owner`
    /// Redirections and other second attempts of one command.
    static let maximumAttempts = 5

    /// Weak: a lane does not outlive its loop for long.
    private(set) weak var owner: EventLoop?
    private unowned let loop: EventLoop
    private let context: RedisContext
    /// The oldest first; all have the same time, so the first is the first to be late.
    private var underWay = CallQueue()
    private var watch: LoopTimer?
    private let timeout: Int64
    /// Where all commands go; nil in a cluster.
    private var line: RedisLine?
    private var cluster: ClusterRouter?
    private var isClosed = false

    init(on loop: EventLoop, _ context: RedisContext) {
        owner = loop
        self.loop = loop
        self.context = context
        timeout = context.settings.commandTimeout.milliseconds
        switch context.settings.mode {
        case .cluster: cluster = ClusterRouter(on: loop, context)
        case .single:
            line = RedisLine("commands", for: .commands(ofMaster: false), on: loop, context)
        case .sentinel:
            line = RedisLine("commands", for: .commands(ofMaster: true), on: loop, context)
        }
    }

    func issue(_ call: RedisCall) {
        guard !isClosed else { return call.finish(.failure(.unavailable("the store was closed"))) }
        call.lane = self
        call.deadline = loop.now + timeout
        underWay.append(call)
        if watch == nil { watchFirst(for: timeout) }
        send(call)
        while let first = underWay.first, first.isFinished { _ = underWay.popFirst() }
    }

    func close() {
        isClosed = true
        watch?.cancel()
        line?.close()
        cluster?.close()
        for call in underWay.removeAll() { call.finish(.failure(.unavailable("the store was closed"))) }
    }

    private func send(_ call: RedisCall) {
        if let line { line.send(call) } else { cluster?.send(call) }
    }

    /// One timer stands for all commands.
    private func watchFirst(for delay: Int64) {
        watch = loop.schedule(after: .milliseconds(delay)) { [weak self] in self?.endLate() }
    }

    private func endLate() {
        watch = nil
        while let first = underWay.first, first.isFinished || first.deadline <= loop.now {
            _ = underWay.popFirst()
            guard !first.isFinished else { continue }
            let link = first.link
            first.finish(.failure(.unavailable("Redis: no answer in time")))
            // What comes now would be taken for the answer to the next.
            link?.fail("no answer in time")
        }
        if let first = underWay.first { watchFirst(for: first.deadline - loop.now) }
    }

    /// The server refused: the command goes elsewhere, or later, or fails.
    func refused(_ call: RedisCall, _ error: ServerError) {
        let link = call.link
        call.link = nil
        switch error.code {
        case "MOVED", "ASK":
            guard let cluster, let link, let (slot, endpoint) = error.redirection(from: link.endpoint), mayTry(call)
            else { break }
            if error.code == "ASK" { return cluster.send(call, asking: endpoint) }
            return cluster.send(call, moved: slot, to: endpoint)
        case "TRYAGAIN":
            guard mayTry(call) else { break }
            _ = loop.schedule(after: .milliseconds(25)) { [weak self] in
                if !call.isFinished { self?.send(call) }
            }
            return
        case "CLUSTERDOWN": cluster?.refresh()
        case "READONLY":
            call.finish(.failure(error.error))
            // It was the master when it was asked last.
            link?.fail("it is no longer the master")
            cluster?.refresh()
            return
        case "NOSCRIPT": return call.finish(.success(.failure(error.text)))
        default: break
        }
        call.finish(.failure(error.error))
    }

    private func mayTry(_ call: RedisCall) -> Bool {
        call.attempts += 1
        return call.attempts <= Self.maximumAttempts
    }
}
