/// How long to rest before trying again: twice as long after each failure, up to a limit, and shortened by chance, so
/// that many who failed at once do not all come back at once.
public struct Backoff: Sendable {
    /// How often it failed since it last succeeded.
    public private(set) var failures = 0
    private let first: Int64
    private let limit: Int64
    private let random: RandomSource

    /// - Parameters:
    ///   - limit: the longest rest, in whole milliseconds.
    ///   - first: the longest rest after the first failure.
    public init(upTo limit: Duration, from first: Duration = .milliseconds(50), random: RandomSource = .system) {
        self.limit = max(2, limit.milliseconds)
        self.first = max(2, first.milliseconds)
        self.random = random
    }

    /// Counts a failure.
    /// - Returns: between half of the longest rest and all of it.
    public mutating func next() -> Duration {
        // No shift of a sensible first rest by so much overflows, and every limit is reached before.
        let longest = min(limit, first << Int64(min(failures, 20)))
        failures = min(failures, .max - 1) + 1
        let half = longest / 2
        return .milliseconds(half + Int64(random.uint64() % UInt64(longest - half + 1)))
    }

    /// Begins anew, after a success.
    public mutating func reset() { failures = 0 }
}
