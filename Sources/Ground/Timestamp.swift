import Glibc

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public init(seconds: Int64) { milliseconds = seconds &* 1000 }

    /// Whole seconds since 1970, rounded down: the NumericDate of RFC 7519.
    public var seconds: Int64 {
        milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0)
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
    public static func + (a: Timestamp, b: Duration) -> Timestamp {
        Timestamp(milliseconds: a.milliseconds &+ b.milliseconds)
    }
    public static func - (a: Timestamp, b: Duration) -> Timestamp {
        Timestamp(milliseconds: a.milliseconds &- b.milliseconds)
    }
    public static func - (a: Timestamp, b: Timestamp) -> Duration {
        .milliseconds(a.milliseconds &- b.milliseconds)
    }

    /// RFC 3339 in UTC with milliseconds, `2026-01-31T23:59:59.000Z`.
    public var rfc3339: String {
        var seconds = time_t(self.seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 24) { buffer in
            var count = 0
            func put(_ value: Int, _ divisor: Int, then separator: UInt8) {
                var divisor = divisor
                while divisor > 0 {
                    buffer[count] = 48 + UInt8(value / divisor % 10)
                    count += 1
                    divisor /= 10
                }
                buffer[count] = separator
                count += 1
            }
            put(Int(parts.tm_year) + 1900, 1000, then: 45)
            put(Int(parts.tm_mon) + 1, 10, then: 45)
            put(Int(parts.tm_mday), 10, then: 84)
            put(Int(parts.tm_hour), 10, then: 58)
            put(Int(parts.tm_min), 10, then: 58)
            put(Int(parts.tm_sec), 10, then: 46)
            put(Int(milliseconds - self.seconds * 1000), 100, then: 90)
            return count
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000
    }
    /// Whole seconds, rounded up: what `Retry-After` and `expires_in` want.
    public var secondsRoundedUp: Int64 { (milliseconds + 999) / 1000 }
}
