import Ground
import Store

extension TelegramService {
    /// Asks for access with what Telegram has signed. It is not used up: once the person is let in, they sign in with it.
    /// - Parameters:
    ///   - id: for which bot; nil: for any.
    ///   - company: the one that is asked for, where the bot is no company's.
    /// - Throws: `.telegramInvalid`, `.telegramNotConfigured`, `.doorClosed`, `.accessHeld`, `.accountBlocked`,
    ///   `.companySuspended`, `.notFound`.
    public func askForAccess(
        with evidence: TelegramEvidence, for id: Int64?, to company: UUID?, from client: Client
    ) async throws(AuthError) {
        let (proof, bot) = try await prove(evidence, for: id, from: client)
        try await requests.ask(proof.person, through: bot, for: company, from: client)
    }

    /// Asks for whoever has tried to come in and may not yet.
    func ask(_ person: TelegramPerson, through bot: Bot, from client: Client) async throws(AuthError) {
        // Somebody may have let them in meanwhile: the next attempt finds that.
        do { try await requests.ask(person, through: bot, from: client) } catch .accessHeld {}
    }
}
