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

    /// - Throws: `.mailNotConfigured`; `.rateLimited` by the address that was named, whether or not it has an account.
    func take(_ request: MailRequest) async throws(AuthError) {
        guard mail.isOpen else { throw .mailNotConfigured }
        try await limits.take(.signIn, for: .account("mail:\(request.email.normalized)"))
        let now = clock.now
        let id = UUID(at: now, random: random)
        do {
            let message = try request.inOutbox(id, by: vault, at: now)
            try await store.transaction { try await $0.outbox.append(message) }
        } catch { throw .from(error) }
    }
}
