import Credentials
import Ground
import Store

/// Choosing a new password by a link that is sent to the address of the account.
public struct PasswordRecovery: Sendable {
    let store: DataStore
    let sessions: SessionService
    let passwords: PasswordService
    let renewal: PasswordRenewal
    let requests: MailRequests
    let links: MailLinks
    let proof: AddressProof
    let audit: Audit
    let clock: Clock

    /// Has a link sent, where the address has an account. Whether it has is not told, nor to be seen by the time it takes.
    /// - Throws: `.mailNotConfigured`, `.rateLimited`, `.unavailable`.
    public func request(_ email: EmailAddress, from client: Client) async throws(AuthError) {
        try await requests.take(MailRequest(.passwordReset, email, from: client))
    }

    /// Until when a link works.
    /// - Throws: `.linkInvalid`.
    public func validate(_ token: String) async throws(AuthError) -> Timestamp {
        do { return try await links.open(token, for: .passwordReset, in: store.reading).link.expiresAt } catch {
            throw .from(error)
        }
    }

    /// Puts a new password in the place of the old. Every session ends, failed attempts are forgotten, and nobody is signed
    /// in: a second factor is asked for as ever.
    /// - Throws: `.linkInvalid`, `.invalid`, `.accountBlocked`, `.overloaded`, `.unavailable`.
    public func confirm(_ token: String, password: String, from client: Client) async throws(AuthError) {
        let user: User
        do { user = try await links.open(token, for: .passwordReset, in: store.reading).user } catch { throw .from(error) }
        try await passwords.check(password, field: "new_password", against: [user.name, user.email ?? ""])
        try await renewal.demandAnother(password, than: user, field: "new_password")
        let hash = try await passwords.hash(password)
        let now = clock.now
        _ = try await sessions.endingSessions { repositories in
            let opened = try await links.use(token, for: .passwordReset, in: repositories)
            guard opened.user.status == .active else { throw AuthError.accountBlocked }
            return try await replace(opened, by: hash, from: client, at: now, in: repositories)
        }
        try await sessions.subjects.changed(user: user.id)
    }

    private func replace(
        _ opened: MailLinks.Opened, by hash: String, from client: Client, at now: Timestamp, in repositories: Repositories
    ) async throws -> [UUID] {
        var user = opened.user
        let others = try await proof.take(for: &user, from: client, in: repositories)
        try await renewal.replace(of: user, with: hash, at: now, in: repositories)
        try await repositories.attempts.forgetFailures(ofUser: user.id)
        // Who has got as far as the second factor has done so with the password of before.
        try await repositories.forgetShownFactors(of: user.id)
        try await links.endOthers(of: user.id, butUndoing: now, in: repositories)
        let ended =
            try await others + repositories.sessions.endAll(ofUser: user.id, except: nil, because: .passwordChange, at: now)
        let facts: [JSON.Member] = [.init("sessions_ended", .integer(Int64(ended.count)))]
        let company = try await audit.company(ofEventAbout: user.id, in: repositories)
        try await audit.record(
            AuditEvent(.passwordReset, user: user.id, company: company, facts: facts), from: client, in: repositories)
        return ended
    }
}
