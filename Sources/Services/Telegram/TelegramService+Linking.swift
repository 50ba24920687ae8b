import Ground
import Store

/// Binding accounts that are there already to people of Telegram.
extension TelegramService {
    /// The person of Telegram that the caller's account belongs to; nil where there is none.
    public func identity(of token: AccessToken) async throws(AuthError) -> TelegramIdentity? {
        do { return try await store.reading.telegramIdentities.find(ofUser: token.userID) } catch { throw .from(error) }
    }

    /// Binds the caller's account to a person of Telegram. The caller proves both: that the account is theirs by the
    /// session, and who they are to Telegram by what they show.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.telegramTaken`, `.telegramLinked`, and what proving throws.
    public func link(_ evidence: TelegramEvidence, for id: Int64?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> TelegramIdentity
    {
        try await sessions.demandRecent(of: token)
        let (proof, _) = try await prove(evidence, for: id, from: client)
        return try await link(proof, by: token, from: client)
    }

    func link(_ proof: TelegramProof, by token: AccessToken, from client: Client) async throws(AuthError) -> TelegramIdentity {
        let now = clock.now
        let linked = Self.identity(proof, of: token.userID, at: now)
        do {
            return try await onceMoreIfTaken {
                try await store.transaction { repositories in
                    guard try await repositories.users.find(token.userID) != nil else { throw AuthError.sessionEnded }
                    try await self.useUp(proof, in: repositories)
                    if let other = try await repositories.telegramIdentities.find(proof.person.id) {
                        guard other.userID == token.userID else { throw AuthError.telegramTaken }
                        return other
                    }
                    guard try await repositories.telegramIdentities.find(ofUser: token.userID) == nil else {
                        throw AuthError.telegramLinked
                    }
                    try await repositories.telegramIdentities.insert(linked)
                    try await self.record(.telegramLinked, linked.telegramID, by: token, from: client, in: repositories)
                    return linked
                }
            }
        } catch { throw .from(error) }
    }

    /// Unbinds the caller's account from Telegram.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`; `.notFound` where it is bound to nobody; `.lastWayIn`;
    ///   `.secondFactorEnabled` where codes come that way.
    public func unlink(by token: AccessToken, from client: Client) async throws(AuthError) {
        try await sessions.demandRecent(of: token)
        do {
            try await store.transaction { repositories in
                guard let user = try await repositories.users.find(token.userID),
                    let identity = try await repositories.telegramIdentities.find(ofUser: user.id)
                else { throw AuthError.notFound }
                guard !user.factors.contains(.telegram) else { throw AuthError.secondFactorEnabled }
                _ = try await repositories.telegramIdentities.delete(ofUser: user.id)
                guard try await WaysIn.exist(for: user, in: repositories) else { throw AuthError.lastWayIn }
                try await self.record(.telegramUnlinked, identity.telegramID, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func record(
        _ kind: AuditEvent.Kind, _ telegramID: Int64, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        let event = AuditEvent(
            kind, user: token.userID, session: token.sessionID,
            facts: [JSON.Member("telegram_id", .integer(telegramID))])
        try await audit.record(event, from: client, in: repositories)
    }
}
