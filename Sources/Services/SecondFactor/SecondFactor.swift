import Ground

/// What somebody may prove themselves with after the first proof.
public enum SecondFactor: String, Sendable, CaseIterable {
    /// A code of an authenticator app (RFC 6238).
    case totp
    case recoveryCode = "recovery_code"
    /// A code that is sent to the person's address.
    case email
    /// A code that a bot tells.
    case telegram
    case passkey

    /// What it is called in `amr` (RFC 8176).
    var method: String {
        switch self {
        case .totp, .recoveryCode, .email: "otp"
        case .telegram: TelegramService.method
        case .passkey: "hwk"
        }
    }
}

/// The first proof was good, and a second is asked for. The token opens nothing but the way to it.
public struct SecondFactorChallenge: Sendable {
    public let token: String
    /// What may be shown, the surest first; none where a factor must be set up first.
    public let methods: [SecondFactor]
    public let expiresIn: Duration

    /// Whether a second factor is required of the person, who has none: the token lets them set one up.
    public var asksForEnrolment: Bool { methods.isEmpty }
}
