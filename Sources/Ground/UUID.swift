/// A 128-bit identifier (RFC 9562). New ones are version 7, so that rows made one after the other
/// stand side by side in an index.
public struct UUID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Version 7: 48 bits of milliseconds, 74 random bits.
    public init(at time: Timestamp, random: RandomSource) {
        let bytes = random.bytes(10)
        let first = bytes[0..<2].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let rest = bytes[2..<10].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        high = UInt64(truncatingIfNeeded: time.milliseconds) << 16 | 0x7000 | (first & 0x0fff)
        low = (rest & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
    }

    /// The least that version 7 makes at that moment or after it.
    public static func least(at time: Timestamp) -> UUID {
        UUID(high: UInt64(clamping: max(0, min(time.milliseconds, 1 << 48 - 1))) << 16, low: 0)
    }

    /// The moment that version 7 carries.
    public var moment: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }

    /// The 16 bytes in network order; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.init(high: high, low: low)
    }

    /// The canonical text, 8-4-4-4-12 hexadecimal digits; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let utf8 = text.utf8
        guard utf8.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for (index, byte) in utf8.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == 45 else { return nil }
                continue
            }
            guard let value = Hex.value(of: byte) else { return nil }
            if digits < 16 { high = high << 4 | UInt64(value) } else { low = low << 4 | UInt64(value) }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, filled in
            for index in 0..<8 {
                buffer[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                buffer[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            filled = 16
        }
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    buffer[position] = 45
                    position += 1
                }
                let half = digit < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (digit & 15))) & 15
                buffer[position] = Hex.digit(nibble)
                position += 1
            }
            return 36
        }
    }

    public static func < (a: UUID, b: UUID) -> Bool { (a.high, a.low) < (b.high, b.low) }
}
