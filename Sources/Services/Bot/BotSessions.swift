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
    let audit: Audit
    let clock: Clock

    private var sessions: SessionService { signIn.sessions }

    /// What the person shows to services.
    /// - Returns: nil for a stranger: whoever has no account, or none that the bot is for.
    /// - Throws: `.secondFactorRequired` for whoever has one: Telegram is the first, and a talk has no other;
    ///   `.accountBlocked`, `.companySuspended`, `.addressNotAllowed`, `.unavailable`.
    public func token(for talk: BotTalk) async throws(AuthError) -> AccessToken? {
        let now = clock.now
        let (session, ended): (Session?, [UUID])
        do {
            (session, ended) = try await store.transaction { try await obtain(for: talk, at: now, in: $0) }
        } catch { throw .from(error) }
        try await sessions.announce(ended: ended)
        guard let session else { return nil }
        let token = AccessToken(
            userID: session.userID, sessionID: session.id, companyID: session.companyID, methods: session.methods.split(separator: " ").map(String.init),
            expiresAt: now + sessions.accessTokens.lifetime)
        let subject = try await sessions.admit(token, from: talk.client.address, as: talk.client)
        try Standing.check(subject)
        return token
    }

    /// Whom the token stands for.
    func subject(of token: AccessToken) async throws(AuthError) -> Subject { try await sessions.subject(of: token) }

    /// - Throws: `.forbidden`.
    func demand(_ permission: Permission, of token: AccessToken) async throws(AuthError) -> Scope {
        try await sessions.demand(permission, of: token)
    }

    private func obtain(for talk: BotTalk, at now: Timestamp, in repositories: Repositories) async throws
        -> (Session?, [UUID])
    {
        guard let identity = try await repositories.telegramIdentities.find(talk.person.id) else { return (nil, []) }
        guard let user = try await repositories.users.find(identity.userID), user.status == .active else {
            throw AuthError.accountBlocked
        }
        // One that was opened before the person had a second factor goes no further either.
        guard user.factors.isEmpty else { throw AuthError.secondFactorRequired }
        if let session = try await current(for: talk, user.id, at: now, in: repositories) { return (session, []) }
        let company: UUID?
        if let own = talk.bot.company {
            guard try await repositories.companies.memberships(of: user.id).contains(own) else { return (nil, []) }
            guard try await repositories.companies.find(own)?.status == .active else { throw AuthError.companySuspended }
            company = own
        } else {
            company = try await signIn.company(of: user, in: repositories)?.id
        }
        let opening = try await signIn.openProved(
            for: user.id, in: company, method: TelegramService.methods(through: talk.bot), from: talk.client, at: now, repositories)
        try await repositories.botTalks.hold(
            opening.session.id, bot: talk.bot.id, telegramID: talk.person.id, until: opening.session.expiresAt)
        let facts: [JSON.Member] = [
            .init("method", .string(TelegramService.method)), .init("door", "talk"),
            .init("bot_id", .integer(talk.bot.id)),
        ]
        try await audit.record(
            AuditEvent(.signInSucceeded, user: user.id, company: company, session: opening.session.id, facts: facts),
            from: talk.client, in: repositories)
        return (opening.session, opening.ended)
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
