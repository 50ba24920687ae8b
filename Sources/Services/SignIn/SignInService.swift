import Credentials
import Ground
import Store

/// Signing in: one way for all doors.
///
/// rate limit → proof → lockout and status → session limit → session → tokens → audit. A door proves who
/// someone is; what comes after is the same for each.
public struct SignInService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let passwords: PasswordService
    let limits: RateLimiter
    let audit: Audit
    let lockout: Lockout
    let gates: AddressGates
    let renewal: PasswordRenewal
    let secondFactors: SecondFactorGate
    let passwordChanges: PasswordChangeTokens
    let log: Log
    let clock: Clock
    let random: RandomSource

    /// Someone who has proved who they are, and how.
    struct Proof: Sendable {
        let user: User
        /// RFC 8176.
        let method: String
        let attempt: Lockout.Attempt
        let deviceKeys: [[UInt8]]
        /// The hash that the password was checked against.
        let hash: String
        /// The company that was asked for; nil: the first that is active.
        let company: UUID?
    }

    /// Signs in with e-mail address and password.
    /// - Parameter company: the one that the session shall stand in; nil: the first that is active.
    /// - Throws: `.credentialsInvalid`, `.accountLocked`, `.accountBlocked`, `.accessEnded`, `.companySuspended`, `.notMember`,
    ///   `.rateLimited`, `.overloaded`, `.unavailable`.
    public func signIn(email: EmailAddress, password: String, to company: UUID? = nil, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        let proof = try await prove(email, password, to: company, from: client)
        do { return try await enter(proof, from: client) } catch .passwordChangeRequired {
            return passwordChange(of: proof.user, after: ProvedMethods(proof.method))
        }
    }

    /// What signing in leads to where a new password must be chosen first.
    func passwordChange(of user: User, after methods: ProvedMethods) -> SignInOutcome {
        .passwordChange(
            token: passwordChanges.token(for: user, after: methods),
            because: renewal.reason(for: user, at: clock.now) ?? .required, expiresIn: PasswordChangeTokens.lifetime)
    }

    // MARK: The password door

    private func prove(_ email: EmailAddress, _ password: String, to company: UUID?, from client: Client)
        async throws(AuthError) -> Proof
    {
        let now = clock.now
        let keys = Lockout.deviceKeys(of: client)
        let user: User?
        let device: [UInt8]?
        do {
            user = try await store.reading.users.find(emailKey: email.normalized)
            device = if let user {
                try await lockout.knownDevice(of: user.id, among: keys, at: now, in: store.reading)
            } else { nil }
        } catch { throw .from(error) }
        // A known device is not held to what strangers use up.
        if device == nil { try await limits.take(.signIn, for: .account(email.normalized)) }
        let attempt = try await begin(user, email, from: device, client, at: now)
        let verification = try await verify(password, against: user?.passwordHash, as: attempt)
        guard let user, let stored = user.passwordHash, verification.matches else {
            try await record(
                failure: user == nil ? "unknown_account" : "wrong_password", of: user?.id,
                and: attempt.locksAnything ? .accountLocked : nil, from: client)
            throw .credentialsInvalid
        }
        let hash = verification.needsRehash ? try await rehash(password, of: user, stored) : stored
        return Proof(user: user, method: "pwd", attempt: attempt, deviceKeys: keys, hash: hash, company: company)
    }

    /// Puts a hash of the cost that is set now in the place of a cheaper one.
    /// - Returns: the hash that stands for the password afterwards.
    private func rehash(_ password: String, of user: User, _ stored: String) async throws(AuthError) -> String {
        // Where the machine has no time for it now, the next sign-in will do.
        guard let fresh = try? await passwords.hash(password) else { return stored }
        let current: String?
        do {
            current = try await store.transaction { repositories in
                if try await repositories.users.replaceHash(of: user.id, stored, with: fresh) { return fresh }
                return try await repositories.users.find(user.id)?.passwordHash
            }
        } catch { throw .from(error) }
        guard let current else { throw .credentialsInvalid }
        if current.utf8.elementsEqual(fresh.utf8) { return fresh }
        // Another sign-in was faster with the same password, or the password was changed.
        guard try await passwords.verify(password, against: current).matches else { throw .credentialsInvalid }
        return current
    }

    /// Checks a password as one attempt, which is given back when the check cannot be made.
    func verify(_ password: String, against hash: String?, as attempt: Lockout.Attempt)
        async throws(AuthError) -> Verification
    {
        do { return try await passwords.verify(password, against: hash) } catch {
            try await giveBack(attempt)
            throw error
        }
    }

    func giveBack(_ attempt: Lockout.Attempt) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { try await lockout.withdraw(attempt, at: now, in: $0) }
        } catch { throw .from(error) }
    }

    private func begin(
        _ user: User?, _ email: EmailAddress, from device: [UInt8]?, _ client: Client, at now: Timestamp
    ) async throws(AuthError) -> Lockout.Attempt {
        let account: Lockout.Account =
            user.map { .user($0.id) } ?? .unknown(Digest.sha256(Array(email.normalized.utf8)))
        do {
            return try await store.transaction { try await lockout.begin(account, from: device, at: now, in: $0) }
        } catch AuthError.accountLocked(let wait) {
            try await record(failure: "locked", of: user?.id, from: client)
            throw .accountLocked(retryAfter: wait)
        } catch { throw .from(error) }
    }

    /// Notes a sign-in that failed, in the audit log and in the server's.
    /// - Parameters:
    ///   - details: what else is known of it.
    ///   - consequence: what came of it, in a row of its own.
    func record(
        failure reason: String, of user: UUID?, _ details: [JSON.Member] = [], and consequence: AuditEvent.Kind? = nil,
        from client: Client
    ) async throws(AuthError) {
        let facts = [JSON.Member("reason", .string(reason))] + details
        let kinds = [.signInFailed] + (consequence.map { [$0] } ?? [])
        do {
            try await store.transaction { repositories in
                let company = try await audit.company(ofEventAbout: user, in: repositories)
                for kind in kinds {
                    try await audit.record(
                        AuditEvent(kind, user: user, company: company, facts: facts), from: client, in: repositories)
                }
            }
        } catch { throw .from(error) }
        for kind in kinds {
            log.warning(kind.rawValue) { line in
                line.member("request_id", client.requestID)
                line.member("user_id", JSON(user))
                line.member("client", client.address.description)
                line.member("reason", reason)
            }
        }
    }

    // MARK: What follows every door

    /// Opens a session for someone who has proved who they are.
    func enter(_ proof: Proof, from client: Client) async throws(AuthError) -> SignInOutcome {
        let now = clock.now
        let changes = sessions.subjects.changes
        let passage: Passage
        do {
            passage = try await store.transaction { try await open(proof, from: client, at: now, in: $0) }
        } catch {
            let error = AuthError.from(error)
            if let reason = Self.reason(of: error) {
                try await record(failure: reason, of: proof.user.id, from: client)
            }
            if error.isNoFailureOfProof {
                // The password was right; neither a busy store nor a rule may lock its owner out.
                try? await giveBack(proof.attempt)
            }
            throw error
        }
        return try await outcome(of: passage, unchangedSince: changes, at: now)
    }

    /// What a door answers, once its transaction is committed.
    /// - Parameter changes: the count of what changed, taken before that.
    func outcome(of passage: Passage, unchangedSince changes: Int, at now: Timestamp) async throws(AuthError) -> SignInOutcome {
        switch passage {
        case .asked(let challenge): return .secondFactor(challenge)
        case .opened(let opening):
            try await sessions.announce(ended: opening.ended)
            return .signedIn(try await sessions.signedIn(opening, unchangedSince: changes, at: now))
        }
    }

    private func open(_ proof: Proof, from client: Client, at now: Timestamp, in repositories: Repositories)
        async throws -> Passage
    {
        // Everything may have changed while the password was checked.
        guard var user = try await repositories.users.find(proof.user.id),
            user.stillHas(proof.hash)
        else { throw AuthError.credentialsInvalid }
        guard user.status == .active else { throw AuthError.accountBlocked }
        let company = try await company(of: user, wanted: proof.company, in: repositories)
        let mustChange = renewal.reason(for: user, at: now) != nil
        user.lastLoginAt = now
        let method = JSON.Member("method", .string(proof.method))
        let passage = try await open(
            for: user, in: company, method: proof.method, facts: [method], from: client, at: now, repositories
        ) {
            // Not before the second factor: whoever has the password alone must not choose another.
            guard !mustChange else { throw AuthError.passwordChangeRequired }
            return try await lockout.succeeded(proof.attempt, keys: proof.deviceKeys, at: now, in: repositories)
        }
        guard case .opened(let opening) = passage else {
            // No failure, and no success either: what failed before still counts.
            try await lockout.withdraw(proof.attempt, at: now, in: repositories)
            return passage
        }
        try await recordSignIn(opening, facts: [method], from: client, in: repositories)
        return passage
    }

    static func reason(of error: AuthError) -> String? {
        switch error {
        case .credentialsInvalid: "changed_meanwhile"
        case .accountBlocked: "blocked"
        case .accessEnded: "access_ended"
        case .companySuspended: "company_suspended"
        case .notMember: "not_member"
        case .passwordChangeRequired: "password_change_required"
        case .addressNotAllowed: "address_not_allowed"
        default: nil
        }
    }
}
