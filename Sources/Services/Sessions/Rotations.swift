import Ground
import Store

/// What became of a refresh token that was shown.
enum Rotation: Sendable {
    case advanced(Session, Subject)
    /// The token of the generation before, within the grace time: the answer was lost, or another tab was faster.
    case repeated(Session, Subject)
    /// The session has ended by it.
    case reused(Session)
}

/// Where the state of refresh tokens lives: in the rows of sessions, or in Redis with a TTL.
protocol Rotations: Sendable {
    /// Until when the row of a session says that it lives, given when its refresh token expires.
    func rowExpiry(for expiry: Timestamp) -> Timestamp

    /// Keeps the state of a new session. Called after the transaction that makes it, before anybody has its token.
    func begin(_ session: Session, expiresAt: Timestamp) async throws(AuthError)

    /// Moves the session on, if the token is its current one.
    ///
    /// The token of the current generation moves it. The one before it, within the grace time, is repeated. Anything
    /// older is reuse, and ends the session. The token of someone who is blocked is neither used up nor moved on.
    /// Two callers with one token cannot both win.
    ///
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.sessionEnded`, `.accountBlocked`, `.companySuspended`, and what
    ///   the store throws: the session may have moved on then, and the token is repeated within the grace time.
    func advance(_ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp) async throws
        -> Rotation

    /// Drops the state of sessions that have ended. Their rows say so already.
    func forget(_ sessions: [UUID]) async throws(AuthError)

    /// The sessions with what rotation has changed about them since their rows were written.
    func current(_ sessions: [Session]) async throws -> [Session]
}

/// Ends a session and records why.
struct SessionEnding: Sendable {
    let audit: Audit
    let clock: Clock

    func end(
        _ session: Session, because reason: Session.EndReason, with event: AuditEvent.Kind, from client: Client,
        in repositories: Repositories
    ) async throws {
        _ = try await repositories.sessions.end(session.id, because: reason, at: clock.now)
        let facts = [JSON.Member("reason", .string(reason.rawValue))]
        try await audit.record(
            AuditEvent(event, user: session.userID, company: session.companyID, session: session.id, facts: facts),
            from: client, in: repositories)
    }
}
