import Ground

/// Takes tokens that keep the rules and are signed by a trusted key, and no others.
public struct TokenVerifier: Sendable {
    private enum Source: Sendable {
        case ring(KeyRing)
        case fixed(KeySet)
    }

    public let rules: TokenRules
    private let source: Source

    /// Verifies the tokens of this server.
    public init(rules: TokenRules, ring: KeyRing) {
        self.rules = rules
        source = .ring(ring)
    }

    /// Verifies the tokens of another issuer, whose keys were fetched.
    public init(rules: TokenRules, keys: KeySet) {
        self.rules = rules
        source = .fixed(keys)
    }

    /// - Parameter token: in bytes; of a `String` its `utf8`.
    public func verify(_ token: some Collection<UInt8>, at now: Timestamp) throws(TokenError) -> Claims {
        try check(token, at: now).claims
    }

    func check(_ token: some Collection<UInt8>, at now: Timestamp) throws(TokenError) -> VerifiedToken {
        let keys = keys
        let jws = try JWS(verifying: token, with: keys, at: now, maximumSize: rules.maximumSize)
        guard rules.type.accepts(jws.type) else { throw .wrongType }
        let json: JSON
        do { json = try JSON.parse(jws.payload) } catch { throw .malformed }
        let claims = try Claims(json)
        let expiresAt = try rules.check(claims, at: now)
        return VerifiedToken(
            claims: claims, validUntil: min(expiresAt, jws.trustedUntil ?? expiresAt), generation: keys.generation)
    }

    private var keys: KeySet {
        switch source {
        case .ring(let ring): ring.keys
        case .fixed(let keys): keys
        }
    }

    /// The state of the keys now.
    var generation: Int {
        switch source {
        case .ring(let ring): ring.generation
        case .fixed(let keys): keys.generation
        }
    }
}
