import Ground

/// What a password is looked up by: the first eight bytes of its SHA-1, as one number.
public struct BreachedKey: Hashable, Comparable, Sendable {
    public let value: UInt64

    public init(value: UInt64) { self.value = value }

    /// The bytes of the password count as they are, in UTF-8.
    public init(_ password: String) {
        var password = password
        value = password.withUTF8 { Digest.sha1Prefix($0) }
    }

    /// The first five hexadecimal digits: all of it that a range API is told.
    public var range: String {
        String(decoding: (0..<5).map { Hex.digit(UInt8(truncatingIfNeeded: value >> (60 - 4 * $0)) & 15) }, as: UTF8.self)
            .uppercased()
    }

    public static func < (a: BreachedKey, b: BreachedKey) -> Bool { a.value < b.value }
}
