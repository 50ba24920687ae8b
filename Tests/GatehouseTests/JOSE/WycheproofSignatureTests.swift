import Ground
import JOSE
import Testing

@Suite("Signatures of Project Wycheproof")
struct WycheproofSignatureTests {
    @Test(
        "every Ed25519 vector is judged as published",
        .enabled(if: Vectors.has("wycheproof/ed25519_test.json"), "no test vectors here"))
    func ed25519() throws {
        let outcome = try judge("ed25519_test.json", key: "publicKeyJwk", signature: "sig")
        #expect(outcome.wrong == [])
        #expect(outcome.accepted == 88)
    }

    @Test(
        "every ES256 vector is judged as published",
        .enabled(if: Vectors.has("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"), "no test vectors here"))
    func es256() throws {
        let outcome = try judge("ecdsa_secp256r1_sha256_p1363_test.json", key: "publicKeyJwk", signature: "sig")
        #expect(outcome.wrong == [])
        #expect(outcome.accepted == 173)
    }

    /// The one vector called acceptable, a DigestInfo without its NULL, is refused: RFC 8017 lets nobody
    /// write it so.
    @Test(
        "every RS256 vector is judged as published",
        .enabled(if: Vectors.has("wycheproof/rsa_signature_2048_sha256_test.json"), "no test vectors here"))
    func rs256() throws {
        let outcome = try judge("rsa_signature_2048_sha256_test.json", key: "keyJwk", signature: "sig")
        #expect(outcome.wrong == [])
        #expect(outcome.accepted == 9)
    }

    /// Tags cut short are another algorithm. Keys of 128 bits are refused, as RFC 7518, section 3.2,
    /// wants 256 at least.
    @Test(
        "every HS256 vector with a whole tag is judged as published",
        .enabled(if: Vectors.has("wycheproof/hmac_sha256_test.json"), "no test vectors here"))
    func hs256() throws {
        var wrong: [Int64] = []
        var accepted = 0
        for group in try groups("hmac_sha256_test.json") where group["tagSize"]?.integer == 256 {
            for test in group["tests"]?.array ?? [] {
                let secret = Base64URL.encode(try bytes(test["key"]))
                let isLongEnough = (group["keySize"]?.integer ?? 0) >= 256
                let holds = try? verify(test, with: ["kty": "oct", "k": .string(secret)], signature: "tag")
                let expected = isLongEnough ? test["result"]?.string == "valid" : nil
                if holds != expected { wrong.append(test["tcId"]?.integer ?? -1) }
                if holds == true { accepted += 1 }
            }
        }
        #expect(wrong == [])
        #expect(accepted == 30)
    }

    private func judge(
        _ file: String, key: String, signature: String
    ) throws -> (wrong: [Int64], accepted: Int) {
        var wrong: [Int64] = []
        var accepted = 0
        for group in try groups(file) {
            let jwk = try group[key] ?? p256Key(group["publicKey"])
            for test in group["tests"]?.array ?? [] {
                let holds = try verify(test, with: jwk, signature: signature)
                if holds != (test["result"]?.string == "valid") { wrong.append(test["tcId"]?.integer ?? -1) }
                if holds { accepted += 1 }
            }
        }
        return (wrong, accepted)
    }

    private func verify(_ test: JSON, with jwk: JSON, signature: String) throws -> Bool {
        try VerificationKey(JWK(jwk)).verify(bytes(test[signature]), over: bytes(test["msg"]))
    }

    /// For groups that give the point, but no JWK.
    private func p256Key(_ point: JSON?) throws -> JSON {
        let x = try bytes(point?["wx"])
        let y = try bytes(point?["wy"])
        return [
            "kty": "EC", "crv": "P-256", "x": .string(Base64URL.encode(x)), "y": .string(Base64URL.encode(y)),
        ]
    }

    private func groups(_ file: String) throws -> [JSON] {
        try #require(try Vectors.json("wycheproof/\(file)")?["testGroups"]?.array)
    }

    private func bytes(_ json: JSON?) throws -> [UInt8] {
        try #require(json?.string.flatMap { Hex.decode($0) })
    }
}
