import Ground
import JOSE
import Testing

@Suite("The key set of another issuer")
struct KeySetTests {
    private func jwk(_ algorithm: SignatureAlgorithm) throws -> JSON {
        try #require(try TestKeys.key(algorithm).publicJWK?.publicJSON)
    }

    @Test("keys for other purposes, or of types unknown here, are left out")
    func otherKeys() throws {
        let good = try jwk(.edDSA)
        let encryption = try jwk(.rs256).with("use", "enc")
        let future: JSON = ["kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "future"]
        let keys = try KeySet(jwks: ["keys": [encryption, future, good, 7]])
        #expect(keys.keys.map(\.key.algorithm) == [.edDSA])
    }

    @Test("a set where one id means two keys is refused")
    func sameID() throws {
        let first = try jwk(.edDSA).with("kid", "one")
        let second = try jwk(.es256).with("kid", "one")
        #expect(throws: KeyError.ambiguous) { try KeySet(jwks: ["keys": [first, second]]) }
        #expect(throws: KeyError.ambiguous) { try KeySet(jwks: ["keys": [first, second.with("x", "bad")]]) }
    }

    @Test("a set of public keys with a shared secret among them is refused")
    func mixed() throws {
        let secret: JSON = ["kty": "oct", "k": .string(Base64URL.encode([UInt8](repeating: 7, count: 32)))]
        let key = try jwk(.edDSA)
        #expect(throws: KeyError.ambiguous) { try KeySet(jwks: ["keys": [key, secret]]) }
    }

    @Test("what is no set is refused")
    func malformed() throws {
        let key = try jwk(.edDSA)
        #expect(throws: KeyError.malformed("keys")) { try KeySet(jwks: key) }
        #expect(throws: KeyError.malformed("keys")) { try KeySet(jwks: ["keys": key]) }
    }
}
