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
        var text = [UInt8]()
        text.reserveCapacity(24)
        func put(_ value: Int, _ width: Int) {
            var divisor = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                text.append(48 + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        put(Int(parts.tm_year) + 1900, 4); text.append(45)
        put(Int(parts.tm_mon) + 1, 2); text.append(45)
        put(Int(parts.tm_mday), 2); text.append(84)
        put(Int(parts.tm_hour), 2); text.append(58)
        put(Int(parts.tm_min), 2); text.append(58)
        put(Int(parts.tm_sec), 2); text.append(46)
        put(Int(milliseconds - self.seconds * 1000), 3); text.append(90)
        return String(decoding: text, as: UTF8.self)
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
