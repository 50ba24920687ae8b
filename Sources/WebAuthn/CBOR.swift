/// A value of CBOR (RFC 8949), of the kinds that authenticators write.
package enum CBOR: Hashable, Sendable {
    case unsigned(UInt64)
    /// -1 - n.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([Entry])
    case bool(Bool)
    case null

    package struct Entry: Hashable, Sendable {
        package let key: CBOR
        package let value: CBOR

        package init(key: CBOR, value: CBOR) {
            self.key = key
            self.value = value
        }
    }

    /// The value under that key; nil where there is none, or where this is no map.
    subscript(key: CBOR) -> CBOR? {
        guard case .map(let entries) = self else { return nil }
        return entries.first { $0.key == key }?.value
    }

    subscript(name: String) -> CBOR? { self[.text(name)] }

    subscript(label: Int64) -> CBOR? { self[CBOR(label)] }

    init(_ number: Int64) {
        self = number < 0 ? .negative(UInt64(bitPattern: -1 - number)) : .unsigned(UInt64(bitPattern: number))
    }

    /// nil for what is no integer, or one of more than 64 bits with its sign.
    var integer: Int64? {
        switch self {
        case .unsigned(let value): Int64(exactly: value)
        case .negative(let value): Int64(exactly: value).map { -1 - $0 }
        default: nil
        }
    }
    var bytes: [UInt8]? {
        if case .bytes(let value) = self { value } else { nil }
    }
    var text: String? {
        if case .text(let value) = self { value } else { nil }
    }
    var array: [CBOR]? {
        if case .array(let value) = self { value } else { nil }
    }
    var entries: [Entry]? {
        if case .map(let value) = self { value } else { nil }
    }
}
