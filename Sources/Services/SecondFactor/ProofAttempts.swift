import Ground
import Store

/// Attempts of somebody signed in to prove who they are again: each is counted before it is made, with those of signing
/// in, so that a stolen session is no way to guess.
struct ProofAttempts: Sendable {
    let store: DataStore
    let signIn: SignInService
    let audit: Audit
    let clock: Clock

    private var lockout: Lockout { signIn.lockout }

    /// What a body has found.
    enum Finding<Value: Sendable>: Sendable {
        case right(Value)
        case wrong
    }

    /// Runs `body` as one attempt. What it writes lasts where it finds the proof right, and the failures are forgotten.
    /// - Parameters:
    ///   - password: what the person says it is; nil where that is not asked.
    ///   - demand: whether there is anything to prove. What it throws, before anything is counted, is no failure.
    /// - Throws: `.credentialsInvalid` for a wrong password, `.codeInvalid`, `.accountLocked`.
    func make<T: Sendable>(
        by token: AccessToken, password: String? = nil, from client: Client,
        demanding demand: @escaping Demand = { _, _ in },
        _ body: @escaping @Sendable (User, Repositories) async throws -> Finding<T>
    ) async throws(AuthError) -> T {
        let now = clock.now
        let keys = Lockout.deviceKeys(of: client)
        let user = try await self.demand(of: token, demand)
        let attempt = try await begin(token, keys, from: client, at: now)
        if let password, try await !signIn.verify(password, against: user.passwordHash, as: attempt).matches {
            try await recordFailure(of: "password", locks: attempt.locksAnything, token, client)
            throw .credentialsInvalid
        }
        do {
            let finding = try await store.transaction { repositories in
                guard let current = try await repositories.users.find(user.id), current.stillHas(user.passwordHash),
                    let session = try await repositories.sessions.find(token.sessionID), session.endedAt == nil
                else { throw AuthError.sessionEnded }
                try await Standing.check(session, at: now, in: repositories)
                try demand(current, session)
                let finding = try await body(current, repositories)
                if case .right = finding {
                    try await lockout.succeeded(attempt, keys: keys, at: now, in: repositories)
                }
                return finding
            }
            if case .right(let value) = finding { return value }
        } catch {
            // Nothing was wrong with what was shown.
            try? await signIn.giveBack(attempt)
            throw .from(error)
        }
        try await recordFailure(of: "code", locks: attempt.locksAnything, token, client)
        throw .codeInvalid
    }

    /// What must be so for somebody to prove anything.
    typealias Demand = @Sendable (User, Session) throws(AuthError) -> Void

    /// Asks before anything is counted or sent.
    @discardableResult
    func demand(of token: AccessToken, _ demand: Demand) async throws(AuthError) -> User {
        do {
            guard let user = try await store.reading.users.find(token.userID),
                let session = try await store.reading.sessions.find(token.sessionID), session.endedAt == nil
            else { throw AuthError.sessionEnded }
            try demand(user, session)
            return user
        } catch { throw .from(error) }
    }

    private func begin(_ token: AccessToken, _ keys: [[UInt8]], from client: Client, at now: Timestamp)
        async throws(AuthError) -> Lockout.Attempt
    {
        do {
            return try await store.transaction { repositories in
                let device = try await lockout.knownDevice(of: token.userID, among: keys, at: now, in: repositories)
                return try await lockout.begin(.user(token.userID), from: device, at: now, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func recordFailure(of what: String, locks: Bool, _ token: AccessToken, _ client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                try await audit.record(
                    .secondFactorFailed, about: token.userID, by: token, [.init("reason", .string("wrong_\(what)"))],
                    from: client, in: repositories)
                guard locks else { return }
                try await audit.record(.accountLocked, about: token.userID, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }
}
