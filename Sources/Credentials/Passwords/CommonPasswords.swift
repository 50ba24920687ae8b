import CCommonPasswords

/// The passwords that are tried first: those of public leaks, most common first.
///
/// libzxcvbn has a dictionary of its own, but of the ten thousand most common passwords Debian's build knows little
/// more than half as a whole.
public enum CommonPasswords {
    /// How many the list holds.
    public static var count: Int { folded.count }

    /// Hashes of the folded passwords: eight bytes each instead of a string.
    private static let folded: Set<UInt64> = {
        var size = 0
        guard let start = gh_common_passwords(&size) else { return [] }
        let lines = UnsafeBufferPointer(start: start, count: size).split(separator: 10)
        return Set(lines.lazy.filter { !$0.starts(with: "# ".utf8) }.map { hash($0) })
    }()

    /// Whether the password is on the list, in any case, with the usual substitutions (`P@ssw0rd`), or repeated.
    public static func contains(_ password: String) -> Bool {
        let text = Array(password.lowercased().utf8)
        if folded.contains(hash(text)) { return true }
        return (1..<text.count / 2 + 1).contains { length in
            text.count % length == 0 && text[length...].elementsEqual(text.dropLast(length))
                && folded.contains(hash(text[..<length]))
        }
    }

    /// FNV-1a over the folded bytes. A collision refuses one password too many, no more.
    private static func hash(_ text: some Sequence<UInt8>) -> UInt64 {
        text.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64(fold($1))) &* 0x100_0000_01b3 }
    }

    /// One sign for all that are written for each other.
    private static func fold(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "4"), UInt8(ascii: "@"): UInt8(ascii: "a")
        case UInt8(ascii: "3"): UInt8(ascii: "e")
        case UInt8(ascii: "0"): UInt8(ascii: "o")
        case UInt8(ascii: "1"), UInt8(ascii: "!"), UInt8(ascii: "|"), UInt8(ascii: "l"): UInt8(ascii: "i")
        case UInt8(ascii: "5"), UInt8(ascii: "$"): UInt8(ascii: "s")
        case UInt8(ascii: "7"), UInt8(ascii: "+"): UInt8(ascii: "t")
        default: byte
        }
    }
}
