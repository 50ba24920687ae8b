/// Why a token is refused. For the log and for tests: a client is told only that its token is not valid.
public enum TokenError: Error, Hashable, Sendable {
    /// No compact JWS, or a header or claims that cannot be read in exactly one way.
    case malformed
    case tooLarge
    /// No key of that id is trusted now.
    case unknownKey
    /// The header names another algorithm than its key's, or one that is not spoken here.
    case wrongAlgorithm
    case badSignature
    /// A token of one kind in place of another.
    case wrongType
    case wrongIssuer
    case wrongAudience
    case expired
    case notYetValid
    /// The claim of that name is missing, or its value has not the form it must have.
    case badClaims(String)
}
