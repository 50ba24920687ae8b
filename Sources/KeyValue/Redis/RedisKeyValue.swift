import Ground
import Synchronization

/// A `KeyValue` in Redis 5 or newer, or Valkey: one server, a cluster, or a master that sentinels watch.
///
/// Each event loop has connections of its own, so that neither question nor answer changes threads; who is on no
/// loop, and the subscriptions, use a loop of the store. Values, counters and allowances are strings on the
/// server: a value behind `=`, an allowance behind `@`, a counter as its digits.
public final class RedisKeyValue: KeyValue {
    private struct State {
        var lanes: [ObjectIdentifier: RedisLane] = [:]
        var isClosed = false
    }

    private let context: RedisContext
    private let clock: Clock
    private let state = Mutex(State())
    private let background: EventLoop
    private let thread: Thread
    private let subscriber: RedisSubscriber

    /// Connects to nothing yet: the first command does.
    /// - Parameter clock: what allowances are counted by. Expiry goes by the server's clock.
    /// - Throws: `.unavailable` when the certificates cannot be read, or the system gives no event loop.
    public init(_ settings: RedisSettings, clock: Clock) throws(KeyValueError) {
        context = try RedisContext(settings)
        self.clock = clock
        do throws(EventLoop.StartError) {
            background = try EventLoop()
        } catch {
            throw .unavailable("the system gives no event loop: error \(error.errorNumber)")
        }
        let loop = background
        let lane = RedisLane(on: loop, context)
        subscriber = RedisSubscriber(on: loop, context)
        state.withLock { $0.lanes[ObjectIdentifier(loop)] = lane }
        thread = Thread(name: "redis") { loop.run() }
    }

    deinit { close() }

    /// Whether the last attempt to reach each node that is needed went well, and there was one.
    public var isConnected: Bool { context.health.isConnected }
    public var provesItsLine: Bool { true }

    /// The mode, the places and the last error, for people. Without any secret.
    public var description: String {
        let mode =
            switch context.settings.mode {
            case .single: "single"
            case .cluster: "cluster"
            case .sentinel: "sentinel"
            }
        let hosts = context.settings.hosts.map(\.description).joined(separator: ", ")
        let word = isConnected ? "connected" : "not connected"
        return "Redis (\(mode)) at \(hosts): \(word)" + (context.health.lastError.map { "; last error: \($0)" } ?? "")
    }

    // MARK: Keys

    public func get(_ key: String) async throws(KeyValueError) -> [UInt8]? {
        var command = CommandWriter(words: 2)
        command.add("GET")
        command.add(named(key))
        switch try await run(command.bytes, on: named(key)) {
        case .null: return nil
        case .bytes(let bytes) where bytes.first == RedisScript.Kind.value: return Array(bytes.dropFirst())
        case .bytes: throw .wrongKind
        case let reply: throw Self.unexpected(reply)
        }
    }

    @discardableResult
    public func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool)
        async throws(KeyValueError) -> Bool
    {
        var command = CommandWriter(words: onlyIfAbsent ? 6 : 5, capacity: 96 + value.count)
        command.add("SET")
        command.add(named(key))
        command.add(RedisScript.Kind.value, value)
        command.add("PX")
        command.add(Self.milliseconds(lifetime))
        if onlyIfAbsent { command.add("NX") }
        return try await run(command.bytes, on: named(key)) != .null
    }

    public func remove(_ key: String) async throws(KeyValueError) {
        var command = CommandWriter(words: 2)
        command.add("DEL")
        command.add(named(key))
        _ = try await run(command.bytes, on: named(key))
    }

    public func exchange(_ key: String, startingWith prefix: [UInt8], for new: [UInt8], lasting lifetime: Duration)
        async throws(KeyValueError) -> Exchange
    {
        let reply = try await run(.exchange, on: named(key), arguments: 3) { command in
            command.add(RedisScript.Kind.value, prefix)
            command.add(RedisScript.Kind.value, new)
            command.add(Self.milliseconds(lifetime))
        }
        switch reply {
        case .integer(1): return .exchanged
        case .null: return .held(nil)
        case .bytes(let bytes) where bytes.first == RedisScript.Kind.value: return .held(Array(bytes.dropFirst()))
        case .bytes: throw .wrongKind
        case let reply: throw Self.unexpected(reply)
        }
    }

    public func increment(_ key: String, by amount: Int64, for lifetime: Duration)
        async throws(KeyValueError) -> Int64
    {
        let reply = try await run(.increment, on: named(key), arguments: 2) { command in
            command.add(amount)
            command.add(Self.milliseconds(lifetime))
        }
        guard let sum = reply.number else { throw Self.unexpected(reply) }
        return sum
    }

    public func take(_ count: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        let now = clock.now.milliseconds
        let reply = try await run(.take, on: named(key), arguments: 3) { command in
            command.add(now)
            command.add(allowance.step * Int64(count))
            command.add(allowance.step * Int64(allowance.count))
        }
        guard let wait = reply.number else { throw Self.unexpected(reply) }
        return wait == 0 ? .allowed : .wait(.milliseconds(wait))
    }

    // MARK: Channels

    public func publish(_ channel: String, _ message: [UInt8]) async throws(KeyValueError) {
        var command = CommandWriter(words: 3, capacity: 96 + message.count)
        command.add("PUBLISH")
        command.add(named(channel))
        command.add(message)
        _ = try await run(command.bytes, on: channel, mayGoAnywhere: true)
    }

    /// The handler is called on a thread of the store, and must not take long. A line that was silent for two
    /// seconds counts as cut.
    public func subscribe(_ channel: String, _ handler: @escaping @Sendable (Heard) -> Void)
        async throws(KeyValueError) -> Subscription
    {
        let (loop, subscriber, channel) = (background, subscriber, named(channel))
        let mark = RedisSubscriber.CancelMark()
        let isOpen = await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
            let isOpen = inBackground {
                subscriber.subscribe(channel, mark, handler) { continuation.resume(returning: true) }
            }
            if !isOpen { continuation.resume(returning: false) }
        }
        guard isOpen else { throw Self.closed }
        return Subscription { [weak subscriber, weak loop] in
            mark.set()
            guard let subscriber, let loop else { return }
            loop.execute { subscriber.cancel(channel, mark) }
        }
    }

    public func close() {
        let lanes = state.withLock { state in
            defer { state.lanes = [:] }
            state.isClosed = true
            return Array(state.lanes.values)
        }
        guard !lanes.isEmpty else { return }
        for lane in lanes { lane.owner?.execute { lane.close() } }
        let (subscriber, loop) = (subscriber, background)
        loop.execute {
            subscriber.close()
            loop.stop()
        }
        context.resolver.close()
        if !loop.isCurrent { thread.join() }
    }

    // MARK: Commands

    private func named(_ key: String) -> String { context.settings.prefix + key }

    private func lane(of loop: EventLoop) throws(KeyValueError) -> RedisLane {
        let lane: RedisLane? = state.withLock { state in
            // A loop may have got the place in memory of one that has ended.
            if let lane = state.lanes[ObjectIdentifier(loop)], lane.owner === loop { return lane }
            guard !state.isClosed else { return nil }
            state.lanes = state.lanes.filter { $0.value.owner != nil }
            let lane = RedisLane(on: loop, context)
            state.lanes[ObjectIdentifier(loop)] = lane
            return lane
        }
        guard let lane else { throw Self.closed }
        return lane
    }

    /// Runs `work` on the store's loop; false, and it is not run, when the store was closed.
    private func inBackground(_ work: @escaping @Sendable () -> Void) -> Bool {
        if background.isCurrent {
            work()
            return true
        }
        // Under the lock, since the loop runs nothing that comes after its end.
        return state.withLock { state in
            if !state.isClosed { background.execute(work) }
            return !state.isClosed
        }
    }

    private func run(_ command: [UInt8], on key: String, mayGoAnywhere: Bool = false)
        async throws(KeyValueError) -> Reply
    {
        // Whoever is on no loop uses the store's.
        let loop = EventLoop.current ?? background
        let lane = try lane(of: loop)
        let slot = context.settings.mode == .cluster ? ClusterMap.slot(of: key) : nil
        let result = await withUnsafeContinuation {
            (continuation: UnsafeContinuation<Result<Reply, KeyValueError>, Never>) in
            let call = RedisCall(command, slot: slot, mayGoAnywhere: mayGoAnywhere) {
                continuation.resume(returning: $0)
            }
            if loop.isCurrent { return lane.issue(call) }
            if !inBackground({ lane.issue(call) }) { call.finish(.failure(Self.closed)) }
        }
        return try result.get()
    }

    private func run(
        _ script: RedisScript, on key: String, arguments count: Int, _ add: (inout CommandWriter) -> Void
    ) async throws(KeyValueError) -> Reply {
        func command(_ name: StaticString, _ text: String) -> [UInt8] {
            var command = CommandWriter(words: 4 + count, capacity: 160 + text.utf8.count)
            command.add(name)
            command.add(text)
            command.add("1" as StaticString)
            command.add(key)
            add(&command)
            return command.bytes
        }
        let reply = try await run(command("EVALSHA", script.digest), on: key)
        guard case .failure = reply else { return reply }
        // The server has forgotten the script, or never knew it. Now it learns it.
        let second = try await run(command("EVAL", script.source), on: key)
        guard case .failure(let text) = second else { return second }
        throw ServerError(text).error
    }

    private static let closed = KeyValueError.unavailable("the store was closed")

    private static func unexpected(_ reply: Reply) -> KeyValueError {
        if case .failure(let text) = reply { return ServerError(text).error }
        return .unavailable("Redis answered something unexpected")
    }

    /// At least one, and less than what servers refuse.
    private static func milliseconds(_ lifetime: Duration) -> Int64 {
        min(max(1, lifetime.milliseconds), 1 << 42)
    }
}
