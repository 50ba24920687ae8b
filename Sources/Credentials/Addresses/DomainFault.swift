/// Why a text is no domain name.
public enum DomainFault: Error, Hashable, Sendable {
    case empty
    case tooLong
    /// An IP address, or a name that software could take for one.
    case isAddress
    /// No dot: a name of the local network.
    case notQualified
    /// Two dots in a row, or one at the start or end.
    case emptyLabel
    /// A character, or an order of them, that a domain name cannot have.
    case invalid

    /// A stable name for programs.
    public var code: String {
        switch self {
        case .empty: "domain_empty"
        case .tooLong: "domain_too_long"
        case .isAddress: "domain_is_address"
        case .notQualified: "domain_not_qualified"
        case .emptyLabel: "domain_empty_label"
        case .invalid: "domain_invalid"
        }
    }

    /// An English sentence for people.
    public var message: String {
        switch self {
        case .empty: "The domain is empty."
        case .tooLong: "The domain is longer than a domain can be."
        case .isAddress: "An IP address is no domain."
        case .notQualified: "The domain must have at least two parts, such as example.com."
        case .emptyLabel: "The domain must not begin or end with a dot, or have two in a row."
        case .invalid: "The domain contains what a domain cannot have; give it as example.com, without https or path."
        }
    }
}
