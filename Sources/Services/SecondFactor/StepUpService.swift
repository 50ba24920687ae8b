import Ground
import Store

/// Proving oneself again in a session that is there (RFC 9470).
public struct StepUpService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let codes: FactorCodes
    let attempts: ProofAttempts
    let limits: RateLimiter
    let audit: Audit
    let clock: Clock

    /// Proves the caller's password. That is enough only for whoever has no second factor.
    /// - Throws: `.credentialsInvalid`, `.secondFactorRequired`, `.accountLocked`, `.overloaded`.
    public func prove(password: String, by token: AccessToken, from client: Client) async throws(AuthError) -> MovedSession {
        guard try await sessions.subject(of: token).person.factors.isEmpty else { throw .secondFactorRequired }
        let now = clock.now
        try await attempts.make(by: token, password: password, from: client) { user, repositories in
            guard user.factors.isEmpty else { throw AuthError.secondFactorRequired }
            try await note(in: token.sessionID, at: now, repositories) { $0 }
            try await record("pwd", by: token, from: client, in: repositories)
            return .right(())
        }
        return try await renewed(token)
    }

    /// Proves a second factor of the caller's with a code.
    /// - Throws: `.codeInvalid`, `.accountLocked`, `.invalid`; `.secondFactorUnavailable` where it is not set up, or is how
    ///   they came in.
    public func prove(_ factor: SecondFactor, code text: String, by token: AccessToken, from client: Client)
        async throws(AuthError) -> MovedSession
    {
        let code = try FactorCodes.read(text, of: factor)
        let now = clock.now
        return try await prove(factor, by: token, from: client) { user, repositories in
            try await codes.use(
                code, of: factor, by: user, owner: token.sessionID, for: .stepUp, at: now, in: repositories)
        }
    }

    /// The same with whatever proves the factor.
    /// - Parameter prove: runs in the transaction that notes it, perhaps several times.
    public func prove(
        _ factor: SecondFactor, by token: AccessToken, from client: Client,
        _ prove: @escaping @Sendable (User, Repositories) async throws -> Bool
    ) async throws(AuthError) -> MovedSession {
        let now = clock.now
        try await attempts.make(
            by: token, from: client, demanding: { user, session throws(AuthError) in try user.demand(factor, in: session) }
        ) { user, repositories in
            guard try await prove(user, repositories) else { return ProofAttempts.Finding<Void>.wrong }
            try await note(in: token.sessionID, at: now, repositories) { $0.adding(factor) }
            try await record(factor.rawValue, by: token, from: client, in: repositories)
            if factor == .recoveryCode {
                try await audit.record(.recoveryCodeUsed, about: user.id, by: token, from: client, in: repositories)
            }
            return .right(())
        }
        return try await renewed(token)
    }

    /// Sends the caller a code.
    /// - Throws: `.secondFactorUnavailable`, `.rateLimited`.
    public func send(by factor: SecondFactor, to token: AccessToken, from client: Client) async throws(AuthError) {
        guard factor.isSent else { throw .secondFactorUnavailable }
        try await attempts.demand(of: token) { user, session throws(AuthError) in try user.demand(factor, in: session) }
        try await limits.take(.signIn, for: .account("second-factor:\(token.userID)"))
        let now = clock.now
        do {
            try await store.transaction { repositories in
                guard let user = try await repositories.users.find(token.userID) else { throw AuthError.sessionEnded }
                guard user.factors.contains(factor) else { throw AuthError.secondFactorUnavailable }
                try await codes.send(by: factor, to: user, owner: token.sessionID, for: .stepUp, at: now, in: repositories)
                try await audit.record(
                    .secondFactorSent, about: user.id, by: token, [.init("factor", .string(factor.rawValue))], from: client,
                    in: repositories)
            }
        } catch { throw .from(error) }
    }

    // MARK: Beside

    /// Notes what was proved in a session.
    /// - Parameter adding: makes of what had been proved what has been now.
    func note(
        in id: UUID, at now: Timestamp, _ repositories: Repositories, adding: (ProvedMethods) throws -> ProvedMethods
    ) async throws {
        guard let session = try await repositories.sessions.find(id) else { throw AuthError.sessionEnded }
        let methods = try adding(ProvedMethods(session.methods))
        guard try await repositories.sessions.noteProof(of: id, by: methods.text, at: now) else { throw AuthError.sessionEnded }
    }

    /// The session as it is now, with an access token that says so.
    func renewed(_ token: AccessToken) async throws(AuthError) -> MovedSession {
        try await sessions.subjects.changed(user: token.userID)
        let subject = try await sessions.subjects.subject(ofSession: token.sessionID)
        return MovedSession(
            subject: subject, accessToken: try sessions.accessToken(of: subject.session, adding: []),
            expiresIn: sessions.accessTokens.lifetime)
    }

    private func record(_ method: String, by token: AccessToken, from client: Client, in repositories: Repositories)
        async throws
    {
        try await audit.record(
            .steppedUp, about: token.userID, by: token, [.init("method", .string(method))], from: client, in: repositories)
    }
}

extension SessionService {
    /// Asks that the caller has proved who they are of late: with a second factor, where they have one.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`.
    func demandRecent(of token: AccessToken) async throws(AuthError) {
        let hasFactor = try await !subject(of: token).person.factors.isEmpty
        try await demandRecent(of: token, within: stepUpMaximumAge, acr: hasFactor ? .severalFactors : .oneFactor)
    }

    /// The same for who asks it in a transaction, once it is known whether it matters.
    func recency(of token: AccessToken) async -> Result<Void, AuthError> {
        do throws(AuthError) { return .success(try await demandRecent(of: token)) } catch { return .failure(error) }
    }

    /// Asks that the caller has proved who they are within that time, and so surely, and not through a company's bot.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`.
    func demandRecent(of token: AccessToken, within age: Duration, acr level: AuthenticationLevel) async throws(AuthError) {
        let session = try await subject(of: token).session
        // Whoever has a company's bot could be anybody who came in through it, and no further proof changes that.
        guard !session.isBoundToCompany else { throw .companyBotSession }
        guard level == .oneFactor || session.level == .severalFactors, clock.now - session.authenticatedAt <= age else {
            throw .insufficientUserAuthentication(maximumAge: age, level: level)
        }
    }
}
