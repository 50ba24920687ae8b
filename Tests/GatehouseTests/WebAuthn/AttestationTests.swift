import Credentials
import Ground
import Testing
import WebAuthn

@Suite("Words of makers that are not true", .enabled(if: W3CVectors.shared != nil, "no test vectors here"))
struct AttestationTests {
    private static let attested = (W3CVectors.shared?.all ?? []).filter {
        !$0.name.contains("No Attestation") && $0.name.contains("Attestation")
    }
    /// What Apple's certificate says of what it was made for.
    private static let nonceExtension: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x08, 0x02]

    private func value(_ name: String, in object: CBOR?) -> CBOR? {
        guard case .map(let entries)? = object else { return nil }
        return entries.first { $0.key == .text(name) }?.value
    }

    private func word(of vector: W3CVectors.Vector) throws -> (format: String, statement: CBOR) {
        let object = try CBORReader.whole(vector.attestationObject)
        let format: String? = if case .text(let name)? = value("fmt", in: object) { name } else { nil }
        return (try #require(format), try #require(value("attStmt", in: object)))
    }

    private func bytes(_ name: String, _ statement: CBOR) -> [UInt8]? {
        if case .bytes(let bytes)? = value(name, in: statement) { bytes } else { nil }
    }

    /// The certificate of the key that signs.
    private func signer(_ statement: CBOR) -> [UInt8]? {
        guard case .array(let chain)? = value("x5c", in: statement), case .bytes(let first)? = chain.first else { return nil }
        return first
    }

    /// The attestation object with one bit of that part of it changed.
    private func spoiled(_ vector: W3CVectors.Vector, at offset: Int, of part: [UInt8]) throws -> [UInt8] {
        var object = vector.attestationObject
        let range = try #require(object.firstRange(of: part))
        object[range.lowerBound + offset] ^= 1
        return object
    }

    private func verify(
        _ vector: W3CVectors.Vector, _ object: [UInt8]? = nil, roots: [[UInt8]]? = nil, at now: Timestamp = W3CVectors.now
    ) throws -> WebAuthn.Registration.Made {
        try WebAuthn.Registration(
            clientData: vector.registrationClientData, attestationObject: object ?? vector.attestationObject
        ).verify(
            challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
            algorithms: COSEAlgorithm.allCases, roots: roots, at: now)
    }

    @Test("every format is there")
    func formats() throws {
        let formats = try Set(Self.attested.map { try word(of: $0).format })
        #expect(formats == ["packed", "tpm", "android-key", "apple", "fido-u2f"])
    }

    @Test("a wrong signature", arguments: attested)
    func signatures(vector: W3CVectors.Vector) throws {
        let (format, statement) = try word(of: vector)
        guard let signature = bytes("sig", statement) else {
            // Apple signs nothing but the certificate, which says what it was made for.
            try #require(format == "apple")
            let certificate = try #require(signer(statement))
            let place = try #require(certificate.firstRange(of: Self.nonceExtension))
            // Behind it: an octet string with a sequence with a tag with an octet string.
            let object = try spoiled(vector, at: place.upperBound + 10, of: certificate)
            #expect(throws: WebAuthnFault.attestationInvalid) { try verify(vector, object) }
            return
        }
        let object = try spoiled(vector, at: signature.count - 1, of: signature)
        #expect(throws: WebAuthnFault.attestationInvalid) { try verify(vector, object) }
        // One that was made of something else.
        var other = vector.registrationClientData
        let place = try #require(other.firstRange(of: Array("crossOrigin".utf8)))
        other.insert(contentsOf: Array("x\":1,\"".utf8), at: place.lowerBound)
        #expect(throws: WebAuthnFault.attestationInvalid) {
            try WebAuthn.Registration(clientData: other, attestationObject: vector.attestationObject).verify(
                challenge: vector.registrationChallenge, for: W3CVectors.party, requiringVerification: false,
                algorithms: COSEAlgorithm.allCases, at: W3CVectors.now)
        }
    }

    @Test("a certificate that was made for another model", arguments: ["packed", "tpm"])
    func models(format: String) throws {
        let vector = try #require(
            Self.attested.first { try word(of: $0).format == format && signer(try word(of: $0).statement) != nil })
        let made = try verify(vector)
        let object = try CBORReader.whole(vector.attestationObject)
        let (_, statement) = try word(of: vector)
        let holder = try SoftwareAuthenticator(.es256)
        guard case .bytes(let data)? = value("authData", in: object) else { throw Unreadable() }
        // The same word for the same passkey, by a key whose certificate names a model or none.
        func attested(model: [UInt8]?) throws -> [UInt8] {
            let isPacked = format == "packed"
            let certificate = isPacked
                ? MadeCertificate(ofAuthenticatorsBy: holder, model: model) : MadeCertificate(ofModulesBy: holder, model: model)
            let signed = isPacked ? data + Digest.sha256(vector.registrationClientData) : bytes("certInfo", statement) ?? []
            let changed = statement.setting("alg", to: .negative(6)).setting("sig", to: .bytes(holder.sign(signed)))
                .setting("x5c", to: .array([.bytes(certificate.bytes)]))
            return object.setting("attStmt", to: changed).encoded
        }
        let model = made.aaguid.bytes
        for right in [model, nil] {
            #expect(try verify(vector, try attested(model: right)).attestation == .certified)
        }
        var other = model
        other[15] ^= 1
        for wrong in [other, [UInt8](repeating: 0, count: 16), Array(model.dropLast()), model + [0], []] {
            #expect(throws: WebAuthnFault.attestationInvalid, "\(Hex.encode(wrong))") {
                try verify(vector, try attested(model: wrong))
            }
        }
    }

    private struct Unreadable: Error {}

    @Test("a certificate that has expired, holds not yet, or was altered, where roots are asked for", arguments: attested)
    func certificates(vector: W3CVectors.Vector) throws {
        guard let certificate = signer(try word(of: vector).statement) else {
            #expect(try verify(vector).attestation == .own)
            return
        }
        let root = try #require(W3CVectors.shared?.root)
        #expect(try verify(vector, roots: [root]).attestation == .certified)
        // They hold from 2024 to 3024.
        for year: Int64 in [2023, 3025] {
            let moment = Timestamp(seconds: (year - 1970) * 31_556_952)
            #expect(throws: WebAuthnFault.attestationNotTrusted) { try verify(vector, roots: [root], at: moment) }
        }
        // The last bytes are its maker's signature: what it says is as before.
        let object = try spoiled(vector, at: certificate.count - 1, of: certificate)
        #expect(throws: WebAuthnFault.attestationNotTrusted) { try verify(vector, object, roots: [root]) }
    }
}
