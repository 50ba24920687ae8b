import Credentials
import Ground
import Store

/// What a link that is sent by mail is good for.
public enum LinkPurpose: String, Sendable, CaseIterable {
    case passwordReset = "password_reset"
    case emailVerification = "email_verification"
    case emailChange = "email_change"
    /// Takes a change of the address back.
    case emailUndo = "email_undo"
    case magicLink = "magic_link"
    /// Says of what a notice tells that it was somebody else.
    case disown

    /// What stands at the beginning of its token, so that it is never taken for another.
    var prefix: String {
        switch self {
        case .passwordReset: "ghpr_"
        case .emailVerification: "ghev_"
        case .emailChange: "ghec_"
        case .emailUndo: "gheu_"
        case .magicLink: "ghml_"
        case .disown: "ghnm_"
        }
    }

    /// The page that it leads to; the token stands behind `#`, which no browser tells any server.
    public var path: String {
        switch self {
        case .passwordReset: "/reset-password"
        case .emailVerification: "/verify-email"
        case .emailChange: "/change-email"
        case .emailUndo: "/undo-email-change"
        case .magicLink: "/magic-link"
        case .disown: "/not-me"
        }
    }

    var lifetime: Duration {
        switch self {
        case .passwordReset: .seconds(3600)
        case .emailVerification: .seconds(2 * 86400)
        case .emailChange: .seconds(86400)
        // Somebody may be away for some days.
        case .emailUndo, .disown: .seconds(7 * 86400)
        case .magicLink: .seconds(900)
        }
    }
}

/// Makes links that are sent by mail, and knows them again: each works once, for a while, and for one thing.
struct MailLinks: Sendable {
    /// A link, as whoever gets it sees it.
    struct Made: Sendable {
        let token: String
        let url: String
        let expiresAt: Timestamp
        let minutes: String
    }

    /// A link that works, and whose it is.
    struct Opened: Sendable {
        let link: MailLink
        let user: User
    }

    let base: String
    let clock: Clock
    let random: RandomSource

    /// - Parameters:
    ///   - email: where it is sent to.
    ///   - browser: of the only browser in which it may be followed; nil: any.
    ///   - asker: who wanted it; nil: it follows from something else, and counts as a stranger's wish.
    func make(
        _ purpose: LinkPurpose, for user: User, to email: String, browser: [UInt8]? = nil, askedBy asker: MailAsker? = nil,
        in repositories: Repositories
    ) async throws -> Made {
        let now = clock.now
        let id = UUID(at: now, random: random)
        let secret = random.bytes(32)
        let link = MailLink(
            id: id, purpose: purpose.rawValue, userID: user.id, secretDigest: Digest.sha256(secret), email: email,
            stateDigest: Self.state(of: user, for: purpose), browserDigest: browser,
            // What can be taken back stays free for it.
            heldKey: purpose == .emailUndo ? user.emailKey : nil, at: now, expiresAt: now + purpose.lifetime)
        try await repositories.mailLinks.insert(link, askedBy: asker)
        let token = purpose.prefix + Base64URL.encode(id.bytes + secret)
        return Made(
            token: token, url: "\(base)\(purpose.path)#\(token)", expiresAt: link.expiresAt,
            minutes: "\(purpose.lifetime.milliseconds / 60_000)")
    }

    /// What a token stands for. It is not used up by this.
    /// - Throws: `.linkInvalid`.
    func open(_ token: String, for purpose: LinkPurpose, browser: [UInt8]? = nil, in repositories: Repositories)
        async throws -> Opened
    {
        guard token.hasPrefix(purpose.prefix), let bytes = Base64URL.decode(token.dropFirst(purpose.prefix.count)),
            bytes.count == 48, let id = UUID(bytes: Array(bytes.prefix(16))),
            let link = try await repositories.mailLinks.find(id), link.purpose == purpose.rawValue,
            Digest.equal(Digest.sha256(Array(bytes.suffix(32))), link.secretDigest), link.isOpen(at: clock.now),
            let user = try await repositories.users.find(link.userID)
        else { throw AuthError.linkInvalid }
        if let state = link.stateDigest {
            guard Digest.equal(state, Self.state(of: user, for: purpose) ?? []) else { throw AuthError.linkInvalid }
        }
        if let wanted = link.browserDigest {
            guard let browser, Digest.equal(browser, wanted) else { throw AuthError.linkInvalid }
        }
        return Opened(link: link, user: user)
    }

    /// Uses a link up, in the transaction of what it is good for.
    /// - Throws: `.linkInvalid`.
    func use(_ token: String, for purpose: LinkPurpose, browser: [UInt8]? = nil, in repositories: Repositories)
        async throws -> Opened
    {
        let opened = try await open(token, for: purpose, browser: browser, in: repositories)
        guard try await repositories.mailLinks.use(opened.link.id, at: clock.now) else { throw AuthError.linkInvalid }
        return opened
    }

    /// Ends what else was sent to the person, but what takes back a change that was made until then.
    func endOthers(of user: UUID, butUndoing moment: Timestamp, in repositories: Repositories) async throws {
        try await repositories.mailLinks.endAll(
            ofUser: user, but: LinkPurpose.emailUndo.rawValue, until: moment, at: clock.now)
    }

    /// Nothing is taken back any more: somebody has decided over the account who may.
    func endUndoing(of user: UUID, in repositories: Repositories) async throws {
        try await repositories.mailLinks.end(LinkPurpose.emailUndo.rawValue, ofUser: user, at: clock.now)
    }

    /// A link dies with the address that it was sent for, and one that opens the account with its password too. What takes
    /// something back works whatever was done since.
    private static func state(of user: User, for purpose: LinkPurpose) -> [UInt8]? {
        switch purpose {
        case .emailUndo, .disown: nil
        case .emailVerification: Digest.sha256(Array("\(user.emailKey ?? "")".utf8))
        case .passwordReset, .emailChange, .magicLink:
            Digest.sha256(Array("\(user.emailKey ?? "")\n\(user.passwordHash ?? "")".utf8))
        }
    }
}
