/// The signature algorithms of RFC 7518, section 3.1, and RFC 8037, section 3.1, that are spoken here.
/// `none` is not among them, so no token can ask for it.
public enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case edDSA = "EdDSA"
    case es256 = "ES256"
    case rs256 = "RS256"
    case hs256 = "HS256"
}
