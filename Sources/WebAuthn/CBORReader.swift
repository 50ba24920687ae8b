/// Reads the canonical form of CTAP2 (section 8) and no other: one encoding for one value, so that two readers cannot
/// see two things in the same bytes.
///
/// Lengths are definite, integers as short as they can be, keys in order and each once; no tags, no floating-point
/// numbers. Depth and number of values are bounded.
package struct CBORReader {
    /// It is no CBOR of that form.
    package struct Fault: Error, Hashable {}

    /// CTAP2 allows four levels of maps and arrays.
    private static let maximumDepth = 4
    private static let maximumValues = 512

    private let source: [UInt8]
    private(set) var position: Int
    private var values = 0

    init(_ source: [UInt8], from position: Int = 0) {
        self.source = source
        self.position = position
    }

    /// One value that is all there is.
    package static func whole(_ source: [UInt8]) throws(Fault) -> CBOR {
        var reader = CBORReader(source)
        let value = try reader.next()
        guard reader.position == source.count else { throw Fault() }
        return value
    }

    /// The value at the position, which moves behind it.
    mutating func next() throws(Fault) -> CBOR { try value(depth: 0) }

    private mutating func value(depth: Int) throws(Fault) -> CBOR {
        values += 1
        guard values <= Self.maximumValues else { throw Fault() }
        let head = try byte()
        switch head >> 5 {
        case 0: return .unsigned(try argument(of: head))
        case 1: return .negative(try argument(of: head))
        case 2: return .bytes(Array(try take(argument(of: head))))
        case 3:
            guard let text = String(validating: try take(argument(of: head)), as: UTF8.self) else { throw Fault() }
            return .text(text)
        case 4: return .array(try array(of: argument(of: head), depth: depth + 1))
        case 5: return .map(try map(of: argument(of: head), depth: depth + 1))
        case 7:
            switch head {
            case 0xf4: return .bool(false)
            case 0xf5: return .bool(true)
            case 0xf6: return .null
            default: throw Fault()
            }
        default: throw Fault()
        }
    }

    private mutating func byte() throws(Fault) -> UInt8 {
        guard position < source.count else { throw Fault() }
        defer { position += 1 }
        return source[position]
    }

    private mutating func take(_ length: UInt64) throws(Fault) -> ArraySlice<UInt8> {
        guard length <= UInt64(source.count - position) else { throw Fault() }
        let slice = source[position..<position + Int(length)]
        position += Int(length)
        return slice
    }

    private mutating func argument(of head: UInt8) throws(Fault) -> UInt64 {
        let short = head & 0x1f
        guard short >= 24 else { return UInt64(short) }
        // 28 to 30 are reserved, 31 is an indefinite length.
        guard short <= 27 else { throw Fault() }
        let width = 1 << (short - 24)
        let number = try take(UInt64(width)).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let least: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
        guard number >= least else { throw Fault() }
        return number
    }

    private mutating func array(of count: UInt64, depth: Int) throws(Fault) -> [CBOR] {
        guard depth <= Self.maximumDepth, count <= UInt64(source.count - position) else { throw Fault() }
        var items: [CBOR] = []
        for _ in 0..<count { items.append(try value(depth: depth)) }
        return items
    }

    private mutating func map(of count: UInt64, depth: Int) throws(Fault) -> [CBOR.Entry] {
        guard depth <= Self.maximumDepth, count <= UInt64(source.count - position) else { throw Fault() }
        var entries: [CBOR.Entry] = []
        var former: Range<Int>?
        for _ in 0..<count {
            let start = position
            let key = try value(depth: depth)
            let encoded = start..<position
            if let former { guard precedes(former, encoded) else { throw Fault() } }
            former = encoded
            entries.append(CBOR.Entry(key: key, value: try value(depth: depth)))
        }
        return entries
    }

    /// The order of keys: by their kind, then the shorter first, then byte by byte. Equal keys are in no order.
    private func precedes(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        let kinds = (source[a.lowerBound] >> 5, source[b.lowerBound] >> 5)
        if kinds.0 != kinds.1 { return kinds.0 < kinds.1 }
        if a.count != b.count { return a.count < b.count }
        return source[a].lexicographicallyPrecedes(source[b])
    }
}
