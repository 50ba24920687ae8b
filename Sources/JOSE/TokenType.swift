/// What a token is for, written in the `typ` of its header, so that no kind passes for another
/// (RFC 8725, section 3.11).
public enum TokenType: Hashable, Sendable {
    /// `at+jwt` (RFC 9068, section 2.1).
    case accessToken
    /// `JWT`. OpenID Connect asks for no `typ`, so a token of another issuer may come without.
    case idToken
    /// A kind of the product's own, such as `reset+jwt`.
    case named(String)

    var name: String {
        switch self {
        case .accessToken: "at+jwt"
        case .idToken: "JWT"
        case .named(let name): name
        }
    }

    func accepts(_ type: String?) -> Bool {
        switch self {
        case .accessToken: type == name || type == "application/at+jwt"
        case .idToken: type == nil || type?.lowercased() == "jwt"
        case .named: type == name
        }
    }
}
