import Credentials
import Ground
import Store

/// The state of refresh tokens in the rows of their sessions.
struct RowRotations: Rotations {
    let store: DataStore
    let subjects: Subjects
    let ending: SessionEnding
    let audit: Audit
    let grace: Duration

    func rowExpiry(for expiry: Timestamp) -> Timestamp { expiry }
    func begin(_ session: Session, expiresAt: Timestamp) async throws(AuthError) {}
    func forget(_ sessions: [UUID]) async throws(AuthError) {}
    func current(_ sessions: [Session]) async throws -> [Session] { sessions }

    func advance(_ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp) async throws
        -> Rotation
    {
        let changes = subjects.changes
        let rotation = try await moved(token, to: next, from: client, at: now)
        if case .advanced(_, let subject) = rotation { subjects.keep(subject, ifUnchangedSince: changes) }
        return rotation
    }

    private func moved(_ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp)
        async throws -> Rotation
    {
        if store.database.runsCompoundStatements, !audit.mayAnnounce(.sessionRefreshed),
            let session = try await step(token, to: next, from: client, at: now, .whoeverHasNoRule, in: store.writing)
        {
            return .advanced(session, try await subject(of: session, in: store.reading))
        }
        return try await store.transaction { try await decide(token, to: next, from: client, at: now, in: $0) }
    }

    private func step(
        _ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp,
        _ whom: SessionRepository.Whom, in repositories: Repositories
    ) async throws -> Session? {
        // Whose it is, the statement itself finds out.
        let row =
            store.database.runsCompoundStatements
            ? audit.row(AuditEvent(.sessionRefreshed, session: token.sessionID), from: client, covering: .rowOfSession) : nil
        let session = try await repositories.sessions.advance(
            token.sessionID, from: Int64(token.generation), digest: token.digest, to: next.digest,
            expiresAt: next.expiresAt, ip: client.address.description, at: now, whom, recording: row)
        guard let session else { return nil }
        if var row {
            (row.userID, row.actorID, row.companyID) = (session.userID, session.userID, session.companyID)
            try await audit.announce(row, in: repositories)
        } else {
            let event = AuditEvent(
                .sessionRefreshed, user: session.userID, company: session.companyID, session: session.id)
            try await audit.record(event, from: client, in: repositories)
        }
        return session
    }

    // Here, where person and company have just been looked at, loading the subject costs least.
    private func subject(of session: Session, in repositories: Repositories) async throws -> Subject {
        if let subject = subjects.known(ofSession: session.id) { return subject }
        return try await subjects.load(session, in: repositories)
    }

    private func decide(
        _ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> Rotation {
        if let session = try await step(token, to: next, from: client, at: now, .anyone, in: repositories) {
            let subject = try await subject(of: session, in: repositories)
            // Thrown here, it takes the step back: the token is not used up.
            guard subject.gate.admits(client.address) else { throw AuthError.addressNotAllowed }
            return .advanced(session, subject)
        }
        guard let session = try await repositories.sessions.find(token.sessionID) else { throw AuthError.tokenInvalid }
        guard session.endedAt == nil else { throw AuthError.sessionEnded }
        guard session.expiresAt > now else { throw AuthError.tokenExpired }
        let generation = Int64(token.generation)
        if generation < session.generation {
            let isPredecessor =
                generation + 1 == session.generation && Digest.equal(next.digest, session.secretDigest)
            guard isPredecessor, now - session.rotatedAt <= grace else {
                try await ending.end(session, because: .reuse, with: .tokenReused, from: client, in: repositories)
                return .reused(session)
            }
            try await Standing.check(session, at: now, in: repositories)
            let subject = try await subject(of: session, in: repositories)
            guard subject.gate.admits(client.address) else { throw AuthError.addressNotAllowed }
            return .repeated(session, subject)
        }
        try await Standing.check(session, at: now, in: repositories)
        throw AuthError.tokenInvalid
    }
}
