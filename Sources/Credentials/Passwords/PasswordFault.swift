/// What is wrong with a password that someone wants to have.
public enum PasswordFault: Error, Hashable, Sendable {
    case tooShort(minimum: Int)
    case tooLong(maximum: Int)
    case needsUppercase
    case needsLowercase
    case needsDigit
    case needsSpecialCharacter
    case containsControl
    case containsPersonal
    case common
    /// It has been stolen somewhere.
    case breached
    case tooWeak(score: Int, reasons: [StrengthReason])

    /// A stable name for programs.
    public var code: String {
        switch self {
        case .tooShort: "password_too_short"
        case .tooLong: "password_too_long"
        case .needsUppercase: "password_needs_uppercase"
        case .needsLowercase: "password_needs_lowercase"
        case .needsDigit: "password_needs_digit"
        case .needsSpecialCharacter: "password_needs_special_character"
        case .containsControl: "password_contains_control_character"
        case .containsPersonal: "password_contains_personal_data"
        case .common: "password_common"
        case .breached: "password_breached"
        case .tooWeak: "password_too_weak"
        }
    }

    /// An English sentence for people; it never quotes the password.
    public var message: String {
        switch self {
        case .tooShort(let minimum): "The password must have at least \(minimum) characters."
        case .tooLong(let maximum): "The password must have at most \(maximum) characters."
        case .needsUppercase: "The password must contain an upper-case letter."
        case .needsLowercase: "The password must contain a lower-case letter."
        case .needsDigit: "The password must contain a digit."
        case .needsSpecialCharacter: "The password must contain a character that is neither letter nor digit."
        case .containsControl: "The password must not contain control characters."
        case .containsPersonal: "The password is little more than your name, address or company."
        case .common: "The password is one of those that are tried first."
        case .breached: "The password is in a public collection of stolen passwords."
        case .tooWeak(_, let reasons):
            (["The password is too easy to guess."] + reasons.map(\.message)).joined(separator: " ")
        }
    }
}
