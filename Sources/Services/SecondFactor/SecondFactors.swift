import Ground
import Store

/// The second half of signing in: a challenge is answered once, in the browser that gave the first proof, within minutes.
public struct SecondFactors: Sendable {
    /// At one challenge; those at the account count besides.
    static let mostAttempts = 5
    private static let mostDevices = 20

    let store: DataStore
    let signIn: SignInService
    let gate: SecondFactorGate
    let codes: FactorCodes
    let limits: RateLimiter
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    private var sessions: SessionService { signIn.sessions }
    private var lockout: Lockout { signIn.lockout }

    // MARK: Signing in

    /// Signs in with a code.
    /// - Parameters:
    ///   - remembers: whether no second factor shall be asked for in this browser for a while.
    ///   - onEntry: what is written together with the session.
    /// - Throws: what ``finish(_:with:remembers:from:onEntry:prove:)`` throws; `.invalid` for what cannot be a code.
    public func signIn(
        _ token: String, with factor: SecondFactor, code text: String, remembers: Bool, from client: Client,
        onEntry: @escaping Entry = { _, _ in [] }
    ) async throws(AuthError) -> SignInOutcome {
        let code = try FactorCodes.read(text, of: factor)
        let now = clock.now
        let id = try gate.tokens.read(token).id
        return try await finish(token, with: factor, remembers: remembers, from: client, onEntry: onEntry) {
            user, repositories in
            try await codes.use(code, of: factor, by: user, owner: id, for: .signIn, at: now, in: repositories)
        }
    }

    /// What is written in the transaction that opens a session. It tells which sessions it has ended.
    public typealias Entry = @Sendable (Session, Repositories) async throws -> [UUID]

    /// Ends a sign-in with the second factor.
    /// - Parameters:
    ///   - remembers: whether no second factor shall be asked for in this browser for a while.
    ///   - onEntry: what is written together with the session.
    ///   - prove: whether what was shown proves it, in the transaction that opens the session. It may run several times.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.secondFactorUnavailable` where that factor was not asked for,
    ///   `.codeInvalid`, `.accountLocked`, and what every door throws.
    public func finish(
        _ token: String, with factor: SecondFactor, remembers: Bool = false, from client: Client,
        onEntry: @escaping Entry = { _, _ in [] }, prove: @escaping @Sendable (User, Repositories) async throws -> Bool
    ) async throws(AuthError) -> SignInOutcome {
        try await answer(token, with: factor, if: { $0.offered.contains(factor) }, from: client, onEntry: onEntry) {
            challenge, user, repositories in
            guard try await prove(user, repositories) else { return false }
            if remembers { try await remember(challenge, from: client, in: repositories) }
            if factor == .recoveryCode {
                try await audit.record(
                    AuditEvent(.recoveryCodeUsed, user: challenge.userID, company: challenge.companyID), from: client,
                    in: repositories)
            }
            return true
        }
    }

    /// Whether a challenge asks for what it is answered with.
    typealias Condition = @Sendable (StoredChallenge) -> Bool

    /// Answers a challenge, whatever it asks for.
    /// - Parameter isAskedFor: looked at before anything is counted: what nobody asks for is no guess.
    func answer(
        _ token: String, with factor: SecondFactor, if isAskedFor: Condition, from client: Client,
        onEntry: @escaping Entry = { _, _ in [] },
        prove: @escaping @Sendable (StoredChallenge, User, Repositories) async throws -> Bool
    ) async throws(AuthError) -> SignInOutcome {
        let now = clock.now
        let changes = sessions.subjects.changes
        let (challenge, attempt) = try await begin(token, if: isAskedFor, from: client, at: now)
        let conclusion: Conclusion
        do {
            conclusion = try await store.transaction { repositories in
                // Somebody else may have used it meanwhile.
                _ = try await gate.challenge(of: token, from: client, at: now, in: repositories)
                guard let user = try await repositories.users.find(challenge.userID) else { throw AuthError.tokenInvalid }
                guard user.status == .active else { throw AuthError.accountBlocked }
                guard try await prove(challenge, user, repositories) else { return .wrong }
                guard try await repositories.challenges.delete(challenge.id) else { throw AuthError.tokenInvalid }
                return try await conclude(
                    challenge, of: user, with: factor, attempt, from: client, at: now, repositories, onEntry)
            }
        } catch {
            let error = AuthError.from(error)
            if error.isNoFailureOfProof { try? await giveBack(challenge, attempt) }
            throw error
        }
        switch conclusion {
        case .opened(let opening):
            // What was remembered of the person may be from before they had a second factor.
            return try await signIn.outcome(of: .opened(opening), unchangedSince: changes, at: now)
        case .passwordChange(let user, let methods): return signIn.passwordChange(of: user, after: methods)
        case .wrong:
            try await recordFailure(challenge, factor, locks: attempt.locksAnything, from: client)
            throw .codeInvalid
        }
    }

    private enum Conclusion: Sendable {
        case opened(SignInService.Opening)
        case passwordChange(User, ProvedMethods)
        case wrong
    }

    private func begin(_ token: String, if isAskedFor: Condition, from client: Client, at now: Timestamp)
        async throws(AuthError) -> (StoredChallenge, Lockout.Attempt)
    {
        let keys = Lockout.deviceKeys(of: client)
        var locked: UUID?
        do {
            let challenge = try await gate.challenge(of: token, from: client, at: now, in: store.reading)
            guard isAskedFor(challenge) else { throw AuthError.secondFactorUnavailable }
            locked = challenge.userID
            let attempt = try await store.transaction { repositories in
                guard try await repositories.challenges.attempt(challenge.id, atMost: Self.mostAttempts) else {
                    throw AuthError.tokenInvalid
                }
                let device = try await lockout.knownDevice(of: challenge.userID, among: keys, at: now, in: repositories)
                return try await lockout.begin(.user(challenge.userID), from: device, at: now, in: repositories)
            }
            return (challenge, attempt)
        } catch AuthError.accountLocked(let time) {
            try await signIn.record(failure: "locked", of: locked, from: client)
            throw .accountLocked(retryAfter: time)
        } catch { throw .from(error) }
    }

    private func giveBack(_ challenge: StoredChallenge, _ attempt: Lockout.Attempt) async throws {
        try await signIn.giveBack(attempt)
        try await store.transaction { try await $0.challenges.giveBack(challenge.id) }
    }

    private func conclude(
        _ challenge: StoredChallenge, of user: User, with factor: SecondFactor, _ attempt: Lockout.Attempt,
        from client: Client, at now: Timestamp, _ repositories: Repositories, _ onEntry: Entry
    ) async throws -> Conclusion {
        let methods = ProvedMethods(challenge.methods).adding(factor)
        // Whoever comes by Telegram needs no password.
        let first = ProvedMethods(challenge.methods)
        let mustChange =
            first.contains("pwd") ? signIn.renewal.reason(for: user, at: now) != nil
            : first.contains(MagicLinkService.method) && user.requiresPasswordChange
        guard !mustChange else {
            // Nobody has come in yet: neither a failure nor a success.
            try await lockout.withdraw(attempt, at: now, in: repositories)
            return .passwordChange(user, methods)
        }
        let keys = Lockout.deviceKeys(of: client)
        let isFromNewDevice = try await lockout.succeeded(attempt, keys: keys, at: now, in: repositories)
        // The company may be suspended by now, or the person not belong to it.
        let company = try await challenge.companyID.asyncFlatMap {
            try await signIn.company(of: user, wanted: $0, in: repositories)
        }
        var user = user
        user.lastLoginAt = now
        var opening = try await signIn.openProved(
            for: user, in: company, method: methods.text, from: client, at: now, repositories)
        opening.isFromNewDevice = isFromNewDevice
        opening.ended += try await onEntry(opening.session, repositories)
        let facts = challenge.auditFacts + [.init("second_factor", .string(factor.rawValue))]
        try await signIn.recordSignIn(opening, facts: facts, from: client, in: repositories)
        return .opened(opening)
    }

    private func recordFailure(_ challenge: StoredChallenge, _ factor: SecondFactor, locks: Bool, from client: Client)
        async throws(AuthError)
    {
        let facts: [JSON.Member] = [.init("factor", .string(factor.rawValue))]
        let kinds: [AuditEvent.Kind] = locks ? [.secondFactorFailed, .accountLocked] : [.secondFactorFailed]
        do {
            try await store.transaction { repositories in
                for kind in kinds {
                    let event = AuditEvent(kind, user: challenge.userID, company: challenge.companyID, facts: facts)
                    try await audit.record(event, from: client, in: repositories)
                }
            }
        } catch { throw .from(error) }
    }

    // MARK: Sending codes

    /// Sends a code for a challenge.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.secondFactorUnavailable`, `.rateLimited`.
    public func send(by factor: SecondFactor, for token: String, from client: Client) async throws(AuthError) {
        let now = clock.now
        do {
            let challenge = try await gate.challenge(of: token, from: client, at: now, in: store.reading)
            guard factor.isSent, challenge.offered.contains(factor) else { throw AuthError.secondFactorUnavailable }
            try await limits.take(.signIn, for: .account("second-factor:\(challenge.userID)"))
            try await store.transaction { repositories in
                guard let user = try await repositories.users.find(challenge.userID) else { throw AuthError.tokenInvalid }
                try await codes.send(by: factor, to: user, owner: challenge.id, for: .signIn, at: now, in: repositories)
                let event = AuditEvent(
                    .secondFactorSent, user: user.id, company: challenge.companyID,
                    facts: [.init("factor", .string(factor.rawValue))])
                try await audit.record(event, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    // MARK: Remembered browsers

    private func remember(_ challenge: StoredChallenge, from client: Client, in repositories: Repositories) async throws {
        let now = clock.now
        guard gate.settings.deviceMemory > .zero else { return }
        let id = UUID(at: now, random: random)
        let name = DeviceParser.device(of: client.userAgent).name
        try await repositories.rememberedDevices.write(
            RememberedDevice(
                id: id, userID: challenge.userID, deviceHash: challenge.deviceHash, name: name,
                ip: client.address.description, createdAt: now, expiresAt: now + gate.settings.deviceMemory))
        try await repositories.rememberedDevices.forgetOldest(of: challenge.userID, keeping: Self.mostDevices)
        let event = AuditEvent(
            .deviceRemembered, user: challenge.userID, company: challenge.companyID, facts: [.init("device", .string(name))])
        try await audit.record(event, from: client, in: repositories)
    }

    /// The browsers of the caller from which no second factor is asked, the newest first.
    public func devices(of token: AccessToken) async throws(AuthError) -> [RememberedDevice] {
        do {
            return try await store.reading.rememberedDevices.all(of: token.userID, atMost: Self.mostDevices, at: clock.now)
        } catch { throw .from(error) }
    }

    /// Forgets one of the caller's browsers, or all.
    /// - Parameter id: nil: all.
    /// - Returns: how many.
    /// - Throws: `.notFound` where the caller has none of that id.
    @discardableResult
    public func forget(_ id: UUID?, by token: AccessToken, from client: Client) async throws(AuthError) -> Int {
        do {
            return try await store.transaction { repositories in
                let devices = repositories.rememberedDevices
                let count: Int
                if let id {
                    guard try await devices.delete(id, of: token.userID) else { throw AuthError.notFound }
                    count = 1
                } else {
                    count = try await devices.deleteAll(of: token.userID)
                }
                try await audit.record(
                    .deviceForgotten, about: token.userID, by: token, [.init("devices", .integer(Int64(count)))],
                    from: client, in: repositories)
                return count
            }
        } catch { throw .from(error) }
    }
}
