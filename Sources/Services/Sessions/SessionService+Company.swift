import Ground
import Store

/// A session that stands in another company now, with an access token that says so.
public struct MovedSession: Sendable {
    public let subject: Subject
    public let accessToken: String
    public let expiresIn: Duration
}

extension SessionService {
    /// Makes the caller's session stand in another company of theirs. What they may do, and from where, is what holds
    /// there, with every token of the session, from the next request on.
    /// - Throws: `.notMember`, `.companySuspended`, `.addressNotAllowed`, `.accountBlocked`, `.sessionEnded`.
    public func move(to company: UUID, by token: AccessToken, from client: Client) async throws(AuthError) -> MovedSession {
        do {
            try await store.transaction { [self] in try await move(to: company, by: token, from: client, in: $0) }
        } catch {
            let error = AuthError.from(error)
            if case .addressNotAllowed = error { try await recordRefusal(of: token.sessionID, from: client) }
            throw error
        }
        try await subjects.changed(user: token.userID)
        let subject = try await subjects.subject(ofSession: token.sessionID)
        let session = subject.session
        let access = try accessTokens.sign(session, at: clock.now)
        return MovedSession(subject: subject, accessToken: access, expiresIn: accessTokens.lifetime)
    }

    private func move(
        to company: UUID, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        guard var session = try await repositories.sessions.find(token.sessionID), session.endedAt == nil else {
            throw AuthError.sessionEnded
        }
        guard !session.isBoundToCompany else { throw AuthError.notMember }
        _ = try Standing.company(company, among: try await repositories.companies.all(ofUser: token.userID))
        guard session.companyID != company else { return }
        session.companyID = company
        let subject = try await subjects.load(session, in: repositories)
        try Standing.check(subject)
        guard subject.gate.admits(client.address) else { throw AuthError.addressNotAllowed }
        try await repositories.sessions.move(session.id, to: company)
        try await audit.record(
            AuditEvent(.sessionMoved, user: session.userID, company: company, session: session.id), from: client,
            in: repositories)
    }
}
