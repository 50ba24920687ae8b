import Synchronization

/// How often a route was answered, with which status, and how long that took.
public final class RouteStatistics: Sendable {
    /// Upper bounds of the histogram's buckets, in microseconds.
    public static let bounds: [Int64] = [100, 500, 1000, 5000, 25_000, 100_000, 500_000, 2_500_000]

    public struct Counts: Sendable {
        public var byStatus: [Int: Int] = [:]
        /// One more than there are bounds; the last counts what is slower than all.
        public var buckets = [Int](repeating: 0, count: RouteStatistics.bounds.count + 1)
        public var totalMicroseconds: Int64 = 0
    }
    private let counts = Mutex(Counts())

    public init() {}

    public func record(status: Status, microseconds: Int64) {
        counts.withLock { counts in
            counts.byStatus[status.code, default: 0] += 1
            counts.buckets[Self.bounds.firstIndex { microseconds <= $0 } ?? Self.bounds.count] += 1
            counts.totalMicroseconds &+= microseconds
        }
    }

    public var snapshot: Counts { counts.withLock { $0 } }
}
