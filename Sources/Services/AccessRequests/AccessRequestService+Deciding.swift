import Ground
import SQL
import Store

/// What an approval gives.
public struct AccessApproval: Sendable {
    /// What the account is called that is made; nil: as Telegram calls the person.
    public var name: String?
    /// Names of roles, granted for the company, or everywhere where there is none.
    public var roles: [String]
    /// The company that the person joins, where the request is for none.
    public var company: UUID?
    /// When the access ends by itself; nil: never.
    public var end: Timestamp?

    public init(name: String? = nil, roles: [String] = [], company: UUID? = nil, end: Timestamp? = nil) {
        self.name = name
        self.roles = roles
        self.company = company
        self.end = end
    }
}

extension AccessRequestService {
    // MARK: Approving

    /// Lets the person in: makes the account, bound to their identity of Telegram, or adds to the one they have.
    /// - Throws: `.requestClosed`, `.notFound`, `.forbidden` with what the caller has not, `.companySuspended`, `.tooMany`,
    ///   `.accountBlocked` where the person's account is blocked, `.invalid`, `.lastSuperAdmin`.
    public func approve(_ id: UUID, _ approval: AccessApproval, by token: AccessToken, from client: Client)
        async throws(AuthError) -> AccessRequest
    {
        let now = clock.now
        if let end = approval.end, end <= now { throw AccessService.endedAlready }
        let approved: AccessRequest
        do {
            approved = try await onceMoreIfTaken {
                try await store.transaction { repositories in
                    let authority = try await reach.authority(of: token, in: repositories)
                    let request = try await decide(id, .approved, because: nil, by: authority, at: now, in: repositories)
                    let user = try await admit(request, approval, by: authority, at: now, in: repositories)
                    try await repositories.accessRequests.note(user: user, of: id)
                    let facts: [JSON.Member] = [
                        .init("roles", .array(approval.roles.map { .string($0) })), .init("access_ends_at", JSON(approval.end)),
                    ]
                    try await record(.accessApproved, request, user: user, facts, by: token, from: client, in: repositories)
                    return try await told(of: id, by: authority, until: approval.end, in: repositories)
                }
            }
        } catch { throw .from(error) }
        if let user = approved.user { try await sessions.subjects.changed(user: user) }
        return approved
    }

    /// The request, which nobody else decides from here on.
    private func decide(
        _ id: UUID, _ status: AccessRequest.Status, because reason: String?, by authority: Authority, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> AccessRequest {
        let scope = try authority.demand(Self.managing)
        guard let request = try await repositories.accessRequests.find(id, within: scope.company) else {
            throw AuthError.notFound
        }
        guard
            try await repositories.accessRequests.decide(id, status, because: reason, by: authority.user, at: now)
        else { throw AuthError.requestClosed }
        return request
    }

    /// - Returns: whose account it is.
    private func admit(
        _ request: AccessRequest, _ approval: AccessApproval, by authority: Authority, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> UUID {
        let company = request.company ?? approval.company
        guard approval.company == nil || approval.company == company else { throw Self.otherCompany }
        let user = try await account(of: request, approval, by: authority, at: now, in: repositories)
        if let company, try await !repositories.companies.memberships(of: user.id).contains(company) {
            guard let found = try await repositories.companies.find(company) else { throw AuthError.notFound }
            guard found.status == .active else { throw AuthError.companySuspended }
            guard try await repositories.companies.hasRoom(company) else { throw AuthError.tooMany }
            try await repositories.companies.add(member: user.id, to: company, at: now)
        }
        if user.accessEndsAt != approval.end {
            // It holds for the account as a whole, so it is for who may touch that.
            try await reach.demand(Self.managing, over: user.id, by: authority, in: repositories)
            if approval.end != nil { try await reach.keepLastSuperAdmin(without: user.id, in: repositories) }
            _ = try await repositories.access.setEnd(of: user.id, to: approval.end, at: now)
        }
        try await grant(approval.roles, to: user.id, in: company, by: authority, at: now, repositories)
        return user.id
    }

    private func account(
        of request: AccessRequest, _ approval: AccessApproval, by authority: Authority, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> User {
        if let identity = try await repositories.telegramIdentities.find(request.telegramID) {
            guard let user = try await repositories.users.find(identity.userID), user.status == .active else {
                throw AuthError.accountBlocked
            }
            // Nobody gives more, or longer, to themselves.
            guard user.id != authority.user else { throw AuthError.forbidden(permission: Self.managing.description) }
            return user
        }
        let person = request.person
        let user = User(
            id: UUID(at: now, random: random), email: nil, emailKey: nil, name: approval.name ?? person.name,
            passwordHash: nil, at: now)
        try await repositories.users.insert(user)
        try await repositories.telegramIdentities.insert(
            TelegramIdentity(
                telegramID: person.id, userID: user.id, firstName: person.firstName, lastName: person.lastName,
                username: person.username, photoURL: nil, language: person.language, subject: nil, at: now))
        return user
    }

    private func grant(
        _ roles: [String], to user: UUID, in company: UUID?, by authority: Authority, at now: Timestamp,
        _ repositories: Repositories
    ) async throws {
        for name in roles {
            guard let role = try await repositories.roles.find(named: name) else {
                throw GrantService.noSuchRole(name, field: "roles")
            }
            guard authority.may("roles:grant", in: company) else { throw AuthError.forbidden(permission: "roles:grant") }
            try await grants.demandAll(of: role.id, in: company, authority, repositories)
            try await repositories.grants.grant(
                id: UUID(at: now, random: random), role: role.id, to: user, in: company, by: authority.user, at: now)
        }
    }

    /// The request as it is now; everybody concerned is told.
    private func told(of id: UUID, by authority: Authority, until end: Timestamp? = nil, in repositories: Repositories)
        async throws -> AccessRequest
    {
        guard let request = try await repositories.accessRequests.find(id, within: nil) else { throw AuthError.notFound }
        let decider = try await repositories.users.find(authority.user)?.name ?? "?"
        try await mail.close(request, by: decider, until: end, in: repositories)
        try await write(of: request, until: end, in: repositories)
        return request
    }

    /// The same by mail, where the person has an account with an address.
    private func write(of request: AccessRequest, until end: Timestamp?, in repositories: Repositories) async throws {
        var person = request.user
        if person == nil { person = try await repositories.telegramIdentities.find(request.telegramID)?.userID }
        guard let person, let user = try await repositories.users.find(person) else { return }
        var facts: [MailMessage.Fact: String] = [:]
        if let company = request.company { facts[.company] = try await repositories.companies.find(company)?.name }
        facts[.reason] = request.reason
        facts[.moment] = end.map { MailMoment.text($0) }
        let isApproved = request.status(at: clock.now) == .approved
        let message = MailMessage(isApproved ? .accessApproved : .accessRejected, facts, in: mailBox.language(of: user))
        try await mailBox.post(message, to: user, in: repositories)
    }

    // MARK: Rejecting

    /// Turns the request down. The person is told, with the reason.
    /// - Throws: `.requestClosed`, `.notFound`, `.forbidden`.
    public func reject(_ id: UUID, because reason: String?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> AccessRequest
    {
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                let request = try await decide(id, .rejected, because: reason, by: authority, at: now, in: repositories)
                try await record(.accessRejected, request, by: token, from: client, in: repositories)
                return try await told(of: id, by: authority, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Deletes the request and says nothing to anybody; what it has given stays. Only for whoever may do everything.
    /// - Throws: `.notFound`, `.forbidden`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                try await reach.authority(of: token, in: repositories).demandEverywhere("*")
                guard let request = try await repositories.accessRequests.find(id, within: nil) else {
                    throw AuthError.notFound
                }
                try await repositories.accessRequests.delete(id)
                try await record(
                    .accessRequestDeleted, request, user: request.user, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    // MARK: Beside

    /// Keeps that somebody tried to decide who may not.
    /// - Parameter token: nil: somebody without an account.
    func recordRefusal(of id: UUID, to telegramID: Int64, _ token: AccessToken?, from client: Client) async throws(AuthError) {
        let facts: [JSON.Member] = [.init("about", JSON(id)), .init("telegram_id", .integer(telegramID))]
        do {
            try await store.transaction { repositories in
                let company = try await audit.company(ofEventAbout: token?.userID, by: token, in: repositories)
                let event = AuditEvent(
                    .accessDecisionRefused, actor: token?.userID, company: company, session: token?.sessionID, facts: facts)
                try await audit.record(event, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Runs it again where the person came in by themselves meanwhile: then they have an account.
    private func onceMoreIfTaken<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch DatabaseError.duplicate(let index) where index.hasPrefix("telegram_identities.") {
            return try await body()
        }
    }

    private static let otherCompany = AuthError.invalid([
        FieldFault(field: "company_id", code: "other_company", message: "The request is for another company.")
    ])
}
