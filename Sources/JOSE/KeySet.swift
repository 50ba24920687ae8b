import Ground

/// The keys that are trusted at one time. A value: whoever verifies keeps its own until it asks again.
public struct KeySet: Sendable {
    /// Each id stands once.
    public let keys: [TrustedKey]
    /// Which state of its ring this is; 0 for a set that belongs to none.
    let generation: Int

    /// Of keys with the same id the first is taken.
    public init(_ keys: [TrustedKey]) { self.init(keys, generation: 0) }

    init(_ keys: [TrustedKey], generation: Int) {
        var kept: [TrustedKey] = []
        for key in keys where !kept.contains(where: { $0.key.id == key.key.id }) { kept.append(key) }
        self.keys = kept
        self.generation = generation
    }

    /// The JWK set of another issuer (RFC 7517, section 5). Keys that cannot be used here are left out,
    /// as that section asks.
    ///
    /// - Throws: `.ambiguous` when two keys have the same id, or shared secrets stand beside public keys.
    public init(jwks json: JSON) throws(KeyError) {
        guard let items = json["keys"]?.array else { throw .malformed("keys") }
        let secrets = items.filter { $0["kty"]?.string == "oct" }
        guard secrets.isEmpty || secrets.count == items.count else { throw .ambiguous }
        // Also a key that is left out may not share its id with one that is taken.
        let ids = items.filter { $0["use"] == nil || $0["use"] == "sig" }.compactMap { $0["kid"] }
        guard Set(ids).count == ids.count else { throw .ambiguous }
        self.init(items.compactMap { item in try? TrustedKey(VerificationKey(JWK(item))) })
    }

    /// The public keys as a JWK set; shared secrets are left out.
    var jwks: [UInt8] {
        let published = keys.compactMap { $0.key.publicJWK?.publicJSON }
        return JSON.object([.init("keys", .array(published))]).utf8
    }

    /// The key that a header of that id and algorithm asks for.
    func key(for header: JOSEHeader) throws(TokenError) -> TrustedKey {
        guard let found = keys.first(where: { $0.key.id == header.keyID }) else { throw .unknownKey }
        guard found.key.algorithm == header.algorithm else { throw .wrongAlgorithm }
        return found
    }

    /// The key whose access tokens have exactly this header, so that it need not be parsed.
    func key(forAccessTokenHeader encoded: UnsafeRawBufferPointer) -> TrustedKey? {
        keys.first { $0.accessTokenHeader.elementsEqual(encoded) }
    }
}
