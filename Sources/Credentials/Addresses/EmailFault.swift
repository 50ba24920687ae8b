/// Why a text is no e-mail address that this server takes.
public enum EmailFault: Error, Hashable, Sendable {
    case empty
    case tooLong
    /// No `@`, or more than one.
    case notOneAt
    /// The part before the `@` is empty, is longer than 64 bytes, or has what it cannot have.
    case localPart
    case domain(DomainFault)

    /// A stable name for programs.
    public var code: String {
        switch self {
        case .empty: "email_empty"
        case .tooLong: "email_too_long"
        case .notOneAt, .localPart, .domain: "email_invalid"
        }
    }

    /// An English sentence for people.
    public var message: String {
        switch self {
        case .empty: "The e-mail address is empty."
        case .tooLong: "The e-mail address must have at most \(EmailAddress.longest) bytes."
        case .notOneAt: "An e-mail address has one @."
        case .localPart: "The part before the @ contains what an e-mail address cannot have here."
        case .domain(let fault): fault.message
        }
    }
}
