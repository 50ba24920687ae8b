import Ground
import Store

/// Choosing a password in the place of one that must not stay.
extension SignInService {
    /// Puts a new password in the place of one that somebody else chose, or that has expired, and signs in.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.invalid`, and what signing in throws.
    public func changePassword(_ text: String, to new: String, from client: Client) async throws(AuthError) -> SignInOutcome {
        let now = clock.now
        let changes = sessions.subjects.changes
        let user: User
        let methods: ProvedMethods
        do {
            let (id, proved) = try passwordChanges.read(text, at: now)
            guard let found = try await store.reading.users.find(id), renewal.reason(for: found, at: now) != nil,
                passwordChanges.isToken(text, for: found)
            else { throw AuthError.tokenInvalid }
            (user, methods) = (found, proved)
        } catch { throw .from(error) }
        try await passwords.check(new, field: "new_password", against: [user.name, user.email ?? ""])
        try await renewal.demandAnother(new, than: user, field: "new_password")
        let hash = try await passwords.hash(new)
        let passage: Passage
        do {
            passage = try await store.transaction {
                try await replace(user, with: hash, after: methods, from: client, at: now, in: $0)
            }
        } catch { throw .from(error) }
        return try await outcome(of: passage, unchangedSince: changes, at: now)
    }

    private func replace(
        _ user: User, with hash: String, after methods: ProvedMethods, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> Passage {
        guard let current = try await repositories.users.find(user.id), renewal.reason(for: current, at: now) != nil,
            current.stillHas(user.passwordHash)
        else { throw AuthError.tokenInvalid }
        guard current.status == .active else { throw AuthError.accountBlocked }
        let company = try await company(of: current, in: repositories)
        let facts: [JSON.Member] = [
            .init("method", .string(methods.all.first ?? "pwd")), .init("amr", .array(methods.all.map { .string($0) })),
        ]
        var changed = current
        changed.lastLoginAt = now
        // A second factor that was set up meanwhile is asked for first.
        let passage = try await open(
            for: changed, in: company, method: methods.text, facts: facts, from: client, at: now, repositories
        ) {
            try await renewal.replace(of: current, with: hash, at: now, in: repositories)
            try await repositories.attempts.succeeded(user: user.id, at: now)
            try await audit.record(
                AuditEvent(.passwordChanged, user: user.id, company: company?.id), from: client, in: repositories)
            return try await lockout.remember(Lockout.deviceKeys(of: client), of: user.id, at: now, in: repositories)
        }
        if case .opened(let opening) = passage { try await recordSignIn(opening, facts: facts, from: client, in: repositories) }
        return passage
    }
}
