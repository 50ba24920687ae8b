import Credentials
import Ground
import Store

/// What somebody is told by mail: which of the templates, in which language, and what is put into it.
public struct MailMessage: Sendable {
    /// Each is a template of that name in every language.
    public enum Kind: String, Sendable, CaseIterable {
        // What somebody has asked for.
        case passwordReset = "password-reset"
        case emailVerification = "email-verification"
        /// To the new address, for its owner to agree.
        case emailChange = "email-change"
        case magicLink = "magic-link"
        case signInCode = "sign-in-code"
        case invitation
        case accessApproved = "access-approved"
        case accessRejected = "access-rejected"
        /// To those who may decide about people's access.
        case accessReview = "access-review"
        // What happened to an account.
        /// To the former address, with a link that undoes it.
        case emailChanged = "email-changed"
        case passwordChanged = "password-changed"
        case newDevice = "new-device"
        case accountLocked = "account-locked"
        case secondFactorOn = "second-factor-on"
        case secondFactorOff = "second-factor-off"
        case recoveryCodesMade = "recovery-codes-made"
        case recoveryCodeUsed = "recovery-code-used"
        case passkeyAdded = "passkey-added"
        case passkeyRemoved = "passkey-removed"
        case telegramLinked = "telegram-linked"
        case telegramUnlinked = "telegram-unlinked"
        /// What `gatehouse mail test` sends.
        case test
    }

    /// What may be put into a template, by the name that it has there. What is not given, the template does without.
    public enum Fact: String, Sendable, CaseIterable {
        /// Of the person.
        case name
        /// What opens it must be good for that alone, and for a while.
        case link
        case code
        /// How long link or code work.
        case minutes
        /// Where it was done from: the device, the network address, and when.
        case device, address, moment
        case company
        /// Who invites.
        case inviter
        case reason
        /// An e-mail address that the message speaks of.
        case email
        /// What a passkey is called.
        case passkey
        /// Whose access is to be looked at.
        case people
        /// Opens "it was not me".
        case disown
    }

    public let kind: Kind
    public let language: Language
    public private(set) var facts: [Fact: String]
    /// When what the message brings has lost its worth: then it is not sent any more. nil: never.
    public let expiresAt: Timestamp?

    /// - Parameter expiresAt: must be given where there is a link or a code.
    public init(_ kind: Kind, _ facts: [Fact: String] = [:], in language: Language, until expiresAt: Timestamp? = nil) {
        self.kind = kind
        self.language = language
        self.facts = facts
        self.expiresAt = expiresAt
    }

    /// The same, saying where it was done from, and when.
    func done(by client: Client?, at now: Timestamp) -> MailMessage {
        var message = self
        message.facts[.moment] = MailMoment.text(now)
        guard let client else { return message }
        message.facts[.device] = DeviceParser.device(of: client.userAgent).name
        message.facts[.address] = client.address.description
        return message
    }
}
