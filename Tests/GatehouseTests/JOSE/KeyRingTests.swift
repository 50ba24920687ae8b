import Ground
import JOSE
import Testing

@Suite("The ring of keys")
struct KeyRingTests {
    private let former: SigningKey
    private let current: SigningKey
    private let ring: KeyRing
    private let signer: TokenSigner
    private let verifier: TokenVerifier

    init() throws {
        former = try SigningKey.generate(.edDSA, random: .system)
        current = try SigningKey.generate(.es256, random: .system)
        ring = KeyRing(current: former)
        signer = TokenSigner(ring: ring)
        verifier = TokenVerifier(rules: TestIssuer.rules, ring: ring)
    }

    private func token() throws -> String { signer.sign(try Claims(TestIssuer.claims)) }

    @Test("after a rotation tokens of the former key are taken until its time is over, and no longer")
    func overlap() throws {
        let old = try token()
        let end = testTime + .seconds(300)
        ring.replace(current: current, verifying: [TrustedKey(former.verificationKey, until: end)])
        let new = try token()
        #expect(throws: Never.self) { try verifier.verify(old.utf8, at: end - .milliseconds(1)) }
        #expect(throws: TokenError.unknownKey) { try verifier.verify(old.utf8, at: end) }
        #expect(throws: Never.self) { try verifier.verify(new.utf8, at: end) }
    }

    @Test("a key that is taken out verifies nothing from that moment")
    func removal() throws {
        let old = try token()
        ring.replace(current: current, verifying: [])
        #expect(throws: TokenError.unknownKey) { try verifier.verify(old.utf8, at: testTime) }
    }

    @Test("a key can be made known before it signs")
    func announcement() throws {
        let next = try SigningKey.generate(.edDSA, random: .system)
        ring.replace(current: current, verifying: [TrustedKey(next.verificationKey)])
        let early = TokenSigner(ring: KeyRing(current: next)).sign(try Claims(TestIssuer.claims))
        #expect(throws: Never.self) { try verifier.verify(early.utf8, at: testTime) }
        #expect(try ids(in: ring.jwks) == [current.id, next.id])
    }

    @Test("the published set has the current key and the former ones, and no private member")
    func publishing() throws {
        ring.replace(current: current, verifying: [TrustedKey(former.verificationKey, until: testTime)])
        #expect(try ids(in: ring.jwks) == [current.id, former.id])
        let keys = try #require(try JSON.parse(ring.jwks)["keys"]?.array)
        for key in keys {
            #expect(key["d"] == nil && key["k"] == nil)
            #expect(key["use"] == "sig")
        }
        #expect(try KeySet(jwks: JSON.parse(ring.jwks)).keys.map(\.key.id) == [current.id, former.id])
    }

    @Test("a shared secret is never published, neither as the current key nor beside others")
    func secrets() throws {
        let secret = try TestKeys.key(.hs256)
        ring.replace(current: secret, verifying: [])
        #expect(String(decoding: ring.jwks, as: UTF8.self) == #"{"keys":[]}"#)
        ring.replace(current: current, verifying: [TrustedKey(secret.verificationKey)])
        #expect(try ids(in: ring.jwks) == [current.id])
        let token = TokenSigner(ring: KeyRing(current: secret)).sign(try Claims(TestIssuer.claims))
        #expect(throws: Never.self) { try verifier.verify(token.utf8, at: testTime) }
    }

    @Test("the current key stays trusted though it is handed on as a former one too")
    func currentTwice() throws {
        ring.replace(current: current, verifying: [TrustedKey(current.verificationKey, until: testTime)])
        let token = try token()
        #expect(throws: Never.self) { try verifier.verify(token.utf8, at: testTime) }
        #expect(ring.keys.keys.count == 1)
    }

    @Test("while keys change, whatever is signed can be verified")
    func atomicity() async throws {
        let claims = try Claims(TestIssuer.claims)
        let keys = [former, current]
        let failures = await withTaskGroup(of: Int.self) { [ring, signer, verifier] group in
            group.addTask {
                for round in 0..<200 {
                    let other = TrustedKey(keys[(round + 1) % 2].verificationKey)
                    ring.replace(current: keys[round % 2], verifying: [other])
                }
                return 0
            }
            group.addTask {
                (0..<100).count { _ in
                    (try? verifier.verify(signer.sign(claims).utf8, at: testTime)) == nil
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
    }

    private func ids(in jwks: [UInt8]) throws -> [String] {
        try #require(try JSON.parse(jwks)["keys"]?.array).compactMap { $0["kid"]?.string }
    }
}
