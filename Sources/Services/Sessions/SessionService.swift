import Credentials
import Ground
import Store

/// What a person gets who has signed in or refreshed.
public struct SignedIn: Sendable {
    public let subject: Subject
    public let accessToken: String
    public let refreshToken: String
    public let refreshExpiresAt: Timestamp
    public let expiresIn: Duration

    public var session: Session { subject.session }
}

/// The rules of sessions: how they go on, and how they end.
///
/// A class, as every request reaches for it: a copy of what it holds would cost more than what it does.
public final class SessionService: Sendable {
    let store: DataStore
    let accessTokens: AccessTokens
    let refreshTokens: RefreshTokens
    let subjects: Subjects
    let revocations: Revocations
    let rotations: any Rotations
    let ending: SessionEnding
    let refusals: AddressRefusals
    let audit: Audit
    let settings: TokenSettings
    /// How long ago whoever does what is sensitive may have proved who they are.
    let stepUpMaximumAge: Duration
    let clock: Clock

    init(
        store: DataStore, accessTokens: AccessTokens, refreshTokens: RefreshTokens, subjects: Subjects,
        revocations: Revocations, rotations: any Rotations, ending: SessionEnding, refusals: AddressRefusals, audit: Audit,
        settings: TokenSettings, stepUpMaximumAge: Duration, clock: Clock
    ) {
        self.store = store
        self.accessTokens = accessTokens
        self.refreshTokens = refreshTokens
        self.subjects = subjects
        self.revocations = revocations
        self.rotations = rotations
        self.ending = ending
        self.refusals = refusals
        self.audit = audit
        self.settings = settings
        self.stepUpMaximumAge = stepUpMaximumAge
        self.clock = clock
    }

    // MARK: Going on

    /// Trades a refresh token for its successor.
    ///
    /// The token of the current generation moves the session on. The one before it, within the grace time, gets
    /// the same successor again, so that parallel tabs and lost answers do no harm. Anything older is reuse, and
    /// ends the session. The token of someone who is blocked is neither used up nor moved on.
    ///
    /// - Throws: `.tokenInvalid`, `.tokenReused`, `.sessionEnded`, `.accountBlocked`, `.companySuspended`,
    ///   `.addressNotAllowed`, `.unavailable` (the session may have moved on then; the same token, shown soon again, gets the same answer).
    public func refresh(_ token: RefreshToken, from client: Client) async throws(AuthError) -> SignedIn {
        let now = clock.now
        let expiry = Timestamp(seconds: (now + settings.refreshLifetime).seconds)
        let next = refreshTokens.successor(of: token, expiresAt: expiry)
        let rotation: Rotation
        do { rotation = try await rotations.advance(token, to: next, from: client, at: now) } catch {
            let error = AuthError.from(error)
            if case .addressNotAllowed = error { try await recordRefusal(of: token.sessionID, from: client) }
            throw error
        }
        switch rotation {
        case .advanced(let session, let subject), .repeated(let session, let subject):
            return try pair(for: session, subject, secretOf: next, at: now)
        case .reused(let session):
            try await announce(ended: [session.id])
            throw .tokenReused
        }
    }

    func recordRefusal(of id: UUID, from client: Client) async throws(AuthError) {
        do {
            try await store.transaction { [self] repositories in
                guard let session = try await repositories.sessions.find(id) else { return }
                try await audit.record(
                    AuditEvent(.addressRefused, user: session.userID, company: session.companyID, session: id), from: client,
                    in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func pair(for session: Session, _ subject: Subject, secretOf token: RefreshToken, at now: Timestamp)
        throws(AuthError) -> SignedIn
    {
        let current = RefreshToken(
            sessionID: session.id, generation: token.generation, expiresAt: session.expiresAt, secret: token.secret)
        return try signedIn(session, subject, with: current, at: now)
    }

    /// The answer to who goes on with a session of their own.
    func signedIn(_ session: Session, with refreshToken: RefreshToken, at now: Timestamp)
        async throws(AuthError) -> SignedIn
    {
        try await rotations.begin(session, expiresAt: refreshToken.expiresAt)
        return try signedIn(session, try await subjects.subject(ofSession: session.id), with: refreshToken, at: now)
    }

    /// The same with whom the session stands for as they were when it was opened.
    /// - Parameter changes: the count of what changed, taken before that.
    func signedIn(_ opening: SignInService.Opening, unchangedSince changes: Int, at now: Timestamp)
        async throws(AuthError) -> SignedIn
    {
        try await rotations.begin(opening.session, expiresAt: opening.token.expiresAt)
        subjects.keep(opening.subject, ifUnchangedSince: changes)
        return try signedIn(opening.session, opening.subject, with: opening.token, at: now)
    }

    /// Another access token of the same session, which says more.
    /// - Parameter claims: none of them is one of ours, or a registered one.
    func accessToken(of session: Session, adding claims: [JSON.Member]) throws(AuthError) -> String {
        try accessTokens.sign(session, at: clock.now, adding: claims)
    }

    /// How many of the caller's sessions live.
    public func count(of token: AccessToken) async throws(AuthError) -> Int {
        let now = clock.now
        do {
            let live = try await store.reading.sessions.surplus(ofUser: token.userID, keeping: 0, at: now)
            return try await rotations.current(live).count(where: { $0.expiresAt > now })
        } catch { throw .from(error) }
    }

    private func signedIn(_ session: Session, _ subject: Subject, with refreshToken: RefreshToken, at now: Timestamp)
        throws(AuthError) -> SignedIn
    {
        let access = try accessTokens.sign(session, at: now)
        return SignedIn(
            subject: subject, accessToken: access, refreshToken: refreshTokens.text(of: refreshToken),
            refreshExpiresAt: refreshToken.expiresAt, expiresIn: accessTokens.lifetime)
    }

    // MARK: Being asked

    /// The one place where a verified access token is held against the denylist, and its bearer's address against
    /// the lists of the person and their roles.
    /// - Parameter client: made for the audit log only, where the address is refused.
    /// - Throws: `.sessionEnded`, `.addressNotAllowed`; `.unavailable` where the other nodes are not heard and the store
    ///   cannot be asked, or a refusal could not be recorded.
    public func admit(_ token: AccessToken, from address: IPAddress, as client: @autoclosure () -> Client)
        async throws(AuthError) -> Subject
    {
        try await revocations.check(token.sessionID)
        let subject = try await subjects.subject(ofSession: token.sessionID)
        guard subject.gate.admits(address) else {
            try await refusals.record(subject.session, from: client())
            throw .addressNotAllowed
        }
        return subject
    }

    /// Whom the token stands for.
    public func subject(of token: AccessToken) async throws(AuthError) -> Subject {
        try await subjects.subject(ofSession: token.sessionID)
    }

    /// Where the caller may do this, as it is remembered: for what only reads. What changes something asks ``Reach``.
    /// - Throws: `.forbidden` where it is nowhere.
    func demand(_ permission: Permission, of token: AccessToken) async throws(AuthError) -> Scope {
        try await subject(of: token).authority.demand(permission)
    }

    /// One page of the caller's sessions, the newest first.
    public func list(
        of token: AccessToken, after: UUID?, limit: Int, includesEnded: Bool
    ) async throws(AuthError) -> Page<Session, UUID> {
        do {
            let page = try await Page(of: limit, endingAt: \.id) {
                try await store.reading.sessions.page(
                    ofUser: token.userID, after: after, includesEnded: includesEnded, limit: $0, at: clock.now)
            }
            return try await page.map { try await rotations.current($0) }
        } catch { throw .from(error) }
    }

    // MARK: Ending

    /// Ends one session of the caller.
    /// - Throws: `.notFound` when it is not the caller's, or has ended.
    public func revoke(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        try await endingSessions { [self] repositories in
            guard let session = try await repositories.sessions.find(id), session.userID == token.userID,
                session.endedAt == nil, session.expiresAt > now
            else { throw AuthError.notFound }
            try await ending.end(session, because: .revoked, with: .sessionEnded, from: client, in: repositories)
            return [id]
        }
    }

    /// Ends the caller's other sessions.
    /// - Returns: how many.
    @discardableResult
    public func revokeOthers(_ token: AccessToken, from client: Client) async throws(AuthError) -> Int {
        try await endAll(by: token, except: token.sessionID, from: client)
    }

    /// Ends every session of the caller.
    /// - Returns: how many.
    @discardableResult
    public func revokeAll(_ token: AccessToken, from client: Client) async throws(AuthError) -> Int {
        try await endAll(by: token, except: nil, from: client)
    }

    /// Ends the session that a refresh or access token belongs to; does nothing for what is no token of ours.
    /// - Throws: `.unavailable`: then nobody may believe that it has ended.
    public func logout(
        refreshToken: String?, accessToken: [UInt8]?, everywhere: Bool, from client: Client
    ) async throws(AuthError) {
        let now = clock.now
        let bearer = accessToken.flatMap { try? accessTokens.verify($0, at: now) }
        let token = refreshToken.flatMap { try? refreshTokens.readIgnoringExpiry($0) }
        for id in Set([bearer?.sessionID, token?.sessionID].compactMap { $0 }) {
            try await endingSessions { [self] repositories in
                guard let session = try await repositories.sessions.find(id) else { return [] }
                // Told again: the first time may have ended before the other nodes heard.
                guard session.endedAt == nil else { return [id] }
                // A token from long ago may end its own session, and no other.
                let isRecent =
                    bearer?.sessionID == id
                    || (token.map { Int64($0.generation) + 1 >= session.generation } ?? false && session.expiresAt > now)
                var ended = [id]
                try await ending.end(session, because: .logout, with: .loggedOut, from: client, in: repositories)
                guard everywhere, isRecent else { return ended }
                ended += try await repositories.sessions.endAll(
                    ofUser: session.userID, except: nil, because: .logout, at: now)
                let facts = [JSON.Member("sessions", .integer(Int64(ended.count)))]
                try await audit.record(
                    AuditEvent(
                        .allSessionsRevoked, user: session.userID, company: session.companyID, session: id, facts: facts),
                    from: client, in: repositories)
                return ended
            }
        }
    }

    private func endAll(by token: AccessToken, except kept: UUID?, from client: Client) async throws(AuthError) -> Int {
        try await endingSessions { [self] repositories in
            let ended = try await repositories.sessions.endAll(
                ofUser: token.userID, except: kept, because: .revoked, at: clock.now)
            let facts = [JSON.Member("sessions", .integer(Int64(ended.count)))]
            try await audit.record(.allSessionsRevoked, about: token.userID, by: token, facts, from: client, in: repositories)
            return ended
        }
    }

    /// Makes the end of sessions known everywhere. Call it after the commit.
    func announce(ended sessions: [UUID]) async throws(AuthError) {
        guard !sessions.isEmpty else { return }
        try await revocations.add(sessions)
        try await rotations.forget(sessions)
    }

    /// Runs what ends sessions, and tells every node once it is committed.
    @discardableResult
    func endingSessions(_ body: @escaping @Sendable (Repositories) async throws -> [UUID]) async throws(AuthError) -> Int {
        let ended: [UUID]
        do { ended = try await store.transaction(body) } catch { throw .from(error) }
        try await announce(ended: ended)
        return ended.count
    }
}
