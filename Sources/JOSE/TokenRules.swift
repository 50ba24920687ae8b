import Ground

/// What a token must be to be taken at one door (RFC 7519, section 7.2; RFC 9068, section 4).
public struct TokenRules: Sendable {
    public var issuer: String
    /// Must be the token's audience, or one of them.
    public var audience: String
    public var type: TokenType
    /// How far the clocks of issuer and verifier may differ.
    public var clockSkew: Duration
    /// Claims that must be there besides `iss`, `aud` and `exp`.
    public var requiredClaims: [String]
    /// In bytes.
    public var maximumSize: Int

    public init(
        issuer: String, audience: String, type: TokenType = .accessToken, clockSkew: Duration = .zero,
        requiredClaims: [String] = ["sub", "iat", "jti"], maximumSize: Int = 8192
    ) {
        self.issuer = issuer
        self.audience = audience
        self.type = type
        self.clockSkew = clockSkew
        self.requiredClaims = requiredClaims
        self.maximumSize = maximumSize
    }

    /// - Returns: when the token expires, the clock skew not counted.
    func check(_ claims: Claims, at now: Timestamp) throws(TokenError) -> Timestamp {
        guard let issuer = claims.issuer, Self.same(issuer, self.issuer) else { throw .wrongIssuer }
        guard claims.audience.contains(where: { Self.same($0, audience) }) else { throw .wrongAudience }
        guard let expiresAt = claims.expiresAt else { throw .badClaims("exp") }
        guard now < expiresAt + clockSkew else { throw .expired }
        if let notBefore = claims.notBefore, now + clockSkew < notBefore { throw .notYetValid }
        if let issuedAt = claims.issuedAt, now + clockSkew < issuedAt { throw .notYetValid }
        for name in requiredClaims where claims[name] == nil { throw .badClaims(name) }
        return expiresAt
    }

    /// Byte for byte, where `==` takes texts for equal that differ in Unicode normalisation
    /// (RFC 7519, section 7.3).
    private static func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}
