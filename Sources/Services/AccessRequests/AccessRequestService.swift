import Ground
import SQL
import Store

/// Requests for access: how they come to be, and who sees them. Only who has proved who they are to Telegram asks: an
/// e-mail address is proof of nothing, and would let anybody ask in anybody's name.
public struct AccessRequestService: Sendable {
    static let reading: Permission = "access_requests:read"
    static let managing: Permission = "access_requests:manage"
    /// Who was rejected is not heard again for so long.
    private static let patience = Duration.seconds(86400)

    let store: DataStore
    let sessions: SessionService
    let grants: GrantService
    let reach: Reach
    let mail: AccessMail
    let mailBox: MailBox
    let audit: Audit
    let settings: AccessSettings
    let clock: Clock
    let random: RandomSource

    // MARK: Asking

    /// Opens a request, and tells those who may decide. Where the person has one open, or was rejected of late, nothing
    /// happens, and nothing of that is told.
    /// - Parameter named: the company that the person names; the bot's goes before it.
    /// - Throws: `.accessHeld`, `.accountBlocked`, `.companySuspended`, `.notFound` for a company that there is not.
    func ask(_ person: TelegramPerson, through bot: Bot, for named: UUID? = nil, from client: Client) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                let company = try await company(named, of: bot, in: repositories)
                try await demandNeed(of: person.id, in: company?.id, at: now, repositories)
                guard
                    try await !repositories.accessRequests.wasRejected(
                        person.id, for: company?.id, since: now - Self.patience)
                else { return }
                let request = AccessRequest(
                    id: UUID(at: now, random: random), telegramID: person.id, bot: bot.id, company: company?.id,
                    firstName: person.firstName, lastName: person.lastName, username: person.username,
                    language: person.language, at: now, expiresAt: now + settings.requestLifetime)
                guard try await repositories.accessRequests.open(request) else { return }
                try await record(.accessRequested, request, by: nil, from: client, in: repositories)
                try await mail.announce(request, through: bot, for: company, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func company(_ named: UUID?, of bot: Bot, in repositories: Repositories) async throws -> Company? {
        guard let id = bot.company ?? named else { return nil }
        guard named == nil || named == id, let company = try await repositories.companies.find(id) else {
            throw AuthError.notFound
        }
        guard company.status == .active else { throw AuthError.companySuspended }
        return company
    }

    /// Only who cannot get in needs to ask. They have proved who they are: they would learn as much by signing in.
    private func demandNeed(of telegramID: Int64, in company: UUID?, at now: Timestamp, _ repositories: Repositories)
        async throws
    {
        guard let identity = try await repositories.telegramIdentities.find(telegramID) else { return }
        guard let user = try await repositories.users.find(identity.userID), user.status == .active else {
            throw AuthError.accountBlocked
        }
        guard !user.hasEnded(at: now) else { return }
        guard let company else { throw AuthError.accessHeld }
        guard try await !repositories.companies.memberships(of: user.id).contains(company) else { throw AuthError.accessHeld }
    }

    // MARK: Reading

    /// One page of requests that the caller sees, the newest first.
    /// - Throws: `.forbidden`.
    public func list(_ status: AccessRequest.Status?, after: UUID?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<AccessRequest, UUID>
    {
        let scope = try await sessions.demand(Self.reading, of: token)
        do {
            return try await Page(of: limit, endingAt: \.id) {
                try await store.reading.accessRequests.page(
                    status, after: after, within: scope.company, limit: $0, at: clock.now)
            }
        } catch { throw .from(error) }
    }

    /// - Throws: `.forbidden`, `.notFound` for those of other companies too.
    public func find(_ id: UUID, by token: AccessToken) async throws(AuthError) -> AccessRequest {
        let scope = try await sessions.demand(Self.reading, of: token)
        do {
            guard let request = try await store.reading.accessRequests.find(id, within: scope.company) else {
                throw AuthError.notFound
            }
            return request
        } catch { throw .from(error) }
    }

    // MARK: Beside

    func record(
        _ kind: AuditEvent.Kind, _ request: AccessRequest, user: UUID? = nil, _ more: [JSON.Member] = [],
        by token: AccessToken?, from client: Client, in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [
            .init("request_id", JSON(request.id)), .init("telegram_id", .integer(request.telegramID)),
            .init("bot_id", .integer(request.bot)),
        ]
        let event = AuditEvent(
            kind, user: user, actor: token?.userID, company: request.company, session: token?.sessionID, facts: facts + more)
        try await audit.record(event, from: client, in: repositories)
    }
}

extension AccessRequest {
    /// Who asks, as Telegram knew them then.
    public var person: TelegramPerson {
        TelegramPerson(
            id: telegramID, firstName: firstName, lastName: lastName, username: username, language: language)
    }
}
