import Ground
import JOSE
import Testing

@Suite("Keys that sign")
struct SigningKeyTests {
    private let message = Array("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0".utf8)

    @Test("a signature holds for its message and for no other", arguments: SignatureAlgorithm.allCases)
    func signing(algorithm: SignatureAlgorithm) throws {
        let key = try TestKeys.key(algorithm)
        let signature = key.sign(message)
        #expect(signature.count == [.edDSA: 64, .es256: 64, .rs256: 256, .hs256: 32][algorithm])
        #expect(key.verificationKey.verify(signature, over: message))
        #expect(!key.verificationKey.verify(signature, over: message + [0]))
        #expect(!key.verificationKey.verify(signature, over: []))
        for position in [0, signature.count / 2, signature.count - 1] {
            var altered = signature
            altered[position] ^= 1
            #expect(!key.verificationKey.verify(altered, over: message))
        }
        #expect(!key.verificationKey.verify([], over: message))
        #expect(!key.verificationKey.verify(signature.dropLast(), over: message))
        #expect(!key.verificationKey.verify(signature + [0], over: message))
    }

    @Test("an empty message can be signed", arguments: SignatureAlgorithm.allCases)
    func emptyMessage(algorithm: SignatureAlgorithm) throws {
        let key = try TestKeys.key(algorithm)
        #expect(key.verificationKey.verify(key.sign([]), over: []))
    }

    @Test("a key restored from its bytes is the same key", arguments: SignatureAlgorithm.allCases)
    func restoring(algorithm: SignatureAlgorithm) throws {
        let key = try TestKeys.key(algorithm)
        let restored = try SigningKey(restoring: key.privateBytes, algorithm: algorithm)
        #expect(restored.id == key.id)
        #expect(restored.privateBytes == key.privateBytes)
        #expect(key.verificationKey.verify(restored.sign(message), over: message))
    }

    @Test("bytes that are no key of the algorithm are refused", arguments: SignatureAlgorithm.allCases)
    func restoringOthers(algorithm: SignatureAlgorithm) throws {
        let key = try TestKeys.key(algorithm).privateBytes
        #expect(throws: KeyError.self) { try SigningKey(restoring: [], algorithm: algorithm) }
        #expect(throws: KeyError.self) { try SigningKey(restoring: Array(key.prefix(31)), algorithm: algorithm) }
        if algorithm != .hs256 {
            #expect(throws: KeyError.self) { try SigningKey(restoring: key + [0], algorithm: algorithm) }
        }
    }

    @Test("a P-256 number outside 1 to n-1 is refused")
    func numberRange() {
        let order = Hex.decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") ?? []
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(throws: KeyError.malformed("d")) { try SigningKey(restoring: order, algorithm: .es256) }
        #expect(throws: KeyError.malformed("d")) { try SigningKey(restoring: zero, algorithm: .es256) }
    }

    @Test("each new key is another", arguments: [SignatureAlgorithm.edDSA, .es256, .hs256])
    func generating(algorithm: SignatureAlgorithm) throws {
        let keys = try (0..<8).map { _ in try SigningKey.generate(algorithm, random: .system) }
        #expect(Set(keys.map(\.id)).count == 8)
        #expect(Set(keys.map(\.privateBytes)).count == 8)
    }

    @Test("only a key with a public half can be published")
    func publishing() throws {
        for algorithm in SignatureAlgorithm.allCases {
            #expect((try TestKeys.key(algorithm).publicJWK == nil) == (algorithm == .hs256))
        }
    }

    @Test("many threads sign and verify with one key at the same time", arguments: SignatureAlgorithm.allCases)
    func threads(algorithm: SignatureAlgorithm) async throws {
        let key = try TestKeys.key(algorithm)
        let failures = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<20).count { round in
                        let message = Array("\(task) \(round)".utf8)
                        let signature = key.sign(message)
                        return !key.verificationKey.verify(signature, over: message)
                            || key.verificationKey.verify(signature, over: message + [0])
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
    }
}
