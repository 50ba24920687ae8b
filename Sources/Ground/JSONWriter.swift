/// Writes JSON text straight into bytes.
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    public mutating func object(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(123)
        needsComma = false
        body(&self)
        bytes.append(125)
        needsComma = true
    }

    public mutating func array(_ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(91)
        needsComma = false
        body(&self)
        bytes.append(93)
        needsComma = true
    }

    public mutating func name(_ name: String) {
        string(name)
        bytes.append(58)
        needsComma = false
    }

    public mutating func member(_ name: String, _ value: String) { self.name(name); string(value) }
    public mutating func member(_ name: String, _ value: Int64) { self.name(name); integer(value) }
    public mutating func member(_ name: String, _ value: Bool) { self.name(name); bool(value) }
    public mutating func member(_ name: String, _ value: JSON) { self.name(name); self.value(value) }
    public mutating func member(_ name: String, _ body: (inout JSONWriter) -> Void) { self.name(name); object(body) }
    /// A value whose JSON text was written before.
    public mutating func member(_ name: String, raw text: [UInt8]) { self.name(name); raw(text) }

    public mutating func raw(_ text: [UInt8]) {
        separate()
        bytes.append(contentsOf: text)
        needsComma = true
    }

    public mutating func null() { raw([110, 117, 108, 108]) }

    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        needsComma = true
    }

    public mutating func integer(_ value: Int64) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    /// Escapes what RFC 8259 demands, and besides it what could mislead a terminal or a page that shows
    /// the text raw: control characters of both sets, `<`, line separators and bidirectional marks.
    public mutating func string(_ value: String) {
        separate()
        bytes.append(34)
        var value = value
        value.withUTF8 { text in
            if Self.isPlain(text) { return bytes.append(contentsOf: text) }
            var start = 0
            var index = 0
            while index < text.count {
                let byte = text[index]
                if byte >= 0x20 && byte < 0x7f && byte != 34 && byte != 92 && byte != 60 {
                    index += 1
                    continue
                }
                if byte >= 0x80 {
                    let (scalar, length) = Self.scalar(in: text, at: index)
                    guard Self.misleads(scalar) else {
                        index += length
                        continue
                    }
                    bytes.append(contentsOf: text[start..<index])
                    escape(scalar)
                    index += length
                    start = index
                    continue
                }
                bytes.append(contentsOf: text[start..<index])
                switch byte {
                case 34, 92: bytes.append(92); bytes.append(byte)
                case 10: bytes.append(92); bytes.append(110)
                case 13: bytes.append(92); bytes.append(114)
                case 9: bytes.append(92); bytes.append(116)
                default: escape(UInt32(byte))
                }
                index += 1
                start = index
            }
            bytes.append(contentsOf: text[start..<text.count])
        }
        bytes.append(34)
        needsComma = true
    }

    public mutating func value(_ value: JSON) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): raw(Array((value.isFinite ? value.description : "null").utf8))
        case .string(let value): string(value)
        case .array(let items): array { for item in items { $0.value(item) } }
        case .object(let members): object { for member in members { $0.member(member.name, member.value) } }
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(44) }
    }

    private mutating func escape(_ scalar: UInt32) {
        bytes.append(92)
        bytes.append(117)
        for shift in [12, 8, 4, 0] as [UInt32] { bytes.append(Hex.digit(UInt8(scalar >> shift & 15))) }
    }

    /// Whether nothing in the text needs a second look. Without a branch, so that many bytes are looked at in
    /// one step: most texts are plain, and tokens are long.
    private static func isPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var others: UInt8 = 0
        for byte in text {
            // 0x20...0x7e without quote, backslash and less-than.
            others |= byte &- 0x20 < 0x5f ? 0 : 1
            others |= byte == 34 ? 1 : 0
            others |= byte == 92 ? 1 : 0
            others |= byte == 60 ? 1 : 0
        }
        return others == 0
    }

    /// Swift strings are valid UTF-8, so the lead byte tells the length.
    private static func scalar(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (UInt32, Int) {
        let lead = UInt32(text[index])
        func next(_ offset: Int) -> UInt32 { UInt32(text[index + offset]) & 0x3f }
        if lead < 0xe0 { return ((lead & 0x1f) << 6 | next(1), 2) }
        if lead < 0xf0 { return ((lead & 0x0f) << 12 | next(1) << 6 | next(2), 3) }
        return ((lead & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4)
    }

    private static func misleads(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x7f...0x9f, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }
}
