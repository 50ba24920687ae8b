import Credentials
import Ground

/// What an authenticator answers when a passkey is made (Level 3, section 7.1).
public struct Registration: Sendable {
    public let clientData: ClientData
    public let authenticatorData: AuthenticatorData
    private let credential: AuthenticatorData.Credential
    private let format: String
    private let statement: CBOR

    /// - Throws: `.malformed`, `.algorithmNotAllowed`.
    public init(clientData: [UInt8], attestationObject: [UInt8]) throws(WebAuthnFault) {
        self.clientData = try ClientData(clientData)
        guard let object = try? CBORReader.whole(attestationObject), object.entries?.count == 3,
            let format = object["fmt"]?.text, let statement = object["attStmt"], statement.entries != nil,
            let data = object["authData"]?.bytes
        else { throw .malformed(.attestationObject) }
        authenticatorData = try AuthenticatorData(data)
        guard let credential = authenticatorData.credential else { throw .malformed(.authenticatorData) }
        self.credential = credential
        self.format = format
        self.statement = statement
    }

    /// A passkey that was made, and is to be kept.
    public struct Made: Sendable {
        public let id: [UInt8]
        public let key: CredentialKey
        /// The key, as it is kept.
        public let cose: [UInt8]
        /// The model of the authenticator; all zeros where it does not say.
        public let aaguid: UUID
        public let attestation: AttestationKind
        public let counter: UInt32
        public let isBackupEligible: Bool
        public let isBackedUp: Bool
        public let isUserVerified: Bool
    }

    /// - Parameters:
    ///   - algorithms: those that were asked for.
    ///   - roots: certificates to one of which an attestation must lead; nil: whoever attests is not asked for their
    ///     own word, but what they say must be right.
    /// - Throws: every fault but `.signatureInvalid` and `.counterBehind`.
    public func verify(
        challenge: [UInt8], for party: RelyingParty, requiringVerification: Bool,
        algorithms: [COSEAlgorithm] = COSEAlgorithm.offered, roots: [[UInt8]]? = nil, at now: Timestamp
    ) throws(WebAuthnFault) -> Made {
        try clientData.check("webauthn.create", challenge, for: party)
        try authenticatorData.check(for: party, requiringVerification: requiringVerification)
        guard algorithms.contains(credential.key.algorithm) else { throw .algorithmNotAllowed }
        guard credential.key.isSound else { throw .malformed(.key) }
        guard let format = AttestationFormat(rawValue: format) else { throw .attestationUnsupported }
        let data = AttestedData(
            authenticatorData: authenticatorData, credential: credential, clientDataDigest: clientData.digest)
        let (kind, chain) = try format.check(statement, of: data)
        if let roots {
            guard kind == .certified, Certificate.leads(chain, to: roots, at: now) else { throw .attestationNotTrusted }
        }
        return Made(
            id: credential.id, key: credential.key, cose: credential.cose, aaguid: credential.aaguid, attestation: kind,
            counter: authenticatorData.counter, isBackupEligible: authenticatorData.isBackupEligible,
            isBackedUp: authenticatorData.isBackedUp, isUserVerified: authenticatorData.isUserVerified)
    }
}
