import Ground
import Store

/// What a page hands to the browser to have a passkey made.
public struct PasskeyCreationOptions: Sendable {
    public let challenge: [UInt8]
    public let partyID: String
    public let partyName: String
    public let user: User
    /// Those that the person has: an authenticator makes no second one.
    public let existing: [Passkey]
    public let isDiscoverable: Bool
    public let verification: PasskeySettings.Verification
    public let lifetime: Duration

    /// The id by which authenticators know the account: nothing of the person.
    public var userHandle: [UInt8] { user.id.bytes }
    public var userName: String { user.email ?? user.name }
    /// As COSE numbers them, the best first.
    public let algorithms: [Int64]
}

/// What a page hands to the browser to have a passkey asked for.
public struct PasskeyRequestOptions: Sendable {
    public let challenge: [UInt8]
    public let partyID: String
    /// Those that will do; empty: any that the authenticator finds.
    public let allowed: [Passkey]
    public let verification: PasskeySettings.Verification
    public let lifetime: Duration
}

/// What a browser answers when a passkey was made.
public struct PasskeyRegistration: Sendable {
    public let credentialID: [UInt8]
    public let clientData: [UInt8]
    public let attestationObject: [UInt8]
    public let transports: [String]
    /// What the browser says of whether the authenticator finds it by itself; nil where it does not know.
    public let isDiscoverable: Bool?

    public init(
        credentialID: [UInt8], clientData: [UInt8], attestationObject: [UInt8], transports: [String], isDiscoverable: Bool?
    ) {
        self.credentialID = credentialID
        self.clientData = clientData
        self.attestationObject = attestationObject
        self.transports = transports
        self.isDiscoverable = isDiscoverable
    }
}

/// What a browser answers when a passkey was asked for.
public struct PasskeyAssertion: Sendable {
    public let credentialID: [UInt8]
    public let clientData: [UInt8]
    public let authenticatorData: [UInt8]
    public let signature: [UInt8]
    /// By what the authenticator knows the account.
    public let userHandle: [UInt8]?

    public init(
        credentialID: [UInt8], clientData: [UInt8], authenticatorData: [UInt8], signature: [UInt8], userHandle: [UInt8]?
    ) {
        self.credentialID = credentialID
        self.clientData = clientData
        self.authenticatorData = authenticatorData
        self.signature = signature
        self.userHandle = userHandle
    }
}
