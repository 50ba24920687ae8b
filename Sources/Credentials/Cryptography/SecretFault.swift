/// Why a configured secret protects nothing.
public enum SecretFault: Error, Hashable, Sendable {
    case tooShort(minimum: Int)
    /// It is, or contains, what stands in examples and templates.
    case wellKnown
    /// It is made of repetitions, sequences or plain words.
    case predictable

    /// A stable name for logs and answers.
    public var code: String {
        switch self {
        case .tooShort: "secret_too_short"
        case .wellKnown: "secret_well_known"
        case .predictable: "secret_predictable"
        }
    }

    /// An English sentence for the operator; it never quotes the secret.
    public var message: String {
        switch self {
        case .tooShort(let minimum): "The secret must have at least \(minimum) bytes."
        case .wellKnown: "The secret contains a phrase of examples and templates; make a random one."
        case .predictable: "The secret can be guessed; make a random one, for instance with openssl rand -base64 48."
        }
    }
}
