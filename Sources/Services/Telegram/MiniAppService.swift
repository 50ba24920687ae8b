import Ground
import Store

/// Signing in for clients that keep one token, which itself says who they are (`/api/v2`). Behind it are the accounts,
/// sessions and rules of everybody else.
public struct MiniAppService: Sendable {
    let store: DataStore
    let telegram: TelegramService
    let referrals: ReferralService
    let sessions: SessionService

    /// What such clients know of a person.
    public struct Profile: Sendable {
        public let userID: UUID
        /// What the person is called here, which they may have chosen.
        public let name: String
        /// nil for who has never come through Telegram.
        public let identity: TelegramIdentity?
        public let referralCode: String

        /// None of these names is one that others trust in a token.
        var claims: [JSON.Member] {
            [
                .init("userId", .string(userID.description)),
                .init("telegram_id", identity.map { .integer($0.telegramID) } ?? .null),
                .init("username", JSON(identity?.username)), .init("first_name", .string(identity?.firstName ?? name)),
                .init("ref_code", .string(referralCode)),
            ]
        }
    }

    /// What they get who have signed in or refreshed.
    public struct Entrance: Sendable {
        public let signedIn: SignedIn
        /// The access token, with the profile in it.
        public let token: String
        public let profile: Profile
    }

    /// What signing in leads to.
    public enum Outcome: Sendable {
        case entered(Entrance)
        case secondFactor(SecondFactorChallenge)
    }

    /// Signs in with what opened a Mini App, and makes the account where there is none and the bot makes accounts.
    /// - Throws: as ``TelegramService/signIn(with:for:referral:from:)``.
    public func signIn(initData: String, referral: String?, from client: Client) async throws(AuthError) -> Outcome {
        try await outcome(
            of: try await telegram.signIn(with: .initData(initData), for: nil, referral: referral, from: client))
    }

    /// Takes somebody's word for who they are.
    /// - Throws: `.doorClosed` unless a setting for development allows it; and as signing in.
    public func signIn(unverified person: TelegramPerson, referral: String?, from client: Client)
        async throws(AuthError) -> Outcome
    {
        try await outcome(of: try await telegram.signIn(unverified: person, referral: referral, from: client))
    }

    /// Trades a refresh token for its successor.
    /// - Throws: as ``SessionService/refresh(_:from:)``.
    public func refresh(_ token: RefreshToken, from client: Client) async throws(AuthError) -> Entrance {
        try await entrance(of: try await sessions.refresh(token, from: client))
    }

    /// The same for whoever has shown a second factor too.
    public func outcome(of outcome: SignInOutcome) async throws(AuthError) -> Outcome {
        switch outcome {
        case .signedIn(let signedIn): .entered(try await entrance(of: signedIn))
        case .secondFactor(let challenge): .secondFactor(challenge)
        case .passwordChange: throw .passwordChangeRequired
        }
    }

    private func entrance(of signedIn: SignedIn) async throws(AuthError) -> Entrance {
        let profile = try await profile(of: signedIn.subject)
        return Entrance(
            signedIn: signedIn, token: try sessions.accessToken(of: signedIn.session, adding: profile.claims), profile: profile)
    }

    /// What such clients know of whoever a session stands for.
    public func profile(of subject: Subject) async throws(AuthError) -> Profile {
        let identity: TelegramIdentity?
        do { identity = try await store.reading.telegramIdentities.find(ofUser: subject.person.id) } catch {
            throw .from(error)
        }
        return Profile(
            userID: subject.person.id, name: subject.person.name, identity: identity,
            referralCode: try await referrals.code(of: subject.person.id))
    }
}
