/// What an authenticator answers when a passkey is asked for (Level 3, section 7.2).
public struct Assertion: Sendable {
    public let clientData: ClientData
    public let authenticatorData: AuthenticatorData
    private let signature: [UInt8]

    /// - Throws: `.malformed`.
    public init(clientData: [UInt8], authenticatorData: [UInt8], signature: [UInt8]) throws(WebAuthnFault) {
        self.clientData = try ClientData(clientData)
        self.authenticatorData = try AuthenticatorData(authenticatorData)
        self.signature = signature
    }

    /// What is known of the passkey from before.
    public struct Known: Sendable {
        public let key: CredentialKey
        public let counter: UInt32
        public let isBackupEligible: Bool

        public init(key: CredentialKey, counter: UInt32, isBackupEligible: Bool) {
            self.key = key
            self.counter = counter
            self.isBackupEligible = isBackupEligible
        }
    }

    /// Checks everything but whose the passkey is. What is thrown last, `.counterBehind`, is thrown of an assertion
    /// that is right in all else.
    /// - Throws: every fault but those of attestation.
    public func verify(
        by known: Known, challenge: [UInt8], for party: RelyingParty, requiringVerification: Bool
    ) throws(WebAuthnFault) {
        try clientData.check("webauthn.get", challenge, for: party)
        try authenticatorData.check(for: party, requiringVerification: requiringVerification)
        guard authenticatorData.isBackupEligible == known.isBackupEligible else { throw .backupFlags }
        guard known.key.verify(signature, over: authenticatorData.bytes + clientData.digest) else {
            throw .signatureInvalid
        }
        guard authenticatorData.counter > known.counter || (authenticatorData.counter == 0 && known.counter == 0) else {
            throw .counterBehind
        }
    }
}
