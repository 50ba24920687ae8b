import Credentials
import Ground
import SQL
import Store

/// The address of an account: shown to be somebody's, changed by them, and taken back.
public struct EmailService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let requests: MailRequests
    let links: MailLinks
    let addresses: AddressMail
    let renewal: PasswordRenewal
    let disowning: Disowning
    let audit: Audit
    let clock: Clock

    // MARK: Verification

    /// Has a link sent to the address of the caller's account.
    /// - Throws: `.notFound` where there is none, `.mailNotConfigured`, `.rateLimited`.
    public func requestVerification(by token: AccessToken, from client: Client) async throws(AuthError) {
        let user = try await caller(token)
        guard let text = user.email, let email = try? EmailAddress(text) else { throw .notFound }
        guard user.emailVerifiedAt == nil else { return }
        try await requests.take(MailRequest(.emailVerification, email, user: user.id, from: client))
    }

    /// Follows such a link.
    /// - Throws: `.linkInvalid`.
    public func verify(_ token: String, from client: Client) async throws(AuthError) {
        let now = clock.now
        let id: UUID
        do {
            id = try await store.transaction { repositories in
                var user = try await links.use(token, for: .emailVerification, in: repositories).user
                guard user.emailVerifiedAt == nil else { return user.id }
                user.emailVerifiedAt = now
                try await repositories.users.setEmail(of: user, at: now)
                try await record(.emailVerified, of: user.id, from: client, in: repositories)
                return user.id
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: id)
    }

    // MARK: Change

    /// Has a link sent to an address that shall become the account's. Whether it is somebody else's is not told.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.mailNotConfigured`, `.rateLimited`.
    public func requestChange(to email: EmailAddress, by token: AccessToken, from client: Client) async throws(AuthError) {
        try await sessions.demandRecent(of: token)
        let user = try await caller(token)
        guard user.emailKey != email.normalized else {
            throw .invalid([
                FieldFault(field: "new_email", code: "email_unchanged", message: "The account has this address already.")
            ])
        }
        try await requests.take(MailRequest(.emailChange, email, user: user.id, from: client))
    }

    /// Follows such a link. The former address is told, and may take it back.
    /// - Throws: `.linkInvalid`, `.accountBlocked`, `.emailTaken` where somebody was faster.
    public func change(_ token: String, from client: Client) async throws(AuthError) {
        let now = clock.now
        let id: UUID
        do {
            id = try await store.transaction { repositories in
                let opened = try await links.use(token, for: .emailChange, in: repositories)
                let former = opened.user
                guard former.status == .active else { throw AuthError.accountBlocked }
                try await set(opened.link.email, of: former, at: now, in: repositories)
                try await addresses.tellOfChange(
                    of: former, to: opened.link.email, canUndo: true, by: client, in: repositories)
                try await record(.emailChanged, of: former.id, from: client, in: repositories)
                return former.id
            }
        } catch { throw AccountService.taken(error) }
        try await sessions.subjects.changed(user: id)
    }

    /// Takes a change back: the former address is the account's again, every session ends, the password opens nothing any
    /// more, and what was added since the change is gone.
    /// - Returns: a token with which the password can be chosen.
    /// - Throws: `.linkInvalid`, `.emailTaken` where an older program has given the address away.
    public func undo(_ token: String, from client: Client) async throws(AuthError) -> (token: String, expiresAt: Timestamp) {
        let now = clock.now
        let outcome: (user: UUID, link: MailLinks.Made, ended: [UUID])
        do {
            outcome = try await store.transaction { repositories in
                let opened = try await links.use(token, for: .emailUndo, in: repositories)
                guard opened.user.status == .active else { throw AuthError.linkInvalid }
                var user = try await set(opened.link.email, of: opened.user, at: now, in: repositories)
                if user.passwordHash != nil {
                    // Whoever changed the address may know it.
                    try await renewal.forget(of: user, at: now, in: repositories)
                    user.passwordHash = nil
                }
                try await repositories.attempts.forgetDevices(ofUser: user.id)
                // Of several changes the first is the one to take back: later links are of whoever made the changes.
                try await links.endOthers(of: user.id, butUndoing: opened.link.createdAt, in: repositories)
                try await disowning.takeAdded(
                    to: user, since: opened.link.createdAt, because: "email_change_undone", by: client, in: repositories)
                let ended = try await repositories.sessions.endAll(ofUser: user.id, except: nil, because: .revoked, at: now)
                let facts: [JSON.Member] = [.init("sessions_ended", .integer(Int64(ended.count)))]
                try await record(.emailChangeUndone, of: user.id, facts, from: client, in: repositories)
                let link = try await links.make(.passwordReset, for: user, to: opened.link.email, in: repositories)
                return (user.id, link, ended)
            }
        } catch { throw AccountService.taken(error) }
        try await sessions.announce(ended: outcome.ended)
        try await sessions.subjects.changed(user: outcome.user)
        return (outcome.link.token, outcome.link.expiresAt)
    }

    // MARK: Beside

    @discardableResult
    private func set(_ text: String, of user: User, at now: Timestamp, in repositories: Repositories) async throws -> User {
        guard let email = try? EmailAddress(text) else { throw AuthError.linkInvalid }
        var user = user
        user.email = email.address
        user.emailKey = email.normalized
        user.emailVerifiedAt = now
        try await repositories.users.setEmail(of: user, at: now)
        return user
    }

    private func caller(_ token: AccessToken) async throws(AuthError) -> User {
        do {
            guard let user = try await store.reading.users.find(token.userID) else { throw AuthError.sessionEnded }
            return user
        } catch { throw .from(error) }
    }

    private func record(
        _ kind: AuditEvent.Kind, of user: UUID, _ facts: [JSON.Member] = [], from client: Client, in repositories: Repositories
    ) async throws {
        let company = try await audit.company(ofEventAbout: user, in: repositories)
        try await audit.record(AuditEvent(kind, user: user, company: company, facts: facts), from: client, in: repositories)
    }
}
