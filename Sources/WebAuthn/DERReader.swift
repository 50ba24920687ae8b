/// Reads elements of DER (X.690) one after the other: what certificates say in extensions that OpenSSL does not know.
struct DERReader {
    struct Fault: Error {}

    struct Element {
        /// The class and form in the upper three bits of the first byte.
        let head: UInt8
        let tag: Int
        let contents: ArraySlice<UInt8>

        static let sequence: UInt8 = 0x30
        static let set: UInt8 = 0x31
        static let octets: UInt8 = 0x04
        static let integer: UInt8 = 0x02
        static let object: UInt8 = 0x06

        var isContextual: Bool { head & 0xc0 == 0x80 }
        /// What stands inside.
        var inside: DERReader { DERReader(contents) }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { rest = Array(bytes)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next() throws(Fault) -> Element {
        let head = try byte()
        var tag = Int(head & 0x1f)
        if tag == 0x1f {
            tag = 0
            while true {
                let digit = try byte()
                guard tag < 1 << 20 else { throw Fault() }
                tag = tag << 7 | Int(digit & 0x7f)
                if digit & 0x80 == 0 { break }
            }
        }
        var length = Int(try byte())
        if length >= 0x80 {
            let count = length & 0x7f
            guard (1...3).contains(count) else { throw Fault() }
            length = 0
            for _ in 0..<count { length = length << 8 | Int(try byte()) }
        }
        guard length <= rest.count else { throw Fault() }
        defer { rest = rest.dropFirst(length) }
        return Element(head: head, tag: tag, contents: rest.prefix(length))
    }

    /// - Throws: where the next element is another.
    mutating func next(_ head: UInt8) throws(Fault) -> Element {
        let element = try next()
        guard element.head == head else { throw Fault() }
        return element
    }

    private mutating func byte() throws(Fault) -> UInt8 {
        guard let byte = rest.popFirst() else { throw Fault() }
        return byte
    }
}
