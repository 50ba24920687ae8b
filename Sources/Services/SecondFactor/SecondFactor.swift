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

    init(_ text: String) { all = text.split(separator: " ").map(String.init) }

    var text: String { all.joined(separator: " ") }
    var hasSecondFactor: Bool { all.contains(Self.severalFactors) }

    func contains(_ method: String) -> Bool { all.contains(method) }

    /// The same with a second factor.
    func adding(_ factor: SecondFactor) -> ProvedMethods {
        var copy = self
        for method in [factor.method, Self.severalFactors] where !copy.all.contains(method) { copy.all.append(method) }
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
}

/// When a second factor is required.
enum SecondFactorRule {
    /// Since when one is required of the person where the session stands; nil: it is not.
    static func since(of user: User, _ grants: [Grant], in company: Company?) -> Timestamp? {
        let roles = grants.filter { $0.company == nil || $0.company == company?.id }.compactMap(\.secondFactorSince)
        let place = company?.secondFactorSince.map { max($0, user.createdAt) }
        return (roles + [place].compactMap { $0 }).min()
    }
}
