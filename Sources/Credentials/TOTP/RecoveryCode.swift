import Ground

/// A code for whoever has lost every other second factor: 12 characters, 60 bits, in three groups.
public struct RecoveryCode: Sendable {
    private static let length = 12
    /// Crockford's: without the letters that are taken for digits, or make words.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

    /// Without dashes.
    public let text: String

    /// A new one.
    public init(random: RandomSource) {
        // Each byte gives five bits, so that none is likelier than another.
        text = String(random.bytes(Self.length).map { Self.alphabet[Int($0 & 31)] })
    }

    /// One as somebody has written it down: in any case, with dashes or spaces, and with O for 0, or I and L for 1.
    /// - Returns: nil for what cannot be one.
    public init?(_ written: String) {
        guard written.utf8.count <= 64 else { return nil }
        var text = ""
        for byte in written.utf8 where byte != 45 && byte != 32 {
            let character: Character
            switch byte {
            case 79, 111: character = "0"
            case 73, 76, 105, 108: character = "1"
            case 97...122: character = Character(Unicode.Scalar(byte - 32))
            default: character = Character(Unicode.Scalar(byte))
            }
            guard Self.alphabet.contains(character) else { return nil }
            text.append(character)
        }
        guard text.count == Self.length else { return nil }
        self.text = text
    }

    /// As it is shown.
    public var shown: String {
        let characters = Array(text)
        return stride(from: 0, to: characters.count, by: 4)
            .map { String(characters[$0..<min($0 + 4, characters.count)]) }.joined(separator: "-")
    }
}
