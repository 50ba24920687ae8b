import Glibc
import Synchronization

/// Where the time comes from. Handed in, never read from a global, so that tests can move it.
public struct Clock: Sendable {
    private let read: @Sendable () -> Timestamp

    public init(_ read: @escaping @Sendable () -> Timestamp) { self.read = read }

    public var now: Timestamp { read() }

    /// The machine's wall clock.
    public static let system = Clock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// A clock that stands still until it is moved.
public final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    public init(at start: Timestamp = Timestamp(seconds: 1_800_000_000)) { time = Mutex(start) }

    public var now: Timestamp { time.withLock { $0 } }
    public var clock: Clock { Clock { self.now } }
    public func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// The machine's own measure of what has passed, whatever clocks say: for how old a proof is, not for when.
public enum Uptime {
    /// Milliseconds since the machine started, its sleep included.
    public static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
