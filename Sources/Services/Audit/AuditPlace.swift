import Ground
import Store

extension Audit {
    private static let nobody = UUID(high: 0, low: 0)

    /// The company that an event about a person belongs to, where the event itself is of none: what they do themselves
    /// belongs to the company that their session stands in, and all else to the only company that they are a member of.
    /// Who is a member of several concerns none of them alone.
    ///
    /// The same is asked for nobody: how long a failed sign-in takes does not tell whether there is an account.
    func company(ofEventAbout user: UUID?, by token: AccessToken? = nil, in repositories: Repositories) async throws -> UUID? {
        if let token, token.userID == user { return try await repositories.sessions.find(token.sessionID)?.companyID }
        let companies = try await repositories.companies.memberships(of: user ?? Self.nobody)
        return companies.count == 1 ? companies.first : nil
    }

    /// Records an event about a person who is known.
    func record(
        _ kind: AuditEvent.Kind, about user: UUID, by token: AccessToken?, _ facts: [JSON.Member] = [], from client: Client?,
        in repositories: Repositories
    ) async throws {
        let company = try await company(ofEventAbout: user, by: token, in: repositories)
        let event = AuditEvent(
            kind, user: user, actor: token?.userID, company: company, session: token?.sessionID, facts: facts)
        try await record(event, from: client, in: repositories)
    }
}
