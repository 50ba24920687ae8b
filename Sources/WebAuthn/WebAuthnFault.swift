/// Why a registration or an assertion is refused (Web Authentication Level 3, sections 7.1 and 7.2).
public enum WebAuthnFault: Error, Hashable, Sendable {
    /// It cannot be read; with what cannot.
    case malformed(Part)
    /// It was made for the other ceremony.
    case wrongType
    case wrongChallenge
    case wrongOrigin
    /// The page stood in a frame of another origin.
    case embedded
    /// The authenticator made it for another relying party.
    case wrongRelyingParty
    case userNotPresent
    case userNotVerified
    /// The flags of backup contradict each other, or what was said at registration.
    case backupFlags
    case algorithmNotAllowed
    case attestationUnsupported
    case attestationInvalid
    /// It leads to none of the certificates that are trusted.
    case attestationNotTrusted
    case signatureInvalid
    /// The counter stands still or goes back: somebody may have copied the authenticator.
    case counterBehind

    /// What cannot be read.
    public enum Part: String, Sendable {
        case clientData = "client_data"
        case attestationObject = "attestation_object"
        case authenticatorData = "authenticator_data"
        case key
    }

    /// A stable name for logs and the audit log.
    public var name: String {
        switch self {
        case .malformed(let part): "malformed_\(part.rawValue)"
        case .wrongType: "wrong_type"
        case .wrongChallenge: "wrong_challenge"
        case .wrongOrigin: "wrong_origin"
        case .embedded: "embedded"
        case .wrongRelyingParty: "wrong_relying_party"
        case .userNotPresent: "user_not_present"
        case .userNotVerified: "user_not_verified"
        case .backupFlags: "backup_flags"
        case .algorithmNotAllowed: "algorithm_not_allowed"
        case .attestationUnsupported: "attestation_unsupported"
        case .attestationInvalid: "attestation_invalid"
        case .attestationNotTrusted: "attestation_not_trusted"
        case .signatureInvalid: "signature_invalid"
        case .counterBehind: "counter_behind"
        }
    }
}
