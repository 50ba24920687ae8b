import Ground

/// The small pieces that stored hashes are written in.
enum HashText {
    /// Longer is no hash of any form.
    static let longest = 1024

    /// A whole number without sign.
    static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    /// The number behind `name=`.
    static func number(_ name: String, _ text: Substring) -> Int? {
        text.hasPrefix(name) ? number(text.dropFirst(name.count)) : nil
    }

    /// Base64 in whatever alphabet: `+/`, `-_`, or passlib's `./`; with padding or without.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        var letters = Array(text.utf8)
        for _ in 0..<2 where letters.last == 61 { letters.removeLast() }
        for index in letters.indices {
            switch letters[index] {
            case 43, 46: letters[index] = 45
            case 47: letters[index] = 95
            default: break
            }
        }
        return Base64URL.decode(letters)
    }

    /// Base64 in its common alphabet, without padding.
    static func text(_ bytes: [UInt8]) -> String {
        var letters: [UInt8] = []
        Base64URL.encode(bytes, into: &letters)
        for index in letters.indices {
            switch letters[index] {
            case 45: letters[index] = 43
            case 95: letters[index] = 47
            default: break
            }
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// The parts between dollar signs, the one before the first included.
    static func parts(_ text: some StringProtocol) -> [Substring] {
        Substring(text).split(separator: "$", omittingEmptySubsequences: false)
    }
}
