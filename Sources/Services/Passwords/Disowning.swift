import Ground
import Store

/// "It was not me": throws out whoever has got into an account, and shuts the ways by which they came or could come again.
struct Disowning: Sendable {
    /// What was added so long before the notice is taken for theirs too.
    private static let reach = Duration.seconds(86400)

    /// What came of it.
    struct Outcome: Sendable {
        /// Sessions.
        let ended: [UUID]
        /// The password that there was opens nothing any more: another is chosen by mail.
        let hasForgottenPassword: Bool
    }

    let renewal: PasswordRenewal
    let links: MailLinks
    let mail: MailBox
    let audit: Audit
    let clock: Clock

    /// Ends every session, forgets the devices that are known, takes away what was added of late, and asks for another
    /// password.
    ///
    /// Whoever reads the mail of the account gets another by a link, so the one that there is opens nothing any more: the
    /// stranger may know it. Who has no such mail must choose another at the next sign-in.
    /// - Parameters:
    ///   - moment: when the person was told of it.
    ///   - keepsTelegram: whether it is in Telegram that they say so.
    func disown(
        _ user: User, since moment: Timestamp, keepsTelegram: Bool, from client: Client, in repositories: Repositories
    ) async throws -> Outcome {
        let now = clock.now
        // Links that others may have had sent open nothing any more; a change of the address can still be undone.
        try await links.endOthers(of: user.id, butUndoing: now, in: repositories)
        let canReset = mail.isOpen && user.email != nil && user.emailVerifiedAt != nil
        if user.passwordHash != nil {
            if canReset {
                try await renewal.forget(of: user, at: now, in: repositories)
            } else {
                _ = try await repositories.users.requirePasswordChange(of: user.id, at: now)
            }
        }
        try await repositories.attempts.forgetDevices(ofUser: user.id)
        try await takeAdded(
            to: user, since: moment - Self.reach, keepsTelegram: keepsTelegram, because: "disowned", by: client,
            in: repositories)
        let ended = try await repositories.sessions.endAll(ofUser: user.id, except: nil, because: .revoked, at: now)
        try await audit.record(
            .disowned, about: user.id, by: nil, [.init("sessions_ended", .integer(Int64(ended.count)))], from: client,
            in: repositories)
        return Outcome(ended: ended, hasForgottenPassword: user.passwordHash != nil && canReset)
    }

    /// Takes away the ways in and the second factors that were added since then. Recovery codes may be known to whoever
    /// added them, and browsers that are remembered may be theirs: those go whenever they were made.
    func takeAdded(
        to user: User, since moment: Timestamp, keepsTelegram: Bool = false, because reason: String, by client: Client,
        in repositories: Repositories
    ) async throws {
        let taking = Taking(moment: moment, reason: .init("reason", .string(reason)), client: client)
        let isUnlinked = keepsTelegram ? false : try await unlinkTelegram(of: user, taking, in: repositories)
        try await takeFactors(from: user, taking, isUnlinked: isUnlinked, in: repositories)
    }

    private struct Taking {
        /// What was added since then goes.
        let moment: Timestamp
        let reason: JSON.Member
        let client: Client
    }

    /// - Returns: whether there was a link of late.
    private func unlinkTelegram(of user: User, _ taking: Taking, in repositories: Repositories) async throws -> Bool {
        guard let identity = try await repositories.telegramIdentities.find(ofUser: user.id), identity.linkedAt >= taking.moment,
            try await repositories.telegramIdentities.delete(ofUser: user.id) != nil
        else { return false }
        try await audit.record(
            .telegramUnlinked, about: user.id, by: nil,
            [.init("telegram_id", .integer(identity.telegramID)), taking.reason], from: taking.client, in: repositories)
        return true
    }

    /// An app for codes that a stranger has set up would shut its owner out.
    private func takeFactors(
        from user: User, _ taking: Taking, isUnlinked: Bool, in repositories: Repositories
    ) async throws {
        try await repositories.forgetShownFactors(of: user.id)
        let hasPasskey = try await takePasskeys(from: user, taking, in: repositories)
        guard !user.factors.isEmpty else { return }
        try await repositories.secondFactors.set(recoveryCodes: [], of: user.id)
        var gone: [SecondFactor] = isUnlinked ? [.telegram] : []
        if !hasPasskey { gone.append(.passkey) }
        if let end = try await repositories.secondFactors.secret(of: user.id)?.enabledAt, end >= taking.moment {
            try await repositories.secondFactors.deleteSecret(of: user.id)
            gone.append(.totp)
        }
        let rest = user.factors.filter { !gone.contains($0) }
        guard rest.count < user.factors.count else { return }
        try await repositories.secondFactors.set(rest.map(\.rawValue), of: user.id, at: clock.now)
        for factor in user.factors where gone.contains(factor) {
            let facts: [JSON.Member] = [.init("factor", .string(factor.rawValue)), taking.reason]
            try await audit.record(
                .secondFactorDisabled, about: user.id, by: nil, facts, from: taking.client, in: repositories)
        }
    }

    /// - Returns: whether one is left that other doors ask for.
    private func takePasskeys(from user: User, _ taking: Taking, in repositories: Repositories) async throws -> Bool {
        let passkeys = try await repositories.passkeys.all(ofUser: user.id)
        for passkey in passkeys where passkey.createdAt >= taking.moment {
            try await repositories.passkeys.delete(passkey.id, ofUser: user.id)
            let facts: [JSON.Member] = [
                .init("passkey_id", JSON(passkey.id)), .init("name", .string(passkey.name)), taking.reason,
            ]
            try await audit.record(
                .passkeyDeleted, about: user.id, by: nil, facts, from: taking.client, in: repositories)
        }
        return passkeys.contains { $0.createdAt < taking.moment && $0.isSecondFactor }
    }
}

/// "It was not me", by the link of a mail that told of something.
public struct DisownService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let disowning: Disowning
    let links: MailLinks
    let clock: Clock

    /// What came of it, for whoever followed the link.
    public struct Disowned: Sendable {
        public let sessionsEnded: Int
        /// With which another password can be chosen, and until when; nil where the mail did not go to the address that the
        /// account has now.
        public let reset: (token: String, expiresAt: Timestamp)?
    }

    /// Follows such a link. It works whatever was done to the account since, and once.
    /// - Throws: `.linkInvalid`, `.unavailable`.
    public func disown(_ token: String, from client: Client) async throws(AuthError) -> Disowned {
        let result: (user: UUID, ended: [UUID], link: MailLinks.Made?)
        do {
            result = try await store.transaction { repositories in
                let opened = try await links.use(token, for: .disown, in: repositories)
                let outcome = try await disowning.disown(
                    opened.user, since: opened.link.createdAt, keepsTelegram: false, from: client, in: repositories)
                return (opened.user.id, outcome.ended, try await reset(for: opened, in: repositories))
            }
        } catch { throw .from(error) }
        try await sessions.announce(ended: result.ended)
        try await sessions.subjects.changed(user: result.user)
        return Disowned(
            sessionsEnded: result.ended.count, reset: result.link.map { (token: $0.token, expiresAt: $0.expiresAt) })
    }

    private func reset(for opened: MailLinks.Opened, in repositories: Repositories) async throws -> MailLinks.Made? {
        // As the account is now: a link dies with the password that it was made beside.
        guard let user = try await repositories.users.find(opened.user.id), let email = user.email,
            email.utf8.elementsEqual(opened.link.email.utf8), user.emailVerifiedAt != nil
        else { return nil }
        return try await links.make(.passwordReset, for: user, to: email, in: repositories)
    }
}
