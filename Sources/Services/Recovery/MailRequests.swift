import Credentials
import Ground
import Store

/// Takes wishes for links, all in the same way.
struct MailRequests: Sendable {
    let store: DataStore
    let vault: Vault
    let limits: RateLimiter
    let mail: MailBox
    let clock: Clock
    let random: RandomSource

    /// What is sent to the address of an account is counted where the account is looked for. Only a mailbox that nobody has
    /// shown to be theirs is limited here, whoever names it.
    /// - Throws: `.mailNotConfigured`, `.rateLimited`.
    func take(_ request: MailRequest) async throws(AuthError) {
        guard mail.isOpen else { throw .mailNotConfigured }
        if request.purpose == .emailChange {
            try await limits.take(.signIn, for: .account("mail:\(request.email.normalized)"))
        }
        let now = clock.now
        let id = UUID(at: now, random: random)
        do {
            let message = try request.inOutbox(id, by: vault, at: now)
            try await store.transaction { try await $0.outbox.append(message) }
        } catch { throw .from(error) }
    }
}
