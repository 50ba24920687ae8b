import Glibc
import Ground
import Testing
import WebAuthn

@Suite("Passkeys put through the mill", .enabled(if: W3CVectors.shared != nil, "no test vectors here"))
struct WebAuthnFuzzTests {
    private static let rounds = (getenv("GATEHOUSE_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 20_000) / 10
    private static let vectors = W3CVectors.shared?.all ?? []

    /// What readers of CBOR stumble over.
    private static let morsels: [[UInt8]] = [
        [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0xbb, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], [0x9f], [0xbf], [0xff], [0xa0], [0xa1], [0x81, 0x81, 0x81, 0x81],
        [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xc0], [0xf7],
        [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x30, 0x80], [0x22], [0x5c], [0x7b], [0x2c],
    ]

    private func mutate(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let position = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, position + Int.random(in: 0...8, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(position..<end)
            case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
            case 4: bytes.removeSubrange(end...)
            default: bytes.insert(contentsOf: Self.morsels.randomElement(using: &random) ?? [], at: position)
            }
        }
        return bytes
    }

    @Test("an assertion that was altered in any part is refused")
    func alteredAssertions() throws {
        var random = SplitMix(seed: 31)
        for vector in Self.vectors {
            let made = try vector.registration().verify(
                challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
                algorithms: COSEAlgorithm.allCases, at: W3CVectors.now)
            let known = Assertion.Known(key: made.key, counter: 0, isBackupEligible: made.isBackupEligible)
            for round in 0..<Self.rounds / 10 {
                var parts = [vector.clientData, vector.authenticatorData, vector.signature]
                let altered = mutate(parts[round % 3], &random)
                guard altered != parts[round % 3] else { continue }
                parts[round % 3] = altered
                let isTaken: Void? = try? Assertion(
                    clientData: parts[0], authenticatorData: parts[1], signature: parts[2]
                ).verify(by: known, challenge: vector.challenge, for: W3CVectors.party, requiringVerification: false)
                #expect(isTaken == nil, "\(vector.name): \(Hex.encode(altered))")
            }
        }
    }

    @Test("a registration that was altered is refused, or says what is in it")
    func alteredRegistrations() throws {
        var random = SplitMix(seed: 32)
        for vector in Self.vectors {
            for round in 0..<Self.rounds / 10 {
                let isObject = round % 3 != 0
                let object = isObject ? mutate(vector.attestationObject, &random) : vector.attestationObject
                let clientData = isObject ? vector.registrationClientData : mutate(vector.registrationClientData, &random)
                guard
                    let registration = try? WebAuthn.Registration(clientData: clientData, attestationObject: object),
                    let made = try? registration.verify(
                        challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
                        algorithms: COSEAlgorithm.allCases, at: W3CVectors.now)
                else { continue }
                // Whatever came through, what is kept of it can be used.
                #expect(try CredentialKey(cose: made.cose) == made.key && (1...1023).contains(made.id.count))
            }
        }
    }

    @Test("what reads CBOR takes nothing that it could not have written")
    func canonicalForm() throws {
        var random = SplitMix(seed: 33)
        var taken = 0
        for round in 0..<Self.rounds {
            let altered = mutate(Self.vectors[round % Self.vectors.count].attestationObject, &random)
            guard let value = try? CBORReader.whole(altered) else { continue }
            taken += 1
            #expect(Self.encode(value) == altered)
        }
        // Changes inside of byte strings do no harm to the form, so some must have come through.
        #expect(taken > 0)
    }

    /// The canonical form, by another hand than the reader's.
    private static func encode(_ value: CBOR) -> [UInt8] {
        func head(_ kind: UInt8, _ number: UInt64) -> [UInt8] {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
            return switch number {
            case 0..<24: [kind << 5 | UInt8(number)]
            case 24...0xff: [kind << 5 | 24] + bytes.suffix(1)
            case 0x100...0xffff: [kind << 5 | 25] + bytes.suffix(2)
            case 0x1_0000...0xffff_ffff: [kind << 5 | 26] + bytes.suffix(4)
            default: [kind << 5 | 27] + bytes
            }
        }
        switch value {
        case .unsigned(let number): return head(0, number)
        case .negative(let number): return head(1, number)
        case .bytes(let bytes): return head(2, UInt64(bytes.count)) + bytes
        case .text(let text): return head(3, UInt64(text.utf8.count)) + Array(text.utf8)
        case .array(let items): return head(4, UInt64(items.count)) + items.flatMap(encode)
        case .map(let entries):
            return head(5, UInt64(entries.count)) + entries.flatMap { encode($0.key) + encode($0.value) }
        case .bool(let flag): return [flag ? 0xf5 : 0xf4]
        case .null: return [0xf6]
        }
    }
}
