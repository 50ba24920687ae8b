import Ground
import Synchronization

/// A `KeyValue` in the memory of this process.
public final class MemoryKeyValue: KeyValue {
    private enum Value {
        case bytes([UInt8])
        case count(Int64)
        case wholeAt(Timestamp)
    }

    private struct Entry {
        var value: Value
        var expires: Timestamp
    }

    private struct Shard {
        var entries: [String: Entry] = [:]
        var sweepAt = 1024
        var sweptAt = Timestamp(milliseconds: 0)
    }

    private struct Subscribers {
        var next = 0
        var handlers: [String: [Int: @Sendable (Heard) -> Void]] = [:]
    }

    private final class Lock: Sendable {
        private let shard = Mutex(Shard())
        func withLock<T: Sendable>(_ body: (inout Shard) -> T) -> T { shard.withLock { body(&$0) } }
    }

    private let shards = (0..<16).map { _ in Lock() }
    private let subscribers = Mutex(Subscribers())
    private let clock: Clock
    private let maximumEntries: Int

    /// - Parameter maximumEntries: above it, new keys are refused as `.unavailable` rather than let one
    ///   client's flood of keys take the memory of the machine.
    public init(clock: Clock, maximumEntries: Int = 1_000_000) {
        self.clock = clock
        self.maximumEntries = maximumEntries
    }

    public var isConnected: Bool { true }
    public var provesItsLine: Bool { false }

    public func get(_ key: String) async throws(KeyValueError) -> [UInt8]? {
        let now = clock.now
        let value = shard(of: key).withLock { Self.live($0.entries[key], at: now)?.value }
        switch value {
        case .bytes(let bytes): return bytes
        case nil: return nil
        default: throw .wrongKind
        }
    }

    @discardableResult
    public func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool)
        async throws(KeyValueError) -> Bool
    {
        try change(key) { entry, now in
            if onlyIfAbsent, entry != nil { return false }
            entry = Entry(value: .bytes(value), expires: now + lifetime)
            return true
        }
    }

    public func remove(_ key: String) async throws(KeyValueError) {
        shard(of: key).withLock { $0.entries[key] = nil }
    }

    public func exchange(_ key: String, startingWith prefix: [UInt8], for new: [UInt8], lasting lifetime: Duration)
        async throws(KeyValueError) -> Exchange
    {
        let outcome: Exchange? = try change(key) { entry, now in
            guard let value = entry?.value else { return .held(nil) }
            guard case .bytes(let held) = value else { return nil }
            guard held.starts(with: prefix) else { return .held(held) }
            entry = Entry(value: .bytes(new), expires: now + lifetime)
            return .exchanged
        }
        guard let outcome else { throw .wrongKind }
        return outcome
    }

    public func increment(_ key: String, by amount: Int64, for lifetime: Duration)
        async throws(KeyValueError) -> Int64
    {
        let count: Int64? = try change(key) { entry, now in
            guard let held = entry else {
                entry = Entry(value: .count(amount), expires: now + lifetime)
                return amount
            }
            guard case .count(let old) = held.value else { return nil }
            let sum = old.addingReportingOverflow(amount)
            let new = sum.overflow ? old : sum.partialValue
            entry?.value = .count(new)
            return new
        }
        guard let count else { throw .wrongKind }
        return count
    }

    public func take(_ count: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        let verdict: Verdict? = try change(key) { entry, now in
            var wholeAt: Timestamp?
            if let held = entry {
                guard case .wholeAt(let time) = held.value else { return nil }
                wholeAt = time
            }
            let (verdict, next) = allowance.decide(count, wholeAt: wholeAt, now: now)
            if let next { entry = Entry(value: .wholeAt(next), expires: next) }
            return verdict
        }
        guard let verdict else { throw .wrongKind }
        return verdict
    }

    public func publish(_ channel: String, _ message: [UInt8]) async throws(KeyValueError) {
        let handlers = subscribers.withLock { $0.handlers[channel].map { Array($0.values) } ?? [] }
        for handler in handlers { handler(.message(message)) }
    }

    public func subscribe(_ channel: String, _ handler: @escaping @Sendable (Heard) -> Void)
        async throws(KeyValueError) -> Subscription
    {
        let id = subscribers.withLock { subscribers in
            subscribers.next += 1
            subscribers.handlers[channel, default: [:]][subscribers.next] = handler
            return subscribers.next
        }
        return Subscription { [weak self] in
            self?.subscribers.withLock { _ = $0.handlers[channel]?.removeValue(forKey: id) }
        }
    }

    public func close() {}

    /// Entries that are held, expired ones included until they are swept.
    public var count: Int { shards.reduce(0) { $0 + $1.withLock { $0.entries.count } } }

    private func shard(of key: String) -> Lock { shards[key.hashValue & 15] }

    private static func live(_ entry: Entry?, at now: Timestamp) -> Entry? {
        guard let entry, entry.expires > now else { return nil }
        return entry
    }

    private func change<T: Sendable>(_ key: String, _ body: (inout Entry?, Timestamp) -> T)
        throws(KeyValueError) -> T
    {
        let now = clock.now
        let limit = maximumEntries / shards.count
        let result: T? = shard(of: key).withLock { shard in
            var entry = Self.live(shard.entries[key], at: now)
            if entry == nil, shard.entries.count >= min(shard.sweepAt, limit) {
                // A full store is not swept for every key that it refuses.
                if shard.entries.count < limit || shard.sweptAt + .seconds(1) <= now {
                    shard.entries = shard.entries.filter { $0.value.expires > now }
                    shard.sweepAt = max(1024, shard.entries.count * 2)
                    shard.sweptAt = now
                }
                if shard.entries.count >= limit { return nil }
            }
            let result = body(&entry, now)
            shard.entries[key] = entry
            return result
        }
        guard let result else { throw .unavailable("too many keys") }
        return result
    }
}
