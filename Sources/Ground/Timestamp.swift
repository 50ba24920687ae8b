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

extension Timestamp {
    /// What RFC 3339 writes as a date and a time with its offset; nil for anything else. What is finer than a
    /// millisecond is left out, and a leap second is the second after it.
    public init?(rfc3339 text: some StringProtocol) {
        var bytes = Array(text.utf8)[...]
        func number(_ count: Int, in range: ClosedRange<Int64>, then separators: String.UTF8View = "".utf8) -> Int64? {
            let digits = bytes.prefix(count)
            guard digits.count == count, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            bytes = bytes.dropFirst(count)
            if !separators.isEmpty {
                guard let next = bytes.popFirst(), separators.contains(next) else { return nil }
            }
            let value = digits.reduce(0 as Int64) { $0 * 10 + Int64($1 - 48) }
            return range.contains(value) ? value : nil
        }
        guard bytes.count <= 40, let year = number(4, in: 0...9999, then: "-".utf8),
            let month = number(2, in: 1...12, then: "-".utf8),
            let day = number(2, in: 1...Self.days(ofMonth: month, year), then: "Tt".utf8),
            let hour = number(2, in: 0...23, then: ":".utf8), let minute = number(2, in: 0...59, then: ":".utf8),
            let second = number(2, in: 0...60)
        else { return nil }
        var milliseconds: Int64 = 0
        if bytes.first == 46 {
            let digits = bytes.dropFirst().prefix { (48...57).contains($0) }
            guard !digits.isEmpty else { return nil }
            bytes = bytes.dropFirst(1 + digits.count)
            for place in 0..<3 { milliseconds = milliseconds * 10 + (place < digits.count ? Int64(digits[digits.startIndex + place]) - 48 : 0) }
        }
        guard let sign = bytes.popFirst() else { return nil }
        var offset: Int64 = 0
        switch sign {
        case 90, 122: break
        case 43, 45:
            guard let hours = number(2, in: 0...23, then: ":".utf8), let minutes = number(2, in: 0...59) else { return nil }
            offset = (hours * 60 + minutes) * (sign == 43 ? 60 : -60)
        default: return nil
        }
        guard bytes.isEmpty else { return nil }
        let seconds = Self.days(to: year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        self.init(milliseconds: seconds * 1000 + milliseconds)
    }

    private static func days(ofMonth month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days from 1970-01-01, in the Gregorian calendar of all time. The year begins in March, so that the leap day is
    /// its last.
    private static func days(to year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = (month <= 2 ? year - 1 : year) + 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468 - 146_097
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
