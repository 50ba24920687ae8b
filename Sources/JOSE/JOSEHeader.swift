import Ground

/// What counts in the header of a JWS (RFC 7515, section 4). Keys that a header brings along or points to
/// (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
struct JOSEHeader {
    let algorithm: SignatureAlgorithm
    let keyID: String
    let type: String?

    init(parsing encoded: UnsafeRawBufferPointer) throws(TokenError) {
        guard let text = Base64URL.decode(encoded) else { throw .malformed }
        let json: JSON
        do { json = try JSON.parse(text, limits: JSONLimits(depth: 4, values: 64)) } catch { throw .malformed }
        // No extension is understood, so none may be critical (section 4.1.11), and a payload is always
        // base64url (RFC 7797).
        guard json.members != nil, json["crit"] == nil, json["b64"] == nil else { throw .malformed }
        guard let name = json["alg"]?.string else { throw .malformed }
        type = try Self.text("typ", in: json)
        guard let algorithm = SignatureAlgorithm(rawValue: name) else { throw .wrongAlgorithm }
        guard let keyID = try Self.text("kid", in: json) else { throw .unknownKey }
        self.algorithm = algorithm
        self.keyID = keyID
    }

    private static func text(_ name: String, in json: JSON) throws(TokenError) -> String? {
        guard let value = json[name] else { return nil }
        guard let text = value.string else { throw .malformed }
        return text
    }

    /// The encoded header of a token that is signed here.
    static func encode(algorithm: SignatureAlgorithm, keyID: String, type: TokenType) -> [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("alg", algorithm.rawValue)
            $0.member("kid", keyID)
            $0.member("typ", type.name)
        }
        var encoded: [UInt8] = []
        Base64URL.encode(writer.bytes, into: &encoded)
        return encoded
    }
}
