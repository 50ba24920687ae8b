import Credentials
import Ground
import Store

/// Sessions of people who talk with bots: one for each person and bot, which every service takes like any other. Nobody
/// has its refresh token. Whoever ends it, or blocks the person, ends what they can do in the bot.
public struct BotSessions: Sendable {
    /// A session that is used goes on; it is noted so often.
    private static let noted = Duration.seconds(3600)

    let store: DataStore
    let signIn: SignInService
    let clock: Clock

    private var sessions: SessionService { signIn.sessions }

    /// What the person shows to services.
    /// - Returns: nil for a stranger: whoever has no account, or none that the bot is for.
    /// - Throws: `.secondFactorRequired` where the talk has not shown one that is asked for: Telegram is the first, and no
    ///   second; `.accountBlocked`, `.companySuspended`, `.addressNotAllowed`, `.unavailable`.
    public func token(for talk: BotTalk) async throws(AuthError) -> AccessToken? {
        let now = clock.now
        let (session, ended): (Session?, [UUID])
        do {
            (session, ended) = try await store.transaction { try await obtain(for: talk, at: now, in: $0) }
        } catch { throw .from(error) }
        try await sessions.announce(ended: ended)
        guard let session else { return nil }
        let token = AccessToken(
            userID: session.userID, sessionID: session.id, companyID: session.companyID, methods: session.methods.spaceSeparated,
            expiresAt: now + sessions.accessTokens.lifetime)
        let subject = try await sessions.admit(token, from: talk.client.address, as: talk.client)
        try Standing.check(subject)
        return token
    }

    /// Asks that whoever has a second factor has shown it of late.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`.
    func demandProof(of token: AccessToken) async throws(AuthError) {
        guard try await !sessions.subject(of: token).person.factors.isEmpty else { return }
        try await sessions.demandRecent(of: token)
    }

    // MARK: Second factors

    /// Begins to sign the talk in, where it has not shown a second factor that is asked for.
    /// - Returns: nil where none is asked for any more, or the person is a stranger by now.
    func begin(for talk: BotTalk) async throws(AuthError) -> SecondFactorChallenge? {
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                guard let user = try await account(in: talk, repositories),
                    let place = try await place(of: user, in: talk, repositories)
                else { return nil }
                guard case .asked(let challenge) = try await open(for: user, in: place, talk, at: now, repositories) else {
                    // Nobody has the tokens of that session; the next update opens another.
                    throw AuthError.sessionEnded
                }
                return challenge
            }
        } catch { throw .from(error) }
    }

    /// Takes over a session that was opened with a second factor, in the place of the one that the talk had.
    /// - Returns: the session that this ends.
    func hold(_ session: Session, for talk: BotTalk, in repositories: Repositories) async throws -> [UUID] {
        let held = try await repositories.botTalks.session(bot: talk.bot.id, telegramID: talk.person.id)
        try await repositories.botTalks.hold(
            session.id, bot: talk.bot.id, telegramID: talk.person.id, until: session.expiresAt)
        guard let held, let former = try await repositories.sessions.find(held), former.endedAt == nil else { return [] }
        try await sessions.ending.end(
            former, because: .logout, with: .sessionEnded, from: talk.client, in: repositories)
        return [held]
    }

    /// Whom the token stands for.
    func subject(of token: AccessToken) async throws(AuthError) -> Subject { try await sessions.subject(of: token) }

    /// - Throws: `.forbidden`.
    func demand(_ permission: Permission, of token: AccessToken) async throws(AuthError) -> Scope {
        try await sessions.demand(permission, of: token)
    }

    // MARK: Opening

    private func obtain(for talk: BotTalk, at now: Timestamp, in repositories: Repositories) async throws
        -> (Session?, [UUID])
    {
        guard let user = try await account(in: talk, repositories) else { return (nil, []) }
        if let session = try await current(for: talk, user.id, at: now, in: repositories),
            // One that was opened before the person had a second factor goes no further.
            user.factors.isEmpty || session.level == .severalFactors
        {
            return (session, [])
        }
        guard let place = try await place(of: user, in: talk, repositories) else { return (nil, []) }
        guard user.factors.isEmpty, case .opened(let opening) = try await open(for: user, in: place, talk, at: now, repositories)
        else { throw AuthError.secondFactorRequired }
        let session = opening.session
        try await repositories.botTalks.hold(
            session.id, bot: talk.bot.id, telegramID: talk.person.id, until: session.expiresAt)
        try await signIn.recordSignIn(opening, facts: Self.facts(of: talk), from: talk.client, in: repositories)
        return (session, opening.ended)
    }

    /// Where the session of a talk stands; nil: in no company.
    private struct Place {
        let company: Company?
    }

    /// - Returns: nil for whoever has none.
    private func account(in talk: BotTalk, _ repositories: Repositories) async throws -> User? {
        guard let identity = try await repositories.telegramIdentities.find(talk.person.id) else { return nil }
        guard let user = try await repositories.users.find(identity.userID), user.status == .active else {
            throw AuthError.accountBlocked
        }
        return user
    }

    /// - Returns: nil for whoever the bot is not for.
    private func place(of user: User, in talk: BotTalk, _ repositories: Repositories) async throws -> Place? {
        guard let own = talk.bot.company else {
            return Place(company: try await signIn.company(of: user, in: repositories))
        }
        guard try await repositories.companies.memberships(of: user.id).contains(own) else { return nil }
        guard let company = try await repositories.companies.find(own), company.status == .active else {
            throw AuthError.companySuspended
        }
        return Place(company: company)
    }

    private func open(
        for user: User, in place: Place, _ talk: BotTalk, at now: Timestamp, _ repositories: Repositories
    ) async throws -> SignInService.Passage {
        try await signIn.open(
            for: user, in: place.company, method: TelegramService.methods(through: talk.bot), facts: Self.facts(of: talk),
            from: talk.client, at: now, repositories)
    }

    private static func facts(of talk: BotTalk) -> [JSON.Member] {
        [
            .init("method", .string(TelegramService.method)), .init("door", "talk"),
            .init("bot_id", .integer(talk.bot.id)),
        ]
    }

    private func current(for talk: BotTalk, _ user: UUID, at now: Timestamp, in repositories: Repositories) async throws
        -> Session?
    {
        guard let id = try await repositories.botTalks.session(bot: talk.bot.id, telegramID: talk.person.id),
            let session = try await repositories.sessions.find(id), session.userID == user, session.endedAt == nil,
            session.expiresAt > now, talk.bot.company == nil || session.companyID == talk.bot.company
        else { return nil }
        if now - session.lastUsedAt > Self.noted {
            let expiry = sessions.rotations.rowExpiry(for: Timestamp(seconds: (now + sessions.settings.refreshLifetime).seconds))
            try await repositories.sessions.touch(session, expiresAt: expiry, at: now)
            try await repositories.botTalks.hold(id, bot: talk.bot.id, telegramID: talk.person.id, until: expiry)
        }
        return session
    }
}
