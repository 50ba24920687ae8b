/// What a Redis server answers, in RESP2 or RESP3.
///
/// Sets and maps come as arrays (a map as key, value, key, value), doubles and big numbers as their text.
package enum Reply: Hashable, Sendable {
    case bytes([UInt8])
    case integer(Int64)
    case null
    /// An error: its code, a space, and a text.
    case failure(String)
    case array([Reply])
    /// What was not asked for: a message of a channel.
    case push([Reply])

    var text: String? {
        guard case .bytes(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An integer, or the text of one.
    var number: Int64? {
        switch self {
        case .integer(let number): number
        case .bytes(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
        default: nil
        }
    }

    var items: [Reply]? {
        switch self {
        case .array(let items), .push(let items): items
        default: nil
        }
    }
}
