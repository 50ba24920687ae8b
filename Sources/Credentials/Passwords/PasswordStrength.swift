import CZxcvbn
import Glibc

/// How many guesses a password withstands, estimated as zxcvbn does (Wheeler, USENIX Security 2016).
public struct PasswordStrength: Sendable, Hashable {
    /// Characters given to zxcvbn. Its work on a walk over the keyboard (`121212…`) grows with the fourth power of
    /// the length: a second for 100 characters, three milliseconds for these. A password withstands what its
    /// beginning withstands, so the estimate errs to the safe side.
    static let longestInput = 24

    /// 0 to 4: up to 10^3, 10^6, 10^8, 10^10 guesses, and more.
    public let score: Int
    /// The binary logarithm of the number of guesses.
    public let bits: Double
    /// What the estimate found, each once.
    public let reasons: [StrengthReason]
    /// The whole password is one word of the dictionaries, perhaps with substitutions, reversed or repeated.
    public let isOneWord: Bool

    /// - Parameter personal: lower-case words that are known about the person.
    public init(of password: String, personal: [String] = []) {
        let scalars = password.unicodeScalars.prefix(PasswordPolicy.lengths.upperBound)
        // A NUL would end the text for zxcvbn, and hide what stands behind it.
        let ascii = scalars.filter { $0.isASCII && $0.value != 0 }
        let matches = Self.matches(in: ascii.prefix(Self.longestInput), personal: personal)
        let foreign = Self.bits(ofForeign: scalars.filter { !$0.isASCII })
        let guesses = exp2(matches.bits + foreign)
        bits = matches.bits + foreign
        score = [1e3, 1e6, 1e8, 1e10].filter { guesses >= $0 }.count
        let words = [DICTIONARY_MATCH.rawValue, DICT_LEET_MATCH.rawValue]
        isOneWord = foreign == 0 && ascii.count <= Self.longestInput && matches.found.count == 1
            && words.contains(matches.found[0] & ~MULTIPLE_MATCH.rawValue)
        var reasons = [StrengthReason]()
        for reason in matches.found.flatMap(Self.reasons(ofMatch:)) where !reasons.contains(reason) {
            reasons.append(reason)
        }
        if reasons.isEmpty, score < 3 { reasons = [.short] }
        self.reasons = reasons
    }

    /// zxcvbn knows ASCII only, and takes each byte of anything else for a random one. A letter in a word of any
    /// alphabet carries some two bits, an ideograph twice that; one that comes again half as much as a letter, and
    /// no more often than there are different ones.
    private static func bits(ofForeign scalars: [Unicode.Scalar]) -> Double {
        let different = Set(scalars)
        let repeated = min(scalars.count - different.count, different.count)
        return different.reduce(Double(repeated)) { $0 + ($1.value < 0x2e80 ? 2 : 4) }
    }

    private static func matches(
        in text: some Collection<Unicode.Scalar>, personal: [String]
    ) -> (bits: Double, found: [UInt32]) {
        guard !text.isEmpty else { return (0, []) }
        var words: [UnsafePointer<CChar>?] = personal.map { UnsafePointer(strdup($0)) }
        words.append(nil)
        defer { for word in words { free(UnsafeMutablePointer(mutating: word)) } }
        var first: UnsafeMutablePointer<ZxcMatch_t>?
        let bits = ZxcvbnMatch(text.map { CChar(truncatingIfNeeded: $0.value) } + [0], &words, &first)
        defer { ZxcvbnFreeInfo(first) }
        var found = [UInt32]()
        var match = first
        while let current = match {
            found.append(current.pointee.Type.rawValue)
            match = current.pointee.Next
        }
        return (bits, found)
    }

    private static func reasons(ofMatch type: UInt32) -> [StrengthReason] {
        let repeated: [StrengthReason] = type & MULTIPLE_MATCH.rawValue != 0 ? [.repeated] : []
        switch ZxcTypeMatch_t(type & ~MULTIPLE_MATCH.rawValue) {
        case DICTIONARY_MATCH: return [.dictionaryWord] + repeated
        case DICT_LEET_MATCH: return [.substitutedWord] + repeated
        case USER_MATCH, USER_LEET_MATCH: return [.personal] + repeated
        case REPEATS_MATCH: return [.repeated]
        case SEQUENCE_MATCH: return [.sequence] + repeated
        case SPATIAL_MATCH: return [.keyboardPattern] + repeated
        case DATE_MATCH, YEAR_MATCH: return [.date] + repeated
        default: return repeated
        }
    }
}
