import Ground
import Store

/// Switching second factors off.
extension SecondFactorEnrolment {
    /// What somebody shows who switches a factor off.
    public struct Evidence: Sendable {
        let password: String?
        let factor: SecondFactor
        let code: String

        public init(password: String?, factor: SecondFactor, code: String) {
            self.password = password
            self.factor = factor
            self.code = code
        }
    }

    /// Switches one factor of the caller's off. It takes a session that has shown a second factor of late, the password
    /// where there is one, and a code: so neither a stolen session nor a stolen password is enough.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.credentialsInvalid`, `.codeInvalid`, `.lastSecondFactor`,
    ///   `.secondFactorUnavailable` where it is not set up, `.accountLocked`, `.invalid`.
    public func disable(_ factor: SecondFactor, showing evidence: Evidence, by token: AccessToken, from client: Client)
        async throws(AuthError)
    {
        try await sessions.demandRecent(of: token)
        let code = try FactorCodes.read(evidence.code, of: evidence.factor)
        let now = clock.now
        let password = try await password(of: token, in: evidence)
        try await attempts.make(
            by: token, password: password, from: client,
            demanding: { user, session throws(AuthError) in
                guard user.factors.contains(factor), factor != .passkey else { throw .secondFactorUnavailable }
                try user.demand(evidence.factor, in: session)
            }
        ) { user, repositories in
            let isRight = try await codes.use(
                code, of: evidence.factor, by: user, owner: token.sessionID, for: .stepUp, at: now, in: repositories)
            guard isRight else { return ProofAttempts.Finding<Void>.wrong }
            try await remove(factor, from: user, at: now, in: repositories)
            try await audit.record(
                .secondFactorDisabled, about: user.id, by: token, [.init("factor", .string(factor.rawValue))],
                from: client, in: repositories)
            return .right(())
        }
        try await sessions.subjects.changed(user: token.userID)
    }

    private func password(of token: AccessToken, in evidence: Evidence) async throws(AuthError) -> String? {
        do {
            guard let user = try await store.reading.users.find(token.userID), user.passwordHash != nil else { return nil }
        } catch { throw .from(error) }
        guard let password = evidence.password else {
            throw .invalid([FieldFault(field: "password", code: "required", message: "This is needed.")])
        }
        return password
    }

    /// Takes a factor away. For passkeys too, when the last of them goes.
    /// - Throws: `.lastSecondFactor` where one is required, and this is the last.
    func remove(_ factor: SecondFactor, from user: User, at now: Timestamp, in repositories: Repositories) async throws {
        let rest = user.factors.filter { $0 != factor }
        if rest.isEmpty {
            guard try await !isRequired(of: user, at: now, in: repositories) else { throw AuthError.lastSecondFactor }
            try await forgetRest(of: user.id, in: repositories)
        }
        if factor == .totp { try await repositories.secondFactors.deleteSecret(of: user.id) }
        try await repositories.secondFactors.set(rest.map(\.rawValue), of: user.id, at: now)
    }

    private func forgetRest(of user: UUID, in repositories: Repositories) async throws {
        try await repositories.secondFactors.set(recoveryCodes: [], of: user)
        try await repositories.forgetShownFactors(of: user)
    }

    /// Whether a role of the person, anywhere, or a company of theirs asks for a second factor.
    private func isRequired(of user: User, at now: Timestamp, in repositories: Repositories) async throws -> Bool {
        let grants = try await repositories.grants.current(of: user.id, at: now)
        if grants.contains(where: { $0.secondFactorSince != nil }) { return true }
        return try await repositories.companies.all(ofUser: user.id).contains { $0.secondFactorSince != nil }
    }

    /// Takes every code, app, security key and remembered browser from a person who has lost them. Passkeys that sign in by
    /// themselves stay.
    /// - Returns: whether there was anything.
    func reset(_ user: User, at now: Timestamp, in repositories: Repositories) async throws -> Bool {
        guard !user.factors.isEmpty else { return false }
        try await repositories.secondFactors.deleteSecret(of: user.id)
        try await repositories.passkeys.deleteFactors(ofUser: user.id)
        try await forgetRest(of: user.id, in: repositories)
        try await repositories.secondFactors.set([], of: user.id, at: now)
        return true
    }
}
