/// The header fields of a request: the bytes of its head, read where they stand.
public struct Headers: Sendable {
    private let bytes: [UInt8]
    private let fields: [HeaderField]

    init(bytes: [UInt8], fields: [HeaderField]) {
        self.bytes = bytes
        self.fields = fields
    }

    /// For requests that came over no socket.
    public init(_ pairs: [(String, String)] = []) {
        var bytes: [UInt8] = []
        var fields: [HeaderField] = []
        func add(_ text: String) -> HeadRange {
            let range = HeadRange(start: Int32(bytes.count), count: Int32(text.utf8.count))
            bytes.append(contentsOf: text.utf8)
            return range
        }
        for (name, value) in pairs { fields.append(HeaderField(name: add(name), value: add(value))) }
        self.init(bytes: bytes, fields: fields)
    }

    public var count: Int { fields.count }

    /// The first value under that name, given in lower case. Bytes that are no UTF-8 are replaced.
    public subscript(name: StaticString) -> String? {
        withValue(name) { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of the first value under that name, without a copy.
    public func withValue<T>(_ name: StaticString, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T? {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return nil }
            for field in fields where matches(base + Int(field.name.start), Int(field.name.count), name) {
                return body(UnsafeBufferPointer(start: base + Int(field.value.start), count: Int(field.value.count)))
            }
            return nil
        }
    }

    /// Every value under that name, in order.
    public func values(_ name: StaticString) -> [String] {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return [] }
            return fields.compactMap { field in
                guard matches(base + Int(field.name.start), Int(field.name.count), name) else { return nil }
                let value = UnsafeBufferPointer(start: base + Int(field.value.start), count: Int(field.value.count))
                return String(decoding: value, as: UTF8.self)
            }
        }
    }
}
