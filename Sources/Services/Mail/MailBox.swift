import Credentials
import Ground
import Store

/// Puts mail into the outbox, in the transaction of what it tells of.
///
/// What it says is sealed there, and taken out once it was sent: it may open an account.
public struct MailBox: Sendable {
    let settings: MailSettings
    let vault: Vault
    let clock: Clock
    let random: RandomSource

    /// Whether mail can leave the server. If not, nothing is put into the outbox.
    public var isOpen: Bool { settings.route != nil }

    /// Has it sent once the transaction is committed.
    func post(_ message: MailMessage, to address: EmailAddress, in repositories: Repositories) async throws {
        guard isOpen else { return }
        let now = clock.now
        let letter = Letter(message: message, to: address)
        try await repositories.outbox.append(try letter.inOutbox(UUID(at: now, random: random), by: vault, at: now))
    }

    /// The same for a person; whoever has no address is told nothing.
    func post(_ message: MailMessage, to user: User, in repositories: Repositories) async throws {
        guard let text = user.email, let address = try? EmailAddress(text) else { return }
        try await post(message, to: address, in: repositories)
    }

    /// What the person wants to be spoken to in: their own settings say, or the server's.
    func language(of user: User) -> Language {
        let own = (try? JSON.parse(Array(user.settings.utf8)))?["language"]?.string
        return own.map { Language(telegram: $0) } ?? settings.language
    }
}
