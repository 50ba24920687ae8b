import Ground
import JOSE
import Synchronization
import Testing

@Suite("The cache of verified tokens")
struct VerifiedTokenCacheTests {
    private final class Counter: Sendable {
        let count = Atomic<Int>(0)
    }

    private let issuer: TestIssuer
    private let made = Counter()

    init() throws { issuer = try TestIssuer(.hs256) }

    /// Counts the payloads that are made: one for each token that is verified and not found.
    private func cache(capacity: Int = 64, rules: TokenRules = TestIssuer.rules) -> VerifiedTokenCache<String> {
        let made = made
        return VerifiedTokenCache(
            verifier: TokenVerifier(rules: rules, ring: issuer.ring), capacity: capacity
        ) { claims throws(TokenError) in
            made.count.add(1, ordering: .relaxed)
            guard let subject = claims.subject, subject != "refused" else { throw .badClaims("sub") }
            return subject
        }
    }

    private var payloadsMade: Int { made.count.load(ordering: .relaxed) }

    private func token(_ subject: String) -> String {
        issuer.token(TestIssuer.claims.with("sub", .string(subject)))
    }

    @Test("a token that comes again is found, and gives the same")
    func found() throws {
        let cache = cache()
        let token = token("anna")
        for _ in 0..<5 { #expect(try cache.verify(token.utf8, at: testTime) == "anna") }
        #expect(payloadsMade == 1)
        #expect(cache.count == 1)
    }

    @Test("a token is not found any more once it has expired")
    func expiry() throws {
        let cache = cache()
        let token = token("anna")
        let end = testTime + .seconds(900)
        #expect(try cache.verify(token.utf8, at: testTime) == "anna")
        #expect(try cache.verify(token.utf8, at: end - .milliseconds(1)) == "anna")
        #expect(throws: TokenError.expired) { try cache.verify(token.utf8, at: end) }
    }

    @Test("what is taken only thanks to the clock skew is not remembered")
    func clockSkew() throws {
        var rules = TestIssuer.rules
        rules.clockSkew = .seconds(5)
        let cache = cache(rules: rules)
        let token = token("anna")
        let late = testTime + .seconds(902)
        for _ in 0..<2 { #expect(try cache.verify(token.utf8, at: late) == "anna") }
        #expect(payloadsMade == 2)
        #expect(cache.count == 0)
        #expect(throws: TokenError.expired) { try cache.verify(token.utf8, at: testTime + .seconds(905)) }
    }

    @Test("a token is not found any more once its key is taken out")
    func removedKey() throws {
        let cache = cache()
        let token = token("anna")
        #expect(try cache.verify(token.utf8, at: testTime) == "anna")
        issuer.ring.replace(current: try TestKeys.key(.edDSA), verifying: [])
        #expect(throws: TokenError.unknownKey) { try cache.verify(token.utf8, at: testTime) }
        #expect(cache.count == 0)
    }

    @Test("a token is not found any more once the time of its former key is over")
    func retiredKey() throws {
        let cache = cache()
        let token = token("anna")
        let end = testTime + .seconds(60)
        issuer.ring.replace(
            current: try TestKeys.key(.edDSA), verifying: [TrustedKey(issuer.key.verificationKey, until: end)])
        #expect(try cache.verify(token.utf8, at: testTime) == "anna")
        #expect(try cache.verify(token.utf8, at: end - .milliseconds(1)) == "anna")
        #expect(payloadsMade == 1)
        #expect(throws: TokenError.unknownKey) { try cache.verify(token.utf8, at: end) }
    }

    @Test("any change of keys voids what was remembered, though the key stays")
    func changedKeys() throws {
        let cache = cache()
        let token = token("anna")
        #expect(try cache.verify(token.utf8, at: testTime) == "anna")
        issuer.ring.replace(current: issuer.key, verifying: [])
        #expect(try cache.verify(token.utf8, at: testTime) == "anna")
        #expect(payloadsMade == 2)
    }

    @Test("a token that was verified while its key was taken out is not remembered")
    func keyRemovedMeanwhile() throws {
        let ring = issuer.ring
        let other = try TestKeys.key(.edDSA)
        let cache = VerifiedTokenCache(verifier: issuer.verifier) { claims throws(TokenError) in
            ring.replace(current: other, verifying: [])
            return claims
        }
        let token = token("anna")
        #expect(throws: Never.self) { try cache.verify(token.utf8, at: testTime) }
        #expect(cache.count == 0)
        #expect(throws: TokenError.unknownKey) { try cache.verify(token.utf8, at: testTime) }
    }

    @Test("a token that differs in one character anywhere is not taken for the one remembered")
    func wholeToken() throws {
        let cache = cache()
        let token = Array(token("anna").utf8)
        #expect(try cache.verify(token, at: testTime) == "anna")
        for position in token.indices {
            var altered = token
            altered[position] = altered[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: TokenError.self) { try cache.verify(altered, at: testTime) }
        }
        #expect(throws: TokenError.self) { try cache.verify(token.dropFirst(), at: testTime) }
        #expect(cache.count == 1)
    }

    @Test("what is refused is not remembered, neither by the rules nor by the caller")
    func refused() throws {
        let cache = cache()
        let foreign = issuer.token(TestIssuer.claims.with("aud", "https://other.example"))
        #expect(throws: TokenError.wrongAudience) { try cache.verify(foreign.utf8, at: testTime) }
        for _ in 0..<2 {
            #expect(throws: TokenError.badClaims("sub")) { try cache.verify(token("refused").utf8, at: testTime) }
        }
        #expect(payloadsMade == 2)
        #expect(cache.count == 0)
    }

    @Test("no more tokens are remembered than it was made for", arguments: [0, 1, 2, 3, 7, 64, 100])
    func bound(capacity: Int) throws {
        let cache = cache(capacity: capacity)
        for number in 0..<300 {
            #expect(try cache.verify(token("\(number)").utf8, at: testTime) == "\(number)")
            #expect(cache.count <= capacity)
        }
        #expect(cache.count >= capacity / 4)
    }

    @Test("a token in use outlives many that come once")
    func inUse() throws {
        let cache = cache(capacity: 64)
        let token = token("anna")
        for number in 0..<200 {
            #expect(try cache.verify(token.utf8, at: testTime) == "anna")
            _ = try cache.verify(self.token("\(number)").utf8, at: testTime)
        }
        #expect(payloadsMade == 201)
    }

    @Test("many threads look up and insert at the same time")
    func threads() async throws {
        let cache = cache(capacity: 32)
        let tokens = (0..<48).map { token("\($0)") }
        let failures = await withTaskGroup(of: Int.self) { group in
            for task in 0..<4 {
                group.addTask {
                    (0..<200).count { round in
                        let number = (task + round * 7) % tokens.count
                        return (try? cache.verify(tokens[number].utf8, at: testTime)) != "\(number)"
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
        #expect(cache.count <= 32)
    }
}
