import Credentials
import Ground
import Store

/// Signing in by a link that is sent to the address of the account, in the browser that asked for it.
///
/// The link alone lets nobody in: it is bound to a secret of that browser, so that neither who reads the mail on the way
/// nor who makes somebody else follow a link gets a session.
public struct MagicLinkService: Sendable {
    /// How a session of this door says that it was opened.
    static let method = "email"

    let isOpen: Bool
    let store: DataStore
    let signIn: SignInService
    let requests: MailRequests
    let links: MailLinks
    let proof: AddressProof
    let clock: Clock

    /// How long the browser must keep its secret.
    public static let lifetime = LinkPurpose.magicLink.lifetime

    /// Has a link sent, where the address has an account; whether it has is not told.
    /// - Parameter browser: the secret of the browser.
    /// - Throws: `.doorClosed`, `.mailNotConfigured`, `.rateLimited`.
    public func request(_ email: EmailAddress, browser: String, from client: Client) async throws(AuthError) {
        guard isOpen else { throw .doorClosed }
        try await requests.take(MailRequest(.magicLink, email, browser: Self.digest(browser), from: client))
    }

    /// Follows the link.
    /// - Throws: `.doorClosed`, `.linkInvalid` in another browser too, and what every door throws.
    public func signIn(with token: String, browser: String?, from client: Client) async throws(AuthError) -> SignInOutcome {
        guard isOpen else { throw .doorClosed }
        let now = clock.now
        let changes = signIn.sessions.subjects.changes
        let entry: (passage: SignInService.Passage?, ended: [UUID])
        var found: User?
        do {
            let digest = browser.map { Self.digest($0) }
            found = try await links.open(token, for: .magicLink, browser: digest, in: store.reading).user
            entry = try await store.transaction { repositories in
                var user = try await links.use(token, for: .magicLink, browser: digest, in: repositories).user
                guard user.status == .active else { throw AuthError.accountBlocked }
                let ended = try await proof.take(for: &user, from: client, in: repositories)
                return (try await enter(user, from: client, at: now, in: repositories), ended)
            }
        } catch {
            let error = AuthError.from(error)
            if let reason = Self.reason(of: error) {
                try await signIn.record(failure: reason, of: found?.id, from: client)
            }
            throw error
        }
        try await signIn.sessions.announce(ended: entry.ended)
        if let passage = entry.passage { return try await signIn.outcome(of: passage, unchangedSince: changes, at: now) }
        guard let found else { throw .linkInvalid }
        return signIn.passwordChange(of: found, after: ProvedMethods(Self.method))
    }

    private static func reason(of error: AuthError) -> String? {
        if case .linkInvalid = error { return "link_invalid" }
        return SignInService.reason(of: error)
    }

    /// - Returns: nil where a new password must be chosen first: the link is used up by that, too.
    private func enter(_ user: User, from client: Client, at now: Timestamp, in repositories: Repositories) async throws
        -> SignInService.Passage?
    {
        let company = try await signIn.company(of: user, in: repositories)
        do {
            return try await signIn.enter(
                user, in: company, method: Self.method, facts: [.init("method", .string(Self.method))],
                mustChange: user.requiresPasswordChange, from: client, at: now, repositories)
        } catch AuthError.passwordChangeRequired { return nil }
    }

    private static func digest(_ browser: String) -> [UInt8] { Digest.sha256(Array("magic:\(browser)".utf8)) }
}
