import Credentials
import Ground

/// What the authenticator says (Level 3, section 6.1).
public struct AuthenticatorData: Sendable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let userPresent = Flags(rawValue: 1)
        static let userVerified = Flags(rawValue: 1 << 2)
        static let backupEligible = Flags(rawValue: 1 << 3)
        static let backedUp = Flags(rawValue: 1 << 4)
        static let hasCredential = Flags(rawValue: 1 << 6)
        static let hasExtensions = Flags(rawValue: 1 << 7)
    }

    struct Credential: Sendable {
        let aaguid: UUID
        let id: [UInt8]
        let key: CredentialKey
        /// The key as it stood there.
        let cose: [UInt8]
    }

    static let maximumIDSize = 1023

    let bytes: [UInt8]
    let partyDigest: [UInt8]
    let flags: Flags
    /// How often the authenticator has signed; 0 where it does not count.
    public let counter: UInt32
    let credential: Credential?

    /// - Throws: `.malformed(.authenticatorData)`, and what is wrong with the key.
    init(_ bytes: [UInt8]) throws(WebAuthnFault) {
        guard bytes.count >= 37 else { throw .malformed(.authenticatorData) }
        self.bytes = bytes
        partyDigest = Array(bytes[..<32])
        flags = Flags(rawValue: bytes[32])
        counter = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        var position = 37
        credential = flags.contains(.hasCredential) ? try Self.credential(in: bytes, at: &position) : nil
        if flags.contains(.hasExtensions) {
            var reader = CBORReader(bytes, from: position)
            guard let extensions = try? reader.next(), extensions.entries != nil else { throw .malformed(.authenticatorData) }
            position = reader.position
        }
        guard position == bytes.count else { throw .malformed(.authenticatorData) }
    }

    private static func credential(in bytes: [UInt8], at position: inout Int) throws(WebAuthnFault) -> Credential {
        guard bytes.count >= position + 18, let aaguid = UUID(bytes: bytes[position..<position + 16]) else {
            throw .malformed(.authenticatorData)
        }
        let length = Int(bytes[position + 16]) << 8 | Int(bytes[position + 17])
        let start = position + 18
        guard (1...maximumIDSize).contains(length), bytes.count >= start + length else { throw .malformed(.authenticatorData) }
        var reader = CBORReader(bytes, from: start + length)
        guard let cose = try? reader.next() else { throw .malformed(.authenticatorData) }
        let key = try CredentialKey(cose)
        position = reader.position
        return Credential(
            aaguid: aaguid, id: Array(bytes[start..<start + length]), key: key,
            cose: Array(bytes[start + length..<position]))
    }

    public var isUserVerified: Bool { flags.contains(.userVerified) }
    /// Whether the passkey may be copied to other devices of the person.
    public var isBackupEligible: Bool { flags.contains(.backupEligible) }
    /// Whether it has been.
    public var isBackedUp: Bool { flags.contains(.backedUp) }

    /// - Throws: `.wrongRelyingParty`, `.userNotPresent`, `.userNotVerified`, `.backupFlags`.
    func check(for party: RelyingParty, requiringVerification: Bool) throws(WebAuthnFault) {
        guard Digest.equal(partyDigest, party.idDigest) else { throw .wrongRelyingParty }
        guard flags.contains(.userPresent) else { throw .userNotPresent }
        guard isUserVerified || !requiringVerification else { throw .userNotVerified }
        guard isBackupEligible || !isBackedUp else { throw .backupFlags }
    }
}
