import Credentials
import Ground
import Store

/// What somebody begins to set up.
public enum SetupOffer: Sendable {
    /// For an authenticator app; shown once.
    case totp(secret: String, uri: String, expiresIn: Duration)
    /// A code is on its way.
    case sent(SecondFactor, expiresIn: Duration)
}

/// The second factors of a person.
public struct SecondFactorStatus: Sendable {
    /// Such as are set up, the surest first.
    public let factors: [SecondFactor]
    public let recoveryCodesLeft: Int
    /// From when on the person must have one, who has none; nil: never, or they have one.
    public let dueAt: Timestamp?
}

/// Setting second factors up, and switching them off.
public struct SecondFactorEnrolment: Sendable {
    let store: DataStore
    let factors: SecondFactors
    let codes: FactorCodes
    let attempts: ProofAttempts
    let stepUps: StepUpService
    let sessions: SessionService
    let limits: RateLimiter
    let audit: Audit
    let issuer: String
    let clock: Clock
    let random: RandomSource

    /// What the caller has set up.
    public func status(of token: AccessToken) async throws(AuthError) -> SecondFactorStatus {
        let subject = try await sessions.subject(of: token)
        do {
            return SecondFactorStatus(
                factors: subject.person.factors,
                recoveryCodesLeft: try await store.reading.secondFactors.recoveryCodes(of: token.userID),
                dueAt: subject.secondFactorDueAt)
        } catch { throw .from(error) }
    }

    // MARK: Setting up

    /// Begins to set a factor up: makes a secret for an app, or sends a code.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.secondFactorEnabled`, `.secondFactorUnavailable`, `.rateLimited`.
    public func begin(_ factor: SecondFactor, by token: AccessToken, from client: Client) async throws(AuthError) -> SetupOffer {
        try await sessions.demandRecent(of: token)
        try await attempts.demand(of: token) { user, session throws(AuthError) in
            try Self.demandAddable(factor, to: user, in: session)
        }
        if factor.isSent { try await limits.take(.signIn, for: .account("second-factor:\(token.userID)")) }
        let secret = random.bytes(TOTP.secretSize)
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                guard let user = try await repositories.users.find(token.userID) else { throw AuthError.sessionEnded }
                guard !user.factors.contains(factor) else { throw AuthError.secondFactorEnabled }
                try await audit.record(
                    .secondFactorBegun, about: user.id, by: token, [.init("factor", .string(factor.rawValue))],
                    from: client, in: repositories)
                guard factor == .totp else {
                    try await codes.send(
                        by: factor, to: user, owner: token.sessionID, for: .setup, at: now, in: repositories)
                    return .sent(factor, expiresIn: FactorCodes.lifetime)
                }
                return try await offer(secret, to: user, at: now, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Asks that the factor can be set up in this session: it is not, and is not how the person came into it.
    private static func demandAddable(_ factor: SecondFactor, to user: User, in session: Session) throws(AuthError) {
        guard !user.factors.contains(factor) else { throw .secondFactorEnabled }
        guard ProvedMethods(session.methods).areBeside(factor) else { throw .secondFactorUnavailable }
    }

    private func offer(_ secret: [UInt8], to user: User, at now: Timestamp, in repositories: Repositories) async throws
        -> SetupOffer
    {
        let sealed = try codes.seal(secret, of: user.id)
        guard try await repositories.secondFactors.write(secret: sealed, of: user.id, at: now) else {
            throw AuthError.secondFactorEnabled
        }
        let uri = TOTP.uri(secret: secret, issuer: issuer, account: user.email ?? user.name)
        return .totp(secret: Base32.encode(secret), uri: uri, expiresIn: FactorCodes.setupTime)
    }

    /// What came of setting a factor up.
    public struct Enabled: Sendable {
        /// New ones, where it is the first factor; shown once.
        public let recoveryCodes: [String]
        /// The session that has shown it.
        public let session: MovedSession
    }

    /// Ends setting up: with a code of it the factor is in force.
    /// - Throws: `.codeInvalid`, `.secondFactorEnabled`, `.secondFactorUnavailable` where it is how the person came in,
    ///   `.insufficientUserAuthentication`, `.accountLocked`, `.invalid`.
    public func enable(_ factor: SecondFactor, code text: String, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Enabled
    {
        let code = try FactorCodes.read(text, of: factor)
        let now = clock.now
        let made = codes.makeRecoveryCodes(of: token.userID)
        let maximumAge = sessions.stepUpMaximumAge
        let isFirst = try await attempts.make(
            by: token, from: client,
            demanding: { user, session throws(AuthError) in
                try Self.demandAddable(factor, to: user, in: session)
                // Another may have come into force since this one was begun, which this session has not shown.
                guard user.factors.isEmpty || session.level == .severalFactors else {
                    throw .insufficientUserAuthentication(maximumAge: maximumAge, level: .severalFactors)
                }
            }
        ) { user, repositories in
            guard try await isRight(code, of: factor, by: user, owner: token.sessionID, at: now, in: repositories) else {
                return ProofAttempts.Finding<Bool>.wrong
            }
            let isFirst = try await add(factor, to: user, made.digests, at: now, in: repositories)
            try await audit.record(
                .secondFactorEnabled, about: user.id, by: token, [.init("factor", .string(factor.rawValue))],
                from: client, in: repositories)
            try await stepUps.note(in: token.sessionID, at: now, repositories) { $0.adding(factor) }
            return .right(isFirst)
        }
        return Enabled(recoveryCodes: isFirst ? made.shown : [], session: try await stepUps.renewed(token))
    }

    private func isRight(
        _ code: String, of factor: SecondFactor, by user: User, owner: UUID, at now: Timestamp, in repositories: Repositories
    ) async throws -> Bool {
        guard factor == .totp else {
            return try await codes.use(code, of: factor, by: user, owner: owner, for: .setup, at: now, in: repositories)
        }
        guard let secret = try await repositories.secondFactors.secret(of: user.id), secret.enabledAt == nil,
            secret.createdAt + FactorCodes.setupTime > now,
            try await codes.use(code, of: secret, by: user.id, at: now, in: repositories)
        else { return false }
        try await repositories.secondFactors.enableSecret(of: user.id, at: now)
        return true
    }

    /// Notes that a person has a factor. For passkeys too, which keep what they need elsewhere.
    /// - Parameter recoveryCodes: what is kept of them where it is the first.
    /// - Returns: whether it is the first, and the codes are in force.
    @discardableResult
    func add(
        _ factor: SecondFactor, to user: User, _ recoveryCodes: [[UInt8]], at now: Timestamp, in repositories: Repositories
    ) async throws -> Bool {
        let isFirst = user.factors.isEmpty
        let all = SecondFactor.allCases.filter { $0 == factor || user.factors.contains($0) }
        try await repositories.secondFactors.set(all.map(\.rawValue), of: user.id, at: now)
        if isFirst { try await repositories.secondFactors.set(recoveryCodes: recoveryCodes, of: user.id) }
        return isFirst
    }

    // MARK: Setting up at sign-in

    /// Begins to set an app up for whoever must have a second factor to come in.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.secondFactorUnavailable` where something else is asked for.
    public func begin(at token: String, from client: Client) async throws(AuthError) -> SetupOffer {
        let secret = random.bytes(TOTP.secretSize)
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                let challenge = try await factors.gate.challenge(of: token, from: client, at: now, in: repositories)
                guard challenge.offered.isEmpty else { throw AuthError.secondFactorUnavailable }
                guard let user = try await repositories.users.find(challenge.userID) else { throw AuthError.tokenInvalid }
                let event = AuditEvent(
                    .secondFactorBegun, user: user.id, company: challenge.companyID, facts: [.init("factor", "totp")])
                try await audit.record(event, from: client, in: repositories)
                return try await offer(secret, to: user, at: now, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Ends it, and signs in.
    /// - Returns: the recovery codes too; shown once.
    /// - Throws: what ``SecondFactors/finish(_:with:remembers:from:onEntry:prove:)`` throws.
    public func enable(code text: String, at token: String, from client: Client)
        async throws(AuthError) -> (outcome: SignInOutcome, recoveryCodes: [String])
    {
        let code = try FactorCodes.read(text, of: .totp)
        let now = clock.now
        let user: UUID
        do {
            user = try await factors.gate.challenge(of: token, from: client, at: now, in: store.reading).userID
        } catch { throw .from(error) }
        let made = codes.makeRecoveryCodes(of: user)
        let isAskedFor: SecondFactors.Condition = { $0.offered.isEmpty }
        let outcome = try await factors.answer(token, with: .totp, if: isAskedFor, from: client) { challenge, user, repositories in
            guard user.factors.isEmpty else { throw AuthError.secondFactorEnabled }
            guard try await isRight(code, of: .totp, by: user, owner: challenge.id, at: now, in: repositories) else {
                return false
            }
            try await add(.totp, to: user, made.digests, at: now, in: repositories)
            let event = AuditEvent(
                .secondFactorEnabled, user: user.id, company: challenge.companyID, facts: [.init("factor", "totp")])
            try await audit.record(event, from: client, in: repositories)
            return true
        }
        try await sessions.subjects.changed(user: user)
        return (outcome, made.shown)
    }

    // MARK: Recovery codes

    /// Makes new recovery codes, which make the old ones worthless.
    /// - Returns: the codes; shown once.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.secondFactorUnavailable` where there is no second factor.
    public func makeRecoveryCodes(by token: AccessToken, from client: Client) async throws(AuthError) -> [String] {
        try await sessions.demandRecent(of: token)
        let made = codes.makeRecoveryCodes(of: token.userID)
        do {
            try await store.transaction { repositories in
                guard let user = try await repositories.users.find(token.userID) else { throw AuthError.sessionEnded }
                guard !user.factors.isEmpty else { throw AuthError.secondFactorUnavailable }
                try await repositories.secondFactors.set(recoveryCodes: made.digests, of: user.id)
                try await audit.record(.recoveryCodesMade, about: user.id, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
        return made.shown
    }
}
