import Ground

/// A compact JWS whose signature holds (RFC 7515, section 5.2). There is none that was not verified.
public struct JWS: Sendable {
    public let payload: [UInt8]
    /// The `typ` of the header.
    public let type: String?
    /// The key that verified it.
    public let key: VerificationKey
    /// When the key's trust ends.
    let trustedUntil: Timestamp?

    /// - Parameter maximumSize: in bytes; what is longer is refused unread.
    /// - Throws: `.tooLarge`, `.malformed`, `.unknownKey`, `.wrongAlgorithm`, `.badSignature`.
    public init(
        verifying compact: some Collection<UInt8>, with keys: KeySet, at now: Timestamp, maximumSize: Int = 8192
    ) throws(TokenError) {
        guard compact.count <= maximumSize else { throw .tooLarge }
        let result =
            compact.withContiguousStorageIfAvailable { Self.verify(UnsafeRawBufferPointer($0), keys, now) }
            ?? Array(compact).withUnsafeBytes { Self.verify($0, keys, now) }
        self = try result.get()
    }

    private static func verify(
        _ token: UnsafeRawBufferPointer, _ keys: KeySet, _ now: Timestamp
    ) -> Result<JWS, TokenError> {
        do throws(TokenError) { return .success(try JWS(token, keys, now)) } catch { return .failure(error) }
    }

    private init(_ token: UnsafeRawBufferPointer, _ keys: KeySet, _ now: Timestamp) throws(TokenError) {
        guard let parts = CompactParts(token) else { throw .malformed }
        let trusted: TrustedKey
        if let known = keys.key(forAccessTokenHeader: parts.header) {
            trusted = known
            type = TokenType.accessToken.name
        } else {
            let header = try JOSEHeader(parsing: parts.header)
            trusted = try keys.key(for: header)
            type = header.type
        }
        guard trusted.isTrusted(at: now) else { throw .unknownKey }
        guard let signature = Base64URL.decode(parts.signature) else { throw .malformed }
        let holds = signature.withUnsafeBytes { trusted.key.verify($0, over: parts.signed) }
        guard holds else { throw .badSignature }
        guard let payload = Base64URL.decode(parts.payload) else { throw .malformed }
        self.payload = payload
        key = trusted.key
        trustedUntil = trusted.until
    }
}

extension JWS {
    /// The compact serialization of what one key signs, whatever a ring signs with at the time.
    public static func sign(_ payload: [UInt8], type: TokenType, with key: SigningKey) -> String {
        var token = JOSEHeader.encode(algorithm: key.algorithm, keyID: key.id, type: type)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(payload, into: &token)
        let signature = key.sign(token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature, into: &token)
        return String(decoding: token, as: UTF8.self)
    }
}
