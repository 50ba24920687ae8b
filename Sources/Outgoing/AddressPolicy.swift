import Ground

/// Which addresses the server may connect to.
///
/// On somebody else's word only what is public: nothing of this machine, of its networks, or of the cloud that it runs
/// in. Addresses of IPv4 inside those of IPv6 are judged as what they lead to.
public struct AddressPolicy: Sendable {
    private enum Rule: Sendable {
        case publicOrIn([AddressBlock])
        case notPublic
        case any
    }

    private let rule: Rule

    /// For addresses that stand in the settings.
    public static let any = AddressPolicy(.any)
    /// For addresses that stand in the settings, where what is sent can be read on the way.
    public static let notPublic = AddressPolicy(.notPublic)

    private init(_ rule: Rule) { self.rule = rule }

    /// - Parameter allowed: networks that may be connected to whatever else is said of them.
    public init(allowing allowed: [AddressBlock] = []) { rule = .publicOrIn(allowed) }

    public func admits(_ address: IPAddress) -> Bool {
        switch rule {
        case .publicOrIn(let allowed): allowed.contains { $0.contains(address) } || Self.isPublic(address)
        case .notPublic: !Self.isPublic(address)
        case .any: true
        }
    }

    /// IANA's registries of special-purpose addresses (RFC 6890), and the address of Azure's own services.
    private static let refused4 = blocks([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    ])
    /// Of IPv6 only this block is given to networks of the world.
    private static let unicast6 = blocks(["2000::/3"])
    private static let refused6 = blocks(["2001::/23", "2001:db8::/32", "3fff::/20"])
    /// Where the four bytes of an IPv4 address stand in an address of IPv6: NAT64 (RFC 6052), 6to4 (RFC 3056).
    private static let translated = [(blocks(["64:ff9b::/96"]), 12), (blocks(["2002::/16"]), 2)]

    private static func blocks(_ texts: [String]) -> [AddressBlock] { texts.compactMap { AddressBlock($0) } }

    private static func isPublic(_ address: IPAddress) -> Bool {
        func isIn(_ blocks: [AddressBlock]) -> Bool { blocks.contains { $0.contains(address) } }
        if address.isIPv4 { return !isIn(refused4) }
        for (blocks, start) in translated where isIn(blocks) {
            return isPublic(IPAddress(four: Array(address.bytes[start..<start + 4])))
        }
        return isIn(unicast6) && !isIn(refused6)
    }
}

extension IPAddress {
    /// The four bytes of an IPv4 address, in network order.
    init(four bytes: [UInt8]) {
        self.init(mapped: [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes)
    }
}
