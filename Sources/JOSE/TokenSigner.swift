import Ground

/// Makes tokens of one type with whichever key the ring signs with at the time.
public struct TokenSigner: Sendable {
    public let type: TokenType
    private let ring: KeyRing

    public init(ring: KeyRing, type: TokenType = .accessToken) {
        self.ring = ring
        self.type = type
    }

    /// The compact serialization (RFC 7515, section 7.1).
    public func sign(_ claims: Claims) -> String {
        let (key, accessTokenHeader) = ring.signing
        var token =
            type == .accessToken
            ? accessTokenHeader : JOSEHeader.encode(algorithm: key.algorithm, keyID: key.id, type: type)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(JSON.object(claims.members).utf8, into: &token)
        let signature = key.sign(token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature, into: &token)
        return String(decoding: token, as: UTF8.self)
    }
}
