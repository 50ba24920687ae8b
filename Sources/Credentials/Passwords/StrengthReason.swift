/// What makes a password easier to guess than its length promises.
public enum StrengthReason: String, Hashable, Sendable, CaseIterable {
    case dictionaryWord = "dictionary_word"
    case substitutedWord = "substituted_word"
    case personal = "personal"
    case repeated = "repeated"
    case sequence = "sequence"
    case keyboardPattern = "keyboard_pattern"
    case date = "date"
    case short = "short"

    /// A stable name for programs.
    public var code: String { rawValue }

    /// An English sentence for people.
    public var message: String {
        switch self {
        case .dictionaryWord: "It contains a common word, name or password."
        case .substitutedWord: "It contains a common word with predictable substitutions, such as @ for a."
        case .personal: "It contains something that is known about you."
        case .repeated: "It repeats characters or words."
        case .sequence: "It contains a sequence, such as abc or 6543."
        case .keyboardPattern: "It follows a pattern of the keyboard, such as qwerty."
        case .date: "It contains a date or a year."
        case .short: "It is short."
        }
    }
}
