import Credentials
import Ground
import SQL

/// Every reason for which the product says no. Each case carries all that the answer needs; none carries what
/// a client must not know.
public enum AuthError: Error, Sendable {
    /// What was sent breaks the rules of its fields.
    case invalid([FieldFault])
    case tokenMissing
    case tokenInvalid
    case tokenExpired
    /// A refresh token that had been used: its session has ended.
    case tokenReused
    case sessionEnded
    /// Unknown address or wrong password: which of the two is not told.
    case credentialsInvalid
    case accountLocked(retryAfter: Duration)
    case accountBlocked
    /// The person's access was given for a time, and that is over.
    case accessEnded
    case companySuspended
    case passwordChangeRequired
    case forbidden(permission: String)
    /// The address list of the person, or of a role, does not let them in from there.
    case addressNotAllowed
    /// A change of an address list would shut out whoever makes it.
    case wouldShutYouOut
    case notFound
    case emailTaken
    case domainTaken
    case lastSuperAdmin
    case roleNameTaken
    /// Roles that come with the system keep their names, and SuperAdmin all that it permits.
    case systemRole
    case roleInUse
    /// A role would include itself.
    case roleCycle
    /// The person does not belong to the company.
    case notMember
    case alreadyMember
    /// The link of an invitation is not ours, was used or withdrawn, has expired, or gives more than it may.
    case invitationInvalid
    /// There are as many of these as there may be.
    case tooMany
    /// Lines of a file are refused, and nothing of it was written.
    case importRefused(ImportReport)
    case registrationClosed
    case setupClosed
    case originNotAllowed
    /// With the reason, for whoever gave the address.
    case webhookURLNotAllowed(because: String)
    case webhookDisabled
    /// What is said to come from Telegram proves nothing.
    case telegramInvalid(TelegramFault)
    /// There is no such bot, or none at all.
    case telegramNotConfigured
    /// The bot does not let anybody in this way.
    case doorClosed
    /// Whoever this is, nobody has let them in yet.
    case accessRequired
    /// Whoever asks for access has it.
    case accessHeld
    /// Somebody has decided the request, or it has expired.
    case requestClosed
    /// A one-time code that is wrong, was used, or is too old.
    case codeInvalid
    /// Telegram does not know the token, or it is another bot's.
    case botTokenRefused
    /// The bot is there already.
    case botTaken
    /// Telegram could not be asked.
    case telegramUnreachable
    /// The person of Telegram has another account.
    case telegramTaken
    /// The account is another person's of Telegram.
    case telegramLinked
    /// The sign-in was begun in another browser, is over, or was used.
    case signInNotBegun
    /// Whoever was asked in the bot said no.
    case signInRefused
    /// Telegram does not confirm the sign-in: the person has changed their mind, or the code is not good.
    case telegramRefused
    /// Whoever acts must have proved who they are of late, or more surely (RFC 9470).
    case insufficientUserAuthentication(maximumAge: Duration, level: AuthenticationLevel)
    /// Whoever came in through a company's bot could be anybody who did: for this they must come in another way.
    case companyBotSession
    /// The person has a second factor, or must have one, and has not shown it.
    case secondFactorRequired
    /// The factor is not set up, not asked for, or reaches nobody.
    case secondFactorUnavailable
    /// The factor is set up already.
    case secondFactorEnabled
    /// The person must have a second factor, and this is the last.
    case lastSecondFactor
    /// Without this nobody could sign in to the account any more.
    case lastWayIn
    /// A link that is not ours, was used, has expired, or is good for something else.
    case linkInvalid
    /// No mail leaves this server.
    case mailNotConfigured
    /// What an authenticator said cannot be read; with the part that cannot.
    case passkeyMalformed(part: String)
    /// What an authenticator said proves nothing.
    case passkeyRefused(because: String)
    /// No account has such a passkey, or it is not good for this.
    case passkeyUnknown
    /// The passkey is registered already.
    case passkeyTaken
    /// The challenge is not ours, was given to somebody else or for something else, was used, or has expired.
    case challengeInvalid
    case rateLimited(retryAfter: Duration)
    /// More password hashing is asked for than the machine can do.
    case overloaded(retryAfter: Duration)
    /// A store is down. Nothing has changed, unless the line was cut between a commit and its answer, or the other
    /// nodes could not be told of it. The reason is for the log.
    case unavailable(because: String)
    /// A fault of ours. The reason is for the log.
    case unexpected(because: String)
}

/// What is wrong with one field.
public struct FieldFault: Hashable, Sendable {
    public let field: String
    public let code: String
    public let message: String

    public init(field: String, code: String, message: String) {
        self.field = field
        self.code = code
        self.message = message
    }
}

extension AuthError {
    static func from(_ error: any Error) -> AuthError {
        switch error {
        case let error as AuthError: error
        case DatabaseError.unavailable(let reason): .unavailable(because: reason)
        case let error as DatabaseError: .unexpected(because: "\(error)")
        default: .unexpected(because: "\(error)")
        }
    }
}
