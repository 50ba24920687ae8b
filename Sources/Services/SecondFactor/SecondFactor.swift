import Ground
import Store

/// What somebody may prove themselves with after the first proof.
public enum SecondFactor: String, Sendable, CaseIterable {
    // The surest first.
    case passkey
    /// A code of an authenticator app (RFC 6238).
    case totp
    /// A code that a bot tells.
    case telegram
    /// A code that is sent to the person's address.
    case email
    case recoveryCode = "recovery_code"

    /// What it is called in `amr` (RFC 8176, which knows no name for what is sent).
    var method: String {
        switch self {
        case .passkey: "hwk"
        case .totp, .recoveryCode: "otp"
        case .telegram: TelegramService.method
        case .email: "email"
        }
    }

    /// Whether it is a code that is sent to the person.
    public var isSent: Bool { self == .email || self == .telegram }

    /// Whether it is a code that the person has, and no door asks for.
    var isTyped: Bool { self == .totp || self == .recoveryCode }
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

/// How somebody has proved who they are, as sessions keep it: `amr` (RFC 8176), separated by spaces.
struct ProvedMethods: Sendable {
    static let severalFactors = "mfa"

    private(set) var all: [String]

    init(_ text: String) { all = text.spaceSeparated }

    var text: String { all.joined(separator: " ") }
    /// Not by the word alone: older programs took the same way twice for two factors.
    var hasSecondFactor: Bool {
        all.contains(Self.severalFactors)
            && all.count { $0 != Self.severalFactors && $0 != TelegramService.companyMethod } > 1
    }

    func contains(_ method: String) -> Bool { all.contains(method) }

    /// Whether the factor proves something beside the way by which the person came in. The same mailbox, chat or key again
    /// does not; a passkey that has verified the person is two factors by itself.
    func areBeside(_ factor: SecondFactor) -> Bool {
        factor.isTyped || all.first != factor.method || factor == .passkey && contains(PasskeyService.verification)
    }

    /// The same with a passkey that has verified the person.
    func addingVerifiedPasskey() -> ProvedMethods { adding([SecondFactor.passkey.method, PasskeyService.verification]) }

    /// The same with a second factor.
    func adding(_ factor: SecondFactor) -> ProvedMethods { adding([factor.method]) }

    private func adding(_ methods: [String]) -> ProvedMethods {
        var copy = self
        copy.all.removeAll { $0 == Self.severalFactors }
        copy.all += methods.filter { !all.contains($0) } + [Self.severalFactors]
        return copy
    }
}

/// How sure it is who somebody is (`acr`, RFC 9068; the words are those of NIST SP 800-63).
public enum AuthenticationLevel: String, Sendable {
    case oneFactor = "aal1"
    case severalFactors = "aal2"
}

extension Session {
    public var level: AuthenticationLevel {
        ProvedMethods(methods).hasSecondFactor ? .severalFactors : .oneFactor
    }
}

extension User {
    /// The second factors that the person has set up, the surest first.
    var factors: [SecondFactor] { SecondFactor.allCases.filter { secondFactors.contains($0.rawValue) } }

    /// Asks that the person can prove the factor in a session: it is set up, and not how they came into it.
    /// - Throws: `.secondFactorUnavailable`.
    func demand(_ factor: SecondFactor, in session: Session) throws(AuthError) {
        guard !factors.isEmpty, factor == .recoveryCode || factors.contains(factor),
            ProvedMethods(session.methods).areBeside(factor)
        else { throw .secondFactorUnavailable }
    }
}

/// When a second factor is required.
enum SecondFactorRule {
    /// Since when one is required of a person who has none, where the session stands; nil: it is not, or they have one.
    ///
    /// A role asks from when it was required and the person had it, a company from when it was required and they belonged to
    /// it. Only where a company asks is more to be read of the person than what is there.
    static func since(of user: User, _ grants: [Grant], in company: Company?, _ repositories: Repositories) async throws
        -> Timestamp?
    {
        guard user.factors.isEmpty else { return nil }
        var moments = grants.filter { $0.company == nil || $0.company == company?.id }.compactMap(\.secondFactorSince)
        if let company, let since = company.secondFactorSince {
            let joined = try await repositories.companies.joined(company.id, by: user.id)
            moments.append(joined.map { max($0, since) } ?? since)
        }
        return moments.min()
    }
}
