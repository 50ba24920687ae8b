/// Why a password hash that comes from elsewhere is not taken over.
public enum HashFault: Error, Hashable, Sendable {
    /// It is of no form that is checked here.
    case unknownForm
    /// It begins like a known form, and cannot be read.
    case malformed
    /// Checking it would take more time or memory than a server can bear.
    case tooCostly
    /// It was made with a pepper that this server has not.
    case unknownPepper

    /// A stable name for programs.
    public var code: String {
        switch self {
        case .unknownForm: "hash_unknown"
        case .malformed: "hash_malformed"
        case .tooCostly: "hash_too_costly"
        case .unknownPepper: "hash_of_other_pepper"
        }
    }

    /// An English sentence for people; it never quotes the hash.
    public var message: String {
        switch self {
        case .unknownForm: "This is no password hash of a kind that can be checked here."
        case .malformed: "This password hash cannot be read."
        case .tooCostly: "Checking this password hash would take more time or memory than is allowed."
        case .unknownPepper: "This password hash was made with the secret of another server."
        }
    }
}
