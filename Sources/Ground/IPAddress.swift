import Glibc

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) *is* the IPv4 address,
/// so that the two spellings can never be told apart by a rule.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64

    /// 16 bytes in network order, IPv4 in its mapped form.
    public init(mapped bytes: [UInt8]) {
        precondition(bytes.count == 16)
        high = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The usual spellings without port, brackets or zone; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        var bytes = [UInt8](repeating: 0, count: 16)
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        if text.utf8.contains(58) {
            guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        } else {
            var four = [UInt8](repeating: 0, count: 4)
            guard inet_pton(AF_INET, text, &four) == 1 else { return nil }
            bytes[10] = 0xff
            bytes[11] = 0xff
            bytes.replaceSubrange(12..<16, with: four)
        }
        self.init(mapped: bytes)
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    public var isLoopback: Bool {
        isIPv4 ? (low >> 24) & 0xff == 127 : high == 0 && low == 1
    }

    public var bytes: [UInt8] {
        (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 & 7))) }
    }

    public var description: String {
        if isIPv4 { return dottedText }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "::" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Written by hand, as it stands in every line of the access log.
    private var dottedText: String {
        String(unsafeUninitializedCapacity: 15) { buffer in
            var count = 0
            func put(_ byte: UInt64) {
                buffer[count] = UInt8(truncatingIfNeeded: byte)
                count += 1
            }
            for shift in [24, 16, 8, 0] as [UInt64] {
                let number = low >> shift & 0xff
                if number >= 100 { put(48 + number / 100) }
                if number >= 10 { put(48 + number / 10 % 10) }
                put(48 + number % 10)
                if shift > 0 { put(46) }
            }
            return count
        }
    }

    /// What a limit counts as one client: an IPv4 address, or the /64 network that one IPv6 subscriber holds.
    public var subscriber: IPAddress {
        isIPv4 ? self : IPAddress(high: high, low: 0)
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A block of addresses: `192.0.2.0/24`, `2001:db8::/32`, or one address.
public struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    private let base: IPAddress
    private let prefix: Int  // of 128 bits

    /// nil unless the text is an address, or an address and a prefix length that fits its family.
    /// Bits behind the prefix are taken as zero.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress(first) else { return nil }
        base = address
        guard parts.count == 2 else {
            prefix = 128
            return
        }
        let digits = parts[1].utf8
        guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let length = Int(parts[1])
        else { return nil }
        let written4 = !first.utf8.contains(58)
        guard length <= (written4 ? 32 : 128) else { return nil }
        prefix = written4 ? length + 96 : length
    }

    public func contains(_ address: IPAddress) -> Bool {
        func mask(_ bits: Int) -> UInt64 { bits <= 0 ? 0 : bits >= 64 ? .max : .max << UInt64(64 - bits) }
        return (base.high ^ address.high) & mask(prefix) == 0 && (base.low ^ address.low) & mask(prefix - 64) == 0
    }

    public var isSingleAddress: Bool { prefix == 128 }

    public var description: String {
        base.isIPv4 && prefix >= 96 ? "\(base)/\(prefix - 96)" : "\(base)/\(prefix)"
    }
}
