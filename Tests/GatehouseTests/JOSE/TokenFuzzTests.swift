import Ground
import JOSE
import Testing

@Suite("Tokens put through the mill")
struct TokenFuzzTests {
    private func mutate(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let position = Int.random(in: 0..<max(1, bytes.count), using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where !bytes.isEmpty: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where !bytes.isEmpty: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 2 where !bytes.isEmpty: bytes.remove(at: position)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: min(position, bytes.count))
            case 4: bytes.removeSubrange(position...)
            default: bytes.insert(contentsOf: bytes.suffix(from: min(position, bytes.count)).prefix(40), at: 0)
            }
        }
        return bytes
    }

    @Test("a token that was altered in any way is refused", arguments: SignatureAlgorithm.allCases)
    func alteredTokens(algorithm: SignatureAlgorithm) throws {
        let issuer = try TestIssuer(algorithm)
        let token = Array(issuer.token().utf8)
        var random = SplitMix(seed: 1)
        let taken = (0..<1500).compactMap { _ -> String? in
            let altered = mutate(token, &random)
            guard altered != token, (try? issuer.verifier.verify(altered, at: testTime)) != nil else { return nil }
            return String(decoding: altered, as: UTF8.self)
        }
        #expect(taken == [])
    }

    @Test("whatever is signed, what is taken keeps the rules")
    func alteredClaims() throws {
        let issuer = try TestIssuer(.hs256)
        let payload = Array(TestIssuer.claims.text.utf8)
        var random = SplitMix(seed: 2)
        var taken = 0
        for _ in 0..<4000 {
            let altered = Base64URL.encode(mutate(payload, &random))
            let signed = Base64URL.encode(Array(issuer.header.text.utf8)) + "." + altered
            let token = signed + "." + Base64URL.encode(issuer.key.sign(Array(signed.utf8)))
            guard let claims = try? issuer.verifier.verify(token.utf8, at: testTime) else { continue }
            taken += 1
            #expect(claims.issuer == TestIssuer.issuer && claims.audience == [TestIssuer.audience])
            let expiry = try #require(claims.expiresAt)
            #expect(expiry > testTime)
            #expect(claims.subject != nil && claims.id != nil && claims.issuedAt != nil)
        }
        // Changes inside `sub` and `jti` do no harm, so some must have come through.
        #expect(taken > 0)
    }

    @Test("whatever the header, nothing is taken that the key's own header would not be")
    func alteredHeaders() throws {
        let issuer = try TestIssuer(.hs256)
        let header = Array(issuer.header.text.utf8)
        var random = SplitMix(seed: 3)
        for _ in 0..<4000 {
            let altered = mutate(header, &random)
            let signed = Base64URL.encode(altered) + "." + Base64URL.encode(TestIssuer.claims.utf8)
            let token = signed + "." + Base64URL.encode(issuer.key.sign(Array(signed.utf8)))
            guard (try? issuer.verifier.verify(token.utf8, at: testTime)) != nil else { continue }
            let json = try JSON.parse(altered)
            #expect(json["alg"] == "HS256" && json["kid"] == .string(issuer.key.id) && json["typ"] == "at+jwt")
        }
    }

    @Test("noise is refused as a token, and as a key")
    func noise() throws {
        let issuer = try TestIssuer(.edDSA)
        let key = try #require(issuer.key.publicJWK?.publicJSON)
        var random = SplitMix(seed: 4)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect(throws: TokenError.self) { try issuer.verifier.verify(bytes, at: testTime) }
            let x = JSON.string(Base64URL.encode(bytes))
            if bytes.count != 32 { #expect(throws: KeyError.self) { try JWK(key.with("x", x)) } }
        }
    }
}
