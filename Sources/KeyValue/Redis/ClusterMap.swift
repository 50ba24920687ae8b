/// Which node has which slot.
package struct ClusterMap {
    static let slotCount = 16384

    private(set) var nodes: [RedisEndpoint] = []
    /// By slot, a position in `nodes`; -1 where none is known.
    private var owners = [Int16](repeating: -1, count: slotCount)

    init() {}

    /// Reads the answer to `CLUSTER SLOTS`; nil when it is none.
    init?(_ reply: Reply, from here: RedisEndpoint) {
        guard let ranges = reply.items, !ranges.isEmpty else { return nil }
        for range in ranges {
            guard let items = range.items, items.count >= 3, let first = items[0].number, let last = items[1].number,
                first >= 0, first <= last, last < Self.slotCount, let node = items[2].items, node.count >= 2,
                let port = node[1].number.flatMap({ UInt16(exactly: $0) }), port > 0
            else { return nil }
            let host = node[0].text ?? ""
            let endpoint = RedisEndpoint(host: host.isEmpty || host == "?" ? here.host : host, port: port)
            for slot in Int(first)...Int(last) { set(slot, to: endpoint) }
        }
    }

    subscript(slot: Int) -> RedisEndpoint? {
        let owner = Int(owners[slot])
        return owner >= 0 ? nodes[owner] : nil
    }

    mutating func set(_ slot: Int, to endpoint: RedisEndpoint) {
        if let known = nodes.firstIndex(of: endpoint) {
            owners[slot] = Int16(truncatingIfNeeded: known)
        } else if nodes.count < Int(Int16.max) {
            nodes.append(endpoint)
            owners[slot] = Int16(truncatingIfNeeded: nodes.count - 1)
        }
    }

    /// The slot of a key: CRC16 (XMODEM) of the key, or of what stands between its first braces, if anything.
    package static func slot(of key: String) -> Int {
        var key = key
        return key.withUTF8 { bytes in
            var hashed = bytes[...]
            if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
                let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
            {
                hashed = bytes[(open + 1)..<close]
            }
            var crc: UInt16 = 0
            for byte in hashed { crc = crc << 8 ^ table[Int((crc >> 8) ^ UInt16(byte))] }
            return Int(crc) & (slotCount - 1)
        }
    }

    private static let table: [UInt16] = (0..<256).map { index in
        var crc = UInt16(index) << 8
        for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        return crc
    }
}
