import Ground
import JOSE
import Testing

@Suite("Examples of the JOSE standards")
struct CookbookTests {
    static let reproducible = [
        "jws/4_1.rsa_v15_signature.json", "jws/4_4.hmac-sha2_integrity_protection.json", "curve25519/jws.json",
    ]

    @Test(
        "the signatures of RFC 7520 and RFC 8037 come out byte for byte, and verify",
        .enabled(if: Vectors.has("jose-cookbook/jws"), "no test vectors here"), arguments: reproducible)
    func signing(file: String) throws {
        let example = try #require(try Vectors.json("jose-cookbook/\(file)"))
        let json = try #require(example["input"]?["key"])
        let key = try SigningKey(JWK(json))
        let text = try #require(example["signing"]?["sig-input"]?.string)
        let input = Array(text.utf8)
        let signature = try #require(example["signing"]?["sig"]?.string)
        #expect(Base64URL.encode(key.sign(input)) == signature)
        #expect(key.verificationKey.verify(key.sign(input), over: input))
    }

    @Test(
        "the compact tokens of RFC 7520 are taken with their payload",
        .enabled(if: Vectors.has("jose-cookbook/jws"), "no test vectors here"), arguments: reproducible.prefix(2))
    func compact(file: String) throws {
        let example = try #require(try Vectors.json("jose-cookbook/\(file)"))
        let json = try #require(example["input"]?["key"])
        let key = try VerificationKey(JWK(json))
        let token = try #require(example["output"]?["compact"]?.string)
        let jws = try JWS(verifying: token.utf8, with: KeySet([TrustedKey(key)]), at: testTime)
        #expect(String(decoding: jws.payload, as: UTF8.self) == example["input"]?["payload"]?.string)
    }

    @Test(
        "tokens with detached or unprotected parts, and algorithms not spoken here, are refused",
        .enabled(if: Vectors.has("jose-cookbook/jws"), "no test vectors here"),
        arguments: [
            "jws/4_2.rsa-pss_signature.json", "jws/4_3.ecdsa_signature.json",
            "jws/4_5.signature_with_detached_content.json",
        ])
    func refused(file: String) throws {
        let example = try #require(try Vectors.json("jose-cookbook/\(file)"))
        let token = try #require(example["output"]?["compact"]?.string)
        let json = try #require(example["input"]?["key"])
        let keys = try KeySet(jwks: ["keys": [json]])
        #expect(throws: TokenError.self) { try JWS(verifying: token.utf8, with: keys, at: testTime) }
    }

    @Test(
        "the keys of RFC 7520 are taken or refused for what they are",
        .enabled(if: Vectors.has("jose-cookbook/jwk"), "no test vectors here"))
    func keys() throws {
        func key(_ name: String) throws -> JWK {
            let json = try #require(try Vectors.json("jose-cookbook/jwk/\(name).json"))
            return try JWK(json)
        }
        #expect(try key("3_3.rsa_public_key").algorithm == .rs256)
        #expect(try SigningKey(key("3_4.rsa_private_key")).id == "bilbo.baggins@hobbiton.example")
        #expect(try key("3_5.symmetric_key_mac_computation").algorithm == .hs256)
        #expect(throws: KeyError.unsupported("crv")) { try key("3_1.ec_public_key") }
        #expect(throws: KeyError.unsupported("use")) { try key("3_6.symmetric_key_encryption") }
    }

    @Test("the thumbprint of RFC 7638, section 3.1, comes out")
    func rsaThumbprint() throws {
        let key = try JWK([
            "kty": "RSA", "e": "AQAB", "kid": "2011-04-29",
            "n": """
            0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX\
            jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz\
            s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-\
            G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw
            """,
        ])
        #expect(key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test("the key, thumbprint and signature of RFC 8037, appendix A, come out")
    func edwards() throws {
        let json: JSON = [
            "kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        ]
        let key = try SigningKey(JWK(json))
        #expect(key.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        let signature = key.sign(Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8))
        #expect(
            Base64URL.encode(signature)
                == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
    }
}
