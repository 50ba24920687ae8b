/// What a new password must be like (NIST SP 800-63B, 5.1.1.2). Characters are Unicode scalars, as counted there.
///
/// Composition rules are off unless set: they make passwords predictable rather than strong. What holds by default
/// is length, the list of common passwords, and an estimate of the guesses needed.
public struct PasswordPolicy: Sendable, Hashable {
    /// What the length settings may be.
    public static let lengths = 8...128

    public let minimumLength: Int
    public let maximumLength: Int
    public let requireUppercase: Bool
    public let requireLowercase: Bool
    public let requireDigit: Bool
    public let requireSpecialCharacter: Bool
    public let blockCommon: Bool
    /// The least ``PasswordStrength/score``, 0 to 4; `blockCommon` asks for 1 at least.
    public let minimumScore: Int

    /// The rules that hold where nothing is set.
    public static let standard = PasswordPolicy()

    private init() {
        minimumLength = 8
        maximumLength = 128
        requireUppercase = false
        requireLowercase = false
        requireDigit = false
        requireSpecialCharacter = false
        blockCommon = true
        minimumScore = 2
    }

    /// nil where a length is outside ``lengths``, the maximum below the minimum, or the score not 0 to 4.
    public init?(
        minimumLength: Int = 8, maximumLength: Int = 128, requireUppercase: Bool = false,
        requireLowercase: Bool = false, requireDigit: Bool = false, requireSpecialCharacter: Bool = false,
        blockCommon: Bool = true, minimumScore: Int = 2
    ) {
        guard Self.lengths.contains(minimumLength), Self.lengths.contains(maximumLength),
            minimumLength <= maximumLength, (0...4).contains(minimumScore)
        else { return nil }
        self.minimumLength = minimumLength
        self.maximumLength = maximumLength
        self.requireUppercase = requireUppercase
        self.requireLowercase = requireLowercase
        self.requireDigit = requireDigit
        self.requireSpecialCharacter = requireSpecialCharacter
        self.blockCommon = blockCommon
        self.minimumScore = minimumScore
    }

    /// Everything that speaks against the password; empty where it may be used. Costs some 20 microseconds, but
    /// up to four milliseconds for a text made to that end: its place is on the ``HashingPool``, before the hash.
    ///
    /// - Parameter personal: what is known about the person: name, e-mail, company. Words of it are looked for.
    public func check(_ password: String, against personal: [String] = []) -> [PasswordFault] {
        guard password.utf8.count <= PasswordHasher.longestPassword, password.unicodeScalars.count <= maximumLength
        else { return [.tooLong(maximum: maximumLength)] }
        let scalars = Array(password.unicodeScalars)
        var faults = composition(of: scalars)
        if scalars.count < minimumLength { faults.insert(.tooShort(minimum: minimumLength), at: 0) }
        // The estimate ends at a NUL, and such a password is refused already.
        guard !faults.contains(.containsControl) else { return faults }
        let words = PersonalWords(personal)
        if let rest = words.rest(of: password), rest < minimumLength { faults.append(.containsPersonal) }
        return faults + weakness(of: password, knowing: words)
    }

    private func composition(of scalars: [Unicode.Scalar]) -> [PasswordFault] {
        var upper = false, lower = false, digit = false, special = false, control = false
        for properties in scalars.lazy.map(\.properties) {
            upper = upper || properties.isUppercase
            lower = lower || properties.isLowercase
            switch properties.generalCategory {
            case .decimalNumber: digit = true
            case .control, .lineSeparator, .paragraphSeparator: control = true
            case _ where !properties.isAlphabetic: special = true
            default: break
            }
        }
        var faults = [PasswordFault]()
        if requireUppercase, !upper { faults.append(.needsUppercase) }
        if requireLowercase, !lower { faults.append(.needsLowercase) }
        if requireDigit, !digit { faults.append(.needsDigit) }
        if requireSpecialCharacter, !special { faults.append(.needsSpecialCharacter) }
        if control { faults.append(.containsControl) }
        return faults
    }

    private func weakness(of password: String, knowing words: PersonalWords) -> [PasswordFault] {
        if blockCommon, CommonPasswords.contains(password) { return [.common] }
        let strength = PasswordStrength(of: password, personal: words.words)
        if blockCommon, strength.isOneWord { return [.common] }
        // No list names every password that falls within the first thousand guesses.
        let least = blockCommon ? max(1, minimumScore) : minimumScore
        return strength.score < least ? [.tooWeak(score: strength.score, reasons: strength.reasons)] : []
    }
}
