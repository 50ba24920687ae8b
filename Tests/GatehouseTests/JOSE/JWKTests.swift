import Ground
import JOSE
import Testing

@Suite("Reading a JWK")
struct JWKTests {
    private func publicKey(_ algorithm: SignatureAlgorithm) throws -> JSON {
        try #require(try TestKeys.key(algorithm).publicJWK?.publicJSON)
    }

    private func privateKey(_ algorithm: SignatureAlgorithm) throws -> JSON {
        let secret = JSON.string(Base64URL.encode(try TestKeys.key(algorithm).privateBytes))
        return algorithm == .hs256 ? ["kty": "oct", "k": secret] : try publicKey(algorithm).with("d", secret)
    }

    private func refusal(of json: JSON) -> KeyError? {
        do throws(KeyError) {
            _ = try JWK(json)
            return nil
        } catch { return error }
    }

    @Test("a published key reads back as the same key", arguments: [SignatureAlgorithm.edDSA, .es256, .rs256])
    func roundTrip(algorithm: SignatureAlgorithm) throws {
        let json = try publicKey(algorithm)
        let key = try JWK(json)
        #expect(key.publicJSON == json)
        #expect(key.algorithm == algorithm)
        #expect(key.id == key.thumbprint)
    }

    @Test("what is published of a private key has no private member", arguments: [SignatureAlgorithm.edDSA, .es256])
    func publishing(algorithm: SignatureAlgorithm) throws {
        let key = try JWK(privateKey(algorithm))
        let names = try #require(key.publicJSON?.members).map(\.name)
        #expect(Set(names).isSubset(of: ["kty", "crv", "x", "y", "use", "alg", "kid"]))
    }

    @Test("of a shared secret nothing is published, not even a thumbprint")
    func secretStaysSecret() throws {
        let key = try JWK(privateKey(.hs256))
        #expect(key.publicJSON == nil)
        #expect(key.thumbprint == nil)
    }

    @Test("a key that gets into a text shows none of its members", arguments: [SignatureAlgorithm.edDSA, .hs256])
    func description(algorithm: SignatureAlgorithm) throws {
        let json = try privateKey(algorithm)
        let secret = try #require((json["d"] ?? json["k"])?.string)
        let key = try JWK(json)
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!"\(key) \(String(reflecting: key)) \(dumped)".contains(secret))
    }

    @Test("a key for something else than signatures is refused")
    func otherUses() throws {
        let key = try publicKey(.edDSA)
        #expect(refusal(of: key.with("use", "enc")) == .unsupported("use"))
        #expect(refusal(of: key.with("use", 1)) == .malformed("use"))
        #expect(refusal(of: key.with("key_ops", ["verify", "encrypt"])) == .unsupported("key_ops"))
        #expect(refusal(of: key.with("key_ops", ["verify", "verify"])) == .malformed("key_ops"))
        #expect(refusal(of: key.with("key_ops", [])) == .malformed("key_ops"))
        #expect(refusal(of: key.with("key_ops", "verify")) == .malformed("key_ops"))
        #expect(refusal(of: key.with("alg", "ES256")) == .unsupported("alg"))
        #expect(refusal(of: key.with("alg", .null)) == .malformed("alg"))
    }

    @Test("a key for one of signing and verifying does only that")
    func operations() throws {
        let key = try privateKey(.es256)
        let signs = try JWK(key.with("key_ops", ["sign"]))
        let verifies = try JWK(key.with("key_ops", ["verify"]))
        #expect(throws: KeyError.unsupported("key_ops")) { try VerificationKey(signs) }
        #expect(throws: KeyError.unsupported("key_ops")) { try SigningKey(verifies) }
        #expect(throws: Never.self) { try SigningKey(signs) }
        #expect(throws: Never.self) { try VerificationKey(verifies) }
    }

    @Test("a public key signs nothing")
    func publicKeysDoNotSign() throws {
        let key = try JWK(publicKey(.rs256))
        #expect(throws: KeyError.malformed("d")) { try SigningKey(key) }
    }

    @Test("types, curves and ids that are not understood are refused")
    func unknown() throws {
        let key = try publicKey(.edDSA)
        #expect(refusal(of: "text") == .malformed("kty"))
        #expect(refusal(of: key.with("kty", nil)) == .malformed("kty"))
        #expect(refusal(of: key.with("kty", "AKP")) == .unsupported("kty"))
        #expect(refusal(of: key.with("kty", "okp")) == .unsupported("kty"))
        #expect(refusal(of: key.with("crv", "Ed448")) == .unsupported("crv"))
        #expect(refusal(of: key.with("crv", "X25519")) == .unsupported("crv"))
        #expect(refusal(of: try publicKey(.es256).with("crv", "P-384")) == .unsupported("crv"))
        #expect(refusal(of: key.with("kid", "")) == .malformed("kid"))
        #expect(refusal(of: key.with("kid", 7)) == .malformed("kid"))
        #expect(refusal(of: key.with("kid", .string(String(repeating: "k", count: 257)))) == .malformed("kid"))
    }

    @Test("a number that is written in any but the one way is refused")
    func encodings() throws {
        let key = try publicKey(.es256)
        let x = try #require(key["x"]?.string.flatMap { Base64URL.decode($0) })
        let text = Base64URL.encode(x)
        #expect(refusal(of: key.with("x", .string(text + "="))) == .malformed("x"))
        #expect(refusal(of: key.with("x", .string(text + "\n"))) == .malformed("x"))
        #expect(refusal(of: key.with("x", .string(Base64URL.encode([0] + x)))) == .malformed("x"))
        #expect(refusal(of: key.with("x", .string(Base64URL.encode(x.dropLast())))) == .malformed("x"))
        #expect(refusal(of: key.with("x", nil)) == .malformed("x"))
        let rsa = try publicKey(.rs256)
        let modulus = try #require(rsa["n"]?.string.flatMap { Base64URL.decode($0) })
        #expect(refusal(of: rsa.with("n", .string(Base64URL.encode([0] + modulus)))) == .malformed("n"))
    }

    @Test("a point that is not on its curve is refused")
    func points() throws {
        let key = try publicKey(.es256)
        let x = try #require(key["x"])
        #expect(refusal(of: key.with("y", x)) == .malformed("x"))
        let zero = JSON.string(Base64URL.encode([UInt8](repeating: 0, count: 32)))
        #expect(refusal(of: key.with("x", zero).with("y", zero)) == .malformed("x"))
    }

    @Test(
        "an Ed25519 point of small order, or not in its one encoding, is refused",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ])
    func smallOrder(point: String) throws {
        let x = try #require(Hex.decode(point))
        let key: JSON = ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(x))]
        #expect(refusal(of: key) == .malformed("x"))
    }

    @Test("an RSA key that is weak or monstrous is refused")
    func rsa() throws {
        let key = try publicKey(.rs256)
        let modulus = try #require(key["n"]?.string.flatMap { Base64URL.decode($0) })
        func with(_ name: String, _ bytes: [UInt8]) -> JSON { key.with(name, .string(Base64URL.encode(bytes))) }
        #expect(refusal(of: with("n", Array(modulus.dropFirst(1)))) != nil)
        #expect(refusal(of: with("n", [0x7f] + modulus.dropFirst())) == .weak("n"))
        #expect(refusal(of: with("n", modulus.dropLast() + [0x02])) == .malformed("n"))
        #expect(refusal(of: with("n", [UInt8](repeating: 0xff, count: 1025))) == .unsupported("n"))
        #expect(refusal(of: with("e", [1])) == .weak("e"))
        #expect(refusal(of: with("e", [1, 0, 0])) == .weak("e"))
        #expect(refusal(of: with("e", [1, 0, 0, 0, 1])) == .weak("e"))
        #expect(refusal(of: with("e", [3])) == nil)
    }

    @Test("a shared secret shorter than its hash is refused")
    func shortSecrets() {
        func secret(_ count: Int) -> JSON {
            ["kty": "oct", "k": .string(Base64URL.encode([UInt8](repeating: 7, count: count)))]
        }
        #expect(refusal(of: secret(0)) == .weak("k"))
        #expect(refusal(of: secret(31)) == .weak("k"))
        #expect(refusal(of: secret(32)) == nil)
    }

    @Test("a private part that belongs to another key is refused", arguments: [SignatureAlgorithm.edDSA, .es256])
    func mismatch(algorithm: SignatureAlgorithm) throws {
        let other = try SigningKey.generate(algorithm, random: .system).privateBytes
        let json = try publicKey(algorithm).with("d", .string(Base64URL.encode(other)))
        #expect(refusal(of: json) == .inconsistent)
    }

    @Test(
        "an RSA private key with missing, foreign or additional numbers is refused",
        .enabled(if: Vectors.has("jose-cookbook/jwk"), "no test vectors here"))
    func rsaPrivate() throws {
        let key = try #require(try Vectors.json("jose-cookbook/jwk/3_4.rsa_private_key.json"))
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            #expect(refusal(of: key.with(name, nil)) == .malformed(name))
        }
        #expect(refusal(of: key.with("oth", [])) == .unsupported("oth"))
        let foreign = key.with("n", try publicKey(.rs256)["n"])
        #expect(throws: KeyError.inconsistent) { try SigningKey(JWK(foreign)) }
    }
}
