import Ground
import Testing
import WebAuthn

@Suite("The vectors of Web Authentication Level 3", .enabled(if: W3CVectors.shared != nil, "no test vectors here"))
struct W3CVectorTests {
    private static let all = W3CVectors.shared?.all ?? []
    private static let attested = all.filter { !$0.name.contains("No Attestation") && $0.name.contains("Attestation") }

    private func made(_ vector: W3CVectors.Vector, roots: [[UInt8]]? = nil) throws -> WebAuthn.Registration.Made {
        try vector.registration().verify(
            challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
            algorithms: COSEAlgorithm.allCases, roots: roots, at: W3CVectors.now)
    }

    private func known(_ made: WebAuthn.Registration.Made, counter: UInt32 = 0) -> Assertion.Known {
        Assertion.Known(key: made.key, counter: counter, isBackupEligible: made.isBackupEligible)
    }

    @Test("there are fifteen")
    func count() { #expect(Self.all.count == 15) }

    @Test("each registration and each assertion is taken", arguments: all)
    func isTaken(vector: W3CVectors.Vector) throws {
        let made = try made(vector)
        #expect(made.cose == (try CredentialKey(cose: made.cose) == made.key ? made.cose : []))
        try vector.assertion().verify(
            by: known(made), challenge: vector.challenge, for: W3CVectors.party, requiringVerification: false)
    }

    @Test("an attestation leads to its root, and to no other", arguments: attested)
    func chains(vector: W3CVectors.Vector) throws {
        let root = try #require(W3CVectors.shared?.root)
        guard try made(vector).attestation == .certified else {
            #expect(throws: WebAuthnFault.attestationNotTrusted) { try made(vector, roots: [root]) }
            return
        }
        _ = try made(vector, roots: [root])
        #expect(throws: WebAuthnFault.attestationNotTrusted) { try made(vector, roots: []) }
        #expect(throws: WebAuthnFault.attestationNotTrusted) {
            try vector.registration().verify(
                challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
                algorithms: COSEAlgorithm.allCases, roots: [root], at: Timestamp(seconds: 1_600_000_000))
        }
    }

    @Test("in frames of other origins only where that is allowed", arguments: all)
    func frames(vector: W3CVectors.Vector) throws {
        let plain = RelyingParty(id: "example.org", origins: ["https://example.org"])
        let isEmbedded = vector.name.contains("Origin")
        func verify(_ party: RelyingParty) throws {
            let made = try vector.registration().verify(
                challenge: vector.registrationChallenge, for: party, requiringVerification: false,
                algorithms: COSEAlgorithm.allCases, at: W3CVectors.now)
            try vector.assertion().verify(
                by: known(made), challenge: vector.challenge, for: party, requiringVerification: false)
        }
        if isEmbedded { #expect(throws: WebAuthnFault.embedded) { try verify(plain) } } else { try verify(plain) }
        // A frame is allowed, and that one not.
        let other = RelyingParty(id: "example.org", origins: plain.origins, embeddingOrigins: ["https://example.net"])
        if vector.name.contains("topOrigin") {
            #expect(throws: WebAuthnFault.embedded) { try verify(other) }
        } else {
            try verify(other)
        }
    }

    @Test("an algorithm that was not asked for is refused", arguments: all)
    func algorithms(vector: W3CVectors.Vector) throws {
        let algorithm = try made(vector).key.algorithm
        #expect(throws: WebAuthnFault.algorithmNotAllowed) {
            try vector.registration().verify(
                challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
                algorithms: COSEAlgorithm.allCases.filter { $0 != algorithm }, at: W3CVectors.now)
        }
        #expect(COSEAlgorithm.offered.contains(algorithm) == (algorithm != .ed448))
    }

    @Test("another challenge, origin, relying party or ceremony is refused", arguments: all)
    func bindings(vector: W3CVectors.Vector) throws {
        let made = try made(vector)
        func fault(_ challenge: [UInt8], _ party: RelyingParty) -> [WebAuthnFault?] {
            var faults: [WebAuthnFault?] = [nil, nil]
            do {
                _ = try vector.registration().verify(
                    challenge: challenge, for: party, requiringVerification: false, algorithms: COSEAlgorithm.allCases,
                    at: W3CVectors.now)
            } catch { faults[0] = error as? WebAuthnFault }
            do {
                try vector.assertion().verify(by: known(made), challenge: challenge, for: party, requiringVerification: false)
            } catch { faults[1] = error as? WebAuthnFault }
            return faults
        }
        let party = W3CVectors.party
        func other(id: String = "example.org", origin: String = "https://example.org") -> RelyingParty {
            RelyingParty(id: id, origins: [origin], embeddingOrigins: ["https://example.com"])
        }
        // Each challenge is that of the other ceremony.
        #expect(fault(vector.challenge, party)[0] == .wrongChallenge)
        #expect(fault(vector.registrationChallenge, party)[1] == .wrongChallenge)
        #expect(fault(vector.registrationChallenge, other(origin: "https://example.org.evil"))[0] == .wrongOrigin)
        #expect(fault(vector.challenge, other(origin: "https://badexample.org"))[1] == .wrongOrigin)
        #expect(fault(vector.registrationChallenge, other(id: "badexample.org"))[0] == .wrongRelyingParty)
        #expect(fault(vector.challenge, other(id: "org"))[1] == .wrongRelyingParty)
        #expect(throws: WebAuthnFault.wrongType) {
            try Assertion(
                clientData: vector.registrationClientData, authenticatorData: vector.authenticatorData,
                signature: vector.signature
            ).verify(
                by: known(made), challenge: vector.registrationChallenge, for: party, requiringVerification: false)
        }
    }

    @Test("the person must be verified where that is asked for", arguments: all)
    func verification(vector: W3CVectors.Vector) throws {
        let made = try made(vector)
        let registration = try vector.registration()
        let assertion = try vector.assertion()
        let isVerified = [made.isUserVerified, assertion.authenticatorData.isUserVerified]
        #expect(registration.authenticatorData.isUserVerified == isVerified[0])
        func demand(_ ceremony: () throws -> Void, _ isVerified: Bool) throws {
            if isVerified { try ceremony() } else { #expect(throws: WebAuthnFault.userNotVerified) { try ceremony() } }
        }
        try demand({
            _ = try registration.verify(
                challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: true,
                algorithms: COSEAlgorithm.allCases, at: W3CVectors.now)
        }, isVerified[0])
        try demand({
            try assertion.verify(
                by: known(made), challenge: vector.challenge, for: W3CVectors.party, requiringVerification: true)
        }, isVerified[1])
    }

    @Test("a counter that stands still or goes back is refused, and so is another key", arguments: all)
    func countersAndKeys(vector: W3CVectors.Vector) throws {
        let made = try made(vector)
        #expect(throws: WebAuthnFault.counterBehind) {
            try vector.assertion().verify(
                by: known(made, counter: 1), challenge: vector.challenge, for: W3CVectors.party, requiringVerification: false)
        }
        let other = try #require(Self.all.first { $0.name != vector.name })
        let stranger = Assertion.Known(
            key: try self.made(other).key, counter: 0, isBackupEligible: made.isBackupEligible)
        #expect(throws: WebAuthnFault.signatureInvalid) {
            try vector.assertion().verify(
                by: stranger, challenge: vector.challenge, for: W3CVectors.party, requiringVerification: false)
        }
        let eligible = Assertion.Known(key: made.key, counter: 0, isBackupEligible: !made.isBackupEligible)
        #expect(throws: WebAuthnFault.backupFlags) {
            try vector.assertion().verify(
                by: eligible, challenge: vector.challenge, for: W3CVectors.party, requiringVerification: false)
        }
    }
}
