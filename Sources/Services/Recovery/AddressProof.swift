import Ground
import Store

/// The first time that somebody comes in by the mail of an address.
///
/// Until then nobody had shown that the address is theirs: whoever made the account may be somebody else, and have left ways
/// in for themselves. Those are taken away; second factors stay, for a mailbox alone must not pass by them.
struct AddressProof: Sendable {
    let renewal: PasswordRenewal
    let audit: Audit
    let clock: Clock

    /// - Returns: the sessions that ended, where it was the first time.
    func take(for user: inout User, from client: Client, in repositories: Repositories) async throws -> [UUID] {
        guard user.emailVerifiedAt == nil else { return [] }
        let now = clock.now
        user.emailVerifiedAt = now
        try await repositories.users.setEmail(of: user, at: now)
        let company = try await audit.company(ofEventAbout: user.id, in: repositories)
        try await audit.record(AuditEvent(.emailVerified, user: user.id, company: company), from: client, in: repositories)
        // Another is chosen by mail.
        if user.passwordHash != nil { try await renewal.forget(of: user, at: now, in: repositories) }
        user.passwordHash = nil
        user.requiresPasswordChange = false
        try await repositories.attempts.forgetDevices(ofUser: user.id)
        try await repositories.forgetShownFactors(of: user.id)
        let facts: [JSON.Member] = [.init("reason", "address_proved")]
        if try await repositories.telegramIdentities.delete(ofUser: user.id) != nil {
            try await audit.record(
                AuditEvent(.telegramUnlinked, user: user.id, company: company, facts: facts), from: client, in: repositories)
        }
        if try await repositories.passkeys.deleteDoors(ofUser: user.id) > 0 {
            try await audit.record(
                AuditEvent(.passkeyDeleted, user: user.id, company: company, facts: facts), from: client, in: repositories)
        }
        return try await repositories.sessions.endAll(ofUser: user.id, except: nil, because: .revoked, at: now)
    }
}
