import Ground
import JOSE

/// An issuer with its keys, who can also make tokens that no honest issuer would.
struct TestIssuer {
    static let issuer = "https://auth.example.com"
    static let audience = "https://api.example.com"

    let key: SigningKey
    let ring: KeyRing
    let verifier: TokenVerifier

    init(_ algorithm: SignatureAlgorithm = .edDSA, rules: TokenRules = Self.rules) throws {
        key = try TestKeys.key(algorithm)
        ring = KeyRing(current: key)
        verifier = TokenVerifier(rules: rules, ring: ring)
    }

    static let rules = TokenRules(issuer: issuer, audience: audience)

    /// The claims of a good token: 15 minutes from `testTime`.
    static let claims: JSON = [
        "iss": .string(issuer), "aud": .string(audience), "sub": "9b2f6c1e", "iat": 1_800_000_000,
        "exp": 1_800_000_900, "jti": "Zb3kPq0vX1m",
    ]

    var header: JSON { ["alg": .string(key.algorithm.rawValue), "kid": .string(key.id), "typ": "at+jwt"] }

    func token(_ claims: JSON = Self.claims, header: JSON? = nil) -> String {
        token(header: (header ?? self.header).text, payload: claims.text)
    }

    /// Signs whatever the texts are.
    func token(header: String, payload: String, key: SigningKey? = nil) -> String {
        let signed = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        return signed + "." + Base64URL.encode((key ?? self.key).sign(Array(signed.utf8)))
    }

    /// Why the token is refused; nil when it is taken.
    func refusal(of token: String, at now: Timestamp = testTime) -> TokenError? {
        do throws(TokenError) {
            _ = try verifier.verify(token.utf8, at: now)
            return nil
        } catch { return error }
    }

    /// Why a well signed token with these claims is refused.
    func refusal(of claims: JSON, at now: Timestamp = testTime) -> TokenError? {
        refusal(of: token(claims), at: now)
    }
}
