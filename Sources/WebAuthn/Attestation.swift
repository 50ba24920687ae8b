import Credentials
import Ground

/// How a passkey came with a word of its maker (Level 3, section 6.5.3).
public enum AttestationKind: String, Sendable {
    case none
    /// Signed with the passkey itself.
    case own = "self"
    /// Signed with a key whose certificate came along.
    case certified
}

/// What every format is checked against.
struct AttestedData {
    let authenticatorData: AuthenticatorData
    let credential: AuthenticatorData.Credential
    let clientDataDigest: [UInt8]

    /// What most formats sign.
    var signed: [UInt8] { authenticatorData.bytes + clientDataDigest }
}

/// The formats of attestation, each by its own rules (Level 3, section 8).
enum AttestationFormat: String {
    case none
    case packed
    case fidoU2F = "fido-u2f"
    case tpm
    case androidKey = "android-key"
    case apple

    /// - Returns: the kind, and the certificates that came along, the signer's first.
    /// - Throws: `.attestationInvalid`.
    func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> (AttestationKind, chain: [[UInt8]]) {
        switch self {
        case .none:
            guard statement.entries?.isEmpty == true else { throw .attestationInvalid }
            return (.none, [])
        case .packed: return try PackedAttestation.check(statement, of: data)
        case .fidoU2F: return (.certified, try U2FAttestation.check(statement, of: data))
        case .tpm: return (.certified, try TPMAttestation.check(statement, of: data))
        case .androidKey: return (.certified, try AndroidKeyAttestation.check(statement, of: data))
        case .apple: return (.certified, try AppleAttestation.check(statement, of: data))
        }
    }

    /// The certificates of a statement: at least one, and not many.
    static func chain(in statement: CBOR) throws(WebAuthnFault) -> [[UInt8]] {
        let chain = statement["x5c"]?.array?.map(\.bytes) ?? []
        guard (1...6).contains(chain.count), !chain.contains(nil) else { throw .attestationInvalid }
        return chain.compactMap { $0 }
    }

    static func algorithm(in statement: CBOR) throws(WebAuthnFault) -> COSEAlgorithm {
        guard let number = statement["alg"]?.integer, let algorithm = COSEAlgorithm(rawValue: number) else {
            throw .attestationInvalid
        }
        return algorithm
    }

    /// Whether the certificate, where it names a model of authenticators, names that one (section 8.2.1).
    static func namesModel(_ certificate: borrowing Certificate, _ aaguid: UUID) -> Bool {
        guard let value = certificate.extensionValue("1.3.6.1.4.1.45724.1.1.4") else { return true }
        var reader = DERReader(value.bytes)
        guard !value.isCritical, let model = try? reader.next(DERReader.Element.octets), reader.isAtEnd else { return false }
        return model.contents.elementsEqual(aaguid.bytes)
    }
}
