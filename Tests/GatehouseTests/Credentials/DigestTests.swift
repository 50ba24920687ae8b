import Credentials
import Ground
import Testing

@Suite("Digests") struct DigestTests {
    @Test("SHA-256 of abc is that of FIPS 180-4")
    func sha256() {
        #expect(
            Hex.encode(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("secrets are equal when all their bytes are, and not when one is longer")
    func equal() {
        #expect(Digest.equal([1, 2, 3], [1, 2, 3]))
        #expect(Digest.equal([], []))
        #expect(!Digest.equal([1, 2, 3], [1, 2, 4]))
        #expect(!Digest.equal([1, 2, 3], [1, 2]))
        #expect(!Digest.equal([], [0]))
    }

    @Test("a key made once and a key made each time sign alike")
    func key() {
        for length in [0, 1, 32, 64, 65, 200] {
            let bytes = (0..<length).map { UInt8($0) }
            let code = HMACKey(bytes).sign([1, 2, 3])
            #expect(code == Digest.hmacSHA256(key: bytes, [1, 2, 3]))
            #expect(HMACKey(bytes).verify(code, of: [1, 2, 3]))
            #expect(!HMACKey(bytes).verify(code, of: [1, 2]))
            #expect(!HMACKey(bytes).verify(Array(code.dropLast()), of: [1, 2, 3]))
        }
    }

    private static let vectors = "wycheproof/hmac_sha256_test.json"

    @Test("HMAC-SHA-256 passes Wycheproof's vectors", .enabled(if: Vectors.has(vectors), "no vectors here"))
    func wycheproof() throws {
        var checked = 0
        let groups = try Vectors.json(Self.vectors)?["testGroups"]?.array
        for group in try #require(groups) {
            let size = Int(try #require(group["tagSize"]?.integer)) / 8
            for test in try #require(group["tests"]?.array) {
                let key = try #require(test.bytes("key"))
                let message = try #require(test.bytes("msg"))
                let tag = try #require(test.bytes("tag"))
                let code = Array(HMACKey(key).sign(message).prefix(size))
                #expect(Digest.equal(code, tag) == (test["result"]?.string == "valid"))
                checked += 1
            }
        }
        #expect(checked > 100)
    }
}
