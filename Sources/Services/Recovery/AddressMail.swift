import Credentials
import Ground
import Store

/// What is written to people about the address of their account.
struct AddressMail: Sendable {
    let links: MailLinks
    let mail: MailBox
    let clock: Clock

    /// Asks whoever reads the mail of the account's address to confirm it.
    func askForProof(of user: User, in repositories: Repositories) async throws {
        guard mail.isOpen, user.emailVerifiedAt == nil, let email = user.email else { return }
        let link = try await links.make(.emailVerification, for: user, to: email, in: repositories)
        let message = MailMessage(
            .emailVerification, [.link: link.url, .minutes: link.minutes], in: mail.language(of: user), until: link.expiresAt)
        try await mail.post(message, to: user, in: repositories)
    }

    /// Tells the former address what it was changed to.
    /// - Parameters:
    ///   - former: the account as it was.
    ///   - canUndo: whether whoever reads that mail may take the change back. An address that nobody ever proved to be
    ///     theirs gets no power over the account.
    func tellOfChange(
        of former: User, to email: String, canUndo: Bool, by client: Client, in repositories: Repositories
    ) async throws {
        guard mail.isOpen, let address = former.email else { return }
        var facts: [MailMessage.Fact: String] = [.email: email]
        var expiry: Timestamp?
        if canUndo, former.emailVerifiedAt != nil {
            let link = try await links.make(.emailUndo, for: former, to: address, in: repositories)
            facts[.link] = link.url
            expiry = link.expiresAt
        }
        let message = MailMessage(.emailChanged, facts, in: mail.language(of: former), until: expiry)
        try await mail.post(message.done(by: client, at: clock.now), to: former, in: repositories)
    }
}
