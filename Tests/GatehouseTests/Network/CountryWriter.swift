import Glibc
import Ground
import Testing

/// Writes small databases in MaxMind's format (version 2.0).
struct CountryWriter {
    private enum Slot {
        case empty
        case node(Int)
        case record(Int)
    }

    /// 4 or 6: what kind of addresses the tree is of.
    var version = 6
    /// What the records say: that of a place is `country`.
    var about = "country"
    var blocks: [(block: String, country: String)] = []

    /// Blocks that every test may count on; the loopback address is in none of them.
    static let usual = CountryWriter(blocks: [
        ("192.0.2.0/24", "DE"), ("198.51.100.0/25", "AT"), ("198.51.100.128/25", "CH"), ("2001:db8::/33", "DE"),
        ("2001:db8:8000::/33", "FR"), ("203.0.113.7/32", "LI"),
    ])

    var bytes: [UInt8] {
        let countries = Array(Set(blocks.map(\.country))).sorted()
        var data: [UInt8] = []
        var starts: [String: Int] = [:]
        for country in countries {
            starts[country] = data.count
            data += Self.map([(about, Self.map([("iso_code", Self.text(country))]))])
        }
        var nodes: [[Slot]] = [[.empty, .empty]]
        for (block, country) in blocks { insert(block, .record(starts[country] ?? 0), into: &nodes) }
        let tree = nodes.flatMap { node in
            node.flatMap { slot -> [UInt8] in
                let number =
                    switch slot {
                    case .empty: nodes.count
                    case .node(let number): number
                    case .record(let start): nodes.count + 16 + start
                    }
                return [UInt8(number >> 16 & 0xff), UInt8(number >> 8 & 0xff), UInt8(number & 0xff)]
            }
        }
        return tree + [UInt8](repeating: 0, count: 16) + data + metadata(nodes: nodes.count)
    }

    private func insert(_ block: String, _ slot: Slot, into nodes: inout [[Slot]]) {
        let parts = block.split(separator: "/")
        guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]) else { return }
        var path = address.bytes
        var depth = length
        if address.isIPv4 {
            // Of IPv6, the IPv4 addresses stand in ::/96, not where they are mapped to.
            path = (version == 6 ? [UInt8](repeating: 0, count: 12) : []) + path.suffix(4)
            depth = length + path.count * 8 - 32
        }
        var at = 0
        for place in 0..<depth {
            let bit = Int(path[place / 8] >> UInt8(7 - place % 8) & 1)
            if place == depth - 1 {
                nodes[at][bit] = slot
            } else if case .node(let next) = nodes[at][bit] {
                at = next
            } else {
                nodes.append([.empty, .empty])
                nodes[at][bit] = .node(nodes.count - 1)
                at = nodes.count - 1
            }
        }
    }

    private func metadata(nodes: Int) -> [UInt8] {
        [0xab, 0xcd, 0xef] + Array("MaxMind.com".utf8)
            + Self.map([
                ("binary_format_major_version", Self.number(2, type: 5)), ("binary_format_minor_version", Self.number(0, type: 5)),
                ("build_epoch", Self.number(1_800_000_000, type: 9)), ("database_type", Self.text("Test-Country")),
                ("description", Self.map([("en", Self.text("Made for a test"))])), ("ip_version", Self.number(version, type: 5)),
                ("languages", Self.control(1, type: 11) + Self.text("en")), ("node_count", Self.number(nodes, type: 6)),
                ("record_size", Self.number(24, type: 5)),
            ])
    }

    private static func control(_ size: Int, type: UInt8) -> [UInt8] {
        type < 8 ? [type << 5 | UInt8(size)] : [UInt8(size), type - 7]
    }

    /// Texts of up to 28 bytes.
    private static func text(_ text: String) -> [UInt8] { control(text.utf8.count, type: 2) + Array(text.utf8) }

    private static func number(_ number: Int, type: UInt8) -> [UInt8] {
        let bytes = (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }.drop { $0 == 0 }
        return control(bytes.count, type: type) + bytes
    }

    private static func map(_ members: [(name: String, value: [UInt8])]) -> [UInt8] {
        control(members.count, type: 7) + members.flatMap { text($0.name) + $0.value }
    }
}

/// A file for a database, in a folder of its own.
struct CountryFixture {
    private let folder = TemporaryFolder()
    var path: String { folder.path + "/countries.mmdb" }

    init(_ bytes: [UInt8] = CountryWriter.usual.bytes) throws { try replace(with: bytes) }

    /// Puts another file in its place, as updates are made.
    func replace(with bytes: [UInt8]) throws {
        try write(bytes, to: path + ".new")
        try #require(rename(path + ".new", path) == 0)
    }

    /// Writes into the file that is there.
    func overwrite(with bytes: [UInt8]) throws { try write(bytes, to: path) }

    func removeFile() { unlink(path) }

    func remove() {
        removeFile()
        folder.remove()
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }
}
