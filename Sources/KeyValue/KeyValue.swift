import Ground

/// A store of small things that expire, and a way for nodes to hear of each other.
///
/// In memory for one node; Redis for several.
public protocol KeyValue: Sendable {
    /// Whether it could be reached when it last was wanted.
    var isConnected: Bool { get }

    /// Whether subscribers hear `.proven` about every second while their line is open; false where no line can be cut.
    var provesItsLine: Bool { get }

    /// nil when there is none, or it has expired.
    func get(_ key: String) async throws(KeyValueError) -> [UInt8]?

    /// Stores a value for so long.
    /// - Parameter onlyIfAbsent: leaves a value that is there as it is.
    /// - Returns: whether it was stored.
    @discardableResult
    func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool) async throws(KeyValueError)
        -> Bool

    func remove(_ key: String) async throws(KeyValueError)

    /// Puts `new` in the place of a value that starts with `prefix`, atomically, for so long from now.
    /// - Returns: what the key holds where it is not that; it stays as it is then.
    func exchange(_ key: String, startingWith prefix: [UInt8], for new: [UInt8], lasting lifetime: Duration)
        async throws(KeyValueError) -> Exchange

    /// Adds to a counter that expires `lifetime` after its first increment.
    /// - Returns: the new value.
    func increment(_ key: String, by amount: Int64, for lifetime: Duration) async throws(KeyValueError) -> Int64

    /// Takes so many from an allowance, all or none, atomically.
    func take(_ count: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict

    /// Tells every subscriber of the channel, on every node.
    func publish(_ channel: String, _ message: [UInt8]) async throws(KeyValueError)

    /// Calls `handler` with what is heard until the subscription is cancelled: one call at a time, in order. When
    /// this returns, the line is open, or `handler` was told that it is not.
    func subscribe(_ channel: String, _ handler: @escaping @Sendable (Heard) -> Void) async throws(KeyValueError)
        -> Subscription

    /// Lets go of every connection. Nothing works afterwards.
    func close()
}

/// What became of an exchange.
public enum Exchange: Hashable, Sendable {
    case exchanged
    /// nil: nothing is there.
    case held([UInt8]?)
}

/// What a subscriber hears.
public enum Heard: Hashable, Sendable {
    case message([UInt8])
    /// The line is cut: from some moment before now, messages are lost.
    case interrupted
    /// The line was found open just now. Said about every second by a store whose line can be cut.
    case proven
    /// The line is open again: every message from now on is heard. Those between are lost, and must be asked for.
    case resumed
}

extension KeyValue {
    /// Takes one from an allowance, atomically.
    public func take(_ key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        try await take(1, of: key, from: allowance)
    }
}

public enum KeyValueError: Error, Hashable, Sendable {
    /// The store cannot be reached. Nothing is known of what was asked.
    case unavailable(String)
    /// The value under that key is of another kind.
    case wrongKind
}

/// Ends a subscription.
public struct Subscription: Sendable {
    private let end: @Sendable () -> Void
    public init(_ end: @escaping @Sendable () -> Void) { self.end = end }
    public func cancel() { end() }
}

/// So many in so long: `count` may come at once, then one every `period / count` (the generic cell rate
/// algorithm, which needs one number a key and one atomic step).
public struct Allowance: Hashable, Sendable {
    public let count: Int
    public let period: Duration

    /// - Parameters: both at least one, the period in whole milliseconds.
    public init(count: Int, period: Duration) {
        self.count = max(1, count)
        self.period = max(.milliseconds(1), period)
    }

    /// Milliseconds after which one more is allowed.
    public var step: Int64 { max(1, period.milliseconds / Int64(count)) }

    /// Decides at `now` whether so many may be taken, given when the allowance would be whole again.
    /// - Returns: the verdict and, when it allows, the new time.
    public func decide(_ count: Int = 1, wholeAt: Timestamp?, now: Timestamp) -> (Verdict, Timestamp?) {
        let start = max(wholeAt?.milliseconds ?? 0, now.milliseconds)
        let next = start + step * Int64(count)
        let excess = next - now.milliseconds - step * Int64(self.count)
        if excess > 0 { return (.wait(.milliseconds(excess)), nil) }
        return (.allowed, Timestamp(milliseconds: next))
    }
}

/// What a limit says.
public enum Verdict: Hashable, Sendable {
    case allowed
    /// Refused; trying again makes sense after this long.
    case wait(Duration)
}
