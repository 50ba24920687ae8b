import Ground
import KeyValue
import Synchronization

/// A node's own view of a key-value store that it shares, whose line can be cut: then nothing is heard, and nothing
/// can be told.
final class CuttableKeyValue: KeyValue {
    private struct State {
        var isCut = false
        var handlers: [@Sendable (Heard) -> Void] = []
    }

    private let base: any KeyValue
    private let state = Mutex(State())

    init(_ base: any KeyValue) { self.base = base }

    func cut() { change(isCut: true, says: .interrupted) }
    func heal() { change(isCut: false, says: .resumed) }

    private func change(isCut: Bool, says word: Heard) {
        let handlers = state.withLock { state in
            state.isCut = isCut
            return state.handlers
        }
        for handler in handlers { handler(word) }
    }

    private func check() throws(KeyValueError) {
        if state.withLock({ $0.isCut }) { throw .unavailable("told to fail") }
    }

    var isConnected: Bool { state.withLock { !$0.isCut } }
    var provesItsLine: Bool { base.provesItsLine }

    func get(_ key: String) async throws(KeyValueError) -> [UInt8]? {
        try check()
        return try await base.get(key)
    }

    func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool) async throws(KeyValueError)
        -> Bool
    {
        try check()
        return try await base.set(key, value, for: lifetime, onlyIfAbsent: onlyIfAbsent)
    }

    func remove(_ key: String) async throws(KeyValueError) {
        try check()
        try await base.remove(key)
    }

    func exchange(_ key: String, startingWith prefix: [UInt8], for new: [UInt8], lasting lifetime: Duration)
        async throws(KeyValueError) -> Exchange
    {
        try check()
        return try await base.exchange(key, startingWith: prefix, for: new, lasting: lifetime)
    }

    func increment(_ key: String, by amount: Int64, for lifetime: Duration) async throws(KeyValueError) -> Int64 {
        try check()
        return try await base.increment(key, by: amount, for: lifetime)
    }

    func take(_ count: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        try check()
        return try await base.take(count, of: key, from: allowance)
    }

    func publish(_ channel: String, _ message: [UInt8]) async throws(KeyValueError) {
        try check()
        try await base.publish(channel, message)
    }

    func subscribe(_ channel: String, _ handler: @escaping @Sendable (Heard) -> Void) async throws(KeyValueError)
        -> Subscription
    {
        state.withLock { $0.handlers.append(handler) }
        return try await base.subscribe(channel) { [weak self] heard in
            if self?.isConnected == true { handler(heard) }
        }
    }

    func close() {}
}
