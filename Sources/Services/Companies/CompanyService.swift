import Credentials
import Ground
import Store

/// What is changed of a company; nil leaves it as it is.
public struct CompanyChange: Sendable {
    public var name: String?
    /// `.some(nil)` removes it.
    public var domain: DomainName??
    public var status: Company.Status?
    /// How many members it may have; `.some(nil)`: any number.
    public var memberLimit: Int??
    /// Of its members.
    public var requiresSecondFactor: Bool?

    public init(
        name: String? = nil, domain: DomainName?? = nil, status: Company.Status? = nil, memberLimit: Int?? = nil,
        requiresSecondFactor: Bool? = nil
    ) {
        self.requiresSecondFactor = requiresSecondFactor
        self.name = name
        self.domain = domain
        self.status = status
        self.memberLimit = memberLimit
    }
}

extension CompanyChange {
    /// Whether it changes what the company's own administrators may change.
    fileprivate var isOfCompany: Bool { name != nil || domain != nil || requiresSecondFactor != nil }
}

/// The rules of companies. Whoever stands in one sees that one, and nothing of others.
public struct CompanyService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Reading

    /// One page of companies that the caller sees, the oldest first.
    /// - Throws: `.forbidden`.
    public func list(after: UUID?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<Company, UUID>
    {
        let scope = try await sessions.demand("companies:read", of: token)
        do {
            return try await Page(of: limit, endingAt: \.id) {
                try await store.reading.companies.page(after: after, within: scope.company, limit: $0)
            }
        } catch { throw .from(error) }
    }

    /// - Throws: `.forbidden`, `.notFound`.
    public func find(_ id: UUID, by token: AccessToken) async throws(AuthError) -> Company {
        let scope = try await sessions.demand("companies:read", of: token)
        do {
            _ = try scope.narrowed(to: id)
            guard let company = try await store.reading.companies.find(id) else { throw AuthError.notFound }
            return company
        } catch { throw .from(error) }
    }

    // MARK: Changing

    /// - Throws: `.forbidden`, `.domainTaken`.
    public func create(name: String, domain: DomainName?, memberLimit: Int?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Company
    {
        let now = clock.now
        let company = Company(
            id: UUID(at: now, random: random), name: name, domain: domain?.ascii, memberLimit: memberLimit)
        do {
            try await store.transaction { repositories in
                try await reach.authority(of: token, in: repositories).demandEverywhere("companies:create")
                try await repositories.companies.insert(company, at: now)
                try await record(.companyCreated, company.id, [], by: token, from: client, in: repositories)
            }
        } catch { throw AccountService.taken(error) }
        return company
    }

    /// Changes a company. Its status and limit need `companies:suspend` everywhere: whom they bind must not lift them.
    /// Suspension ends the sessions that stand in it.
    /// - Throws: `.forbidden`, `.notFound`, `.domainTaken`; `.insufficientUserAuthentication` or `.companyBotSession` where no
    ///   second factor shall be required any more.
    public func update(_ id: UUID, _ change: CompanyChange, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Company
    {
        let recency = await sessions.recency(of: token)
        let now = clock.now
        let changed: (company: Company, ended: [UUID])
        do {
            changed = try await store.transaction { repositories in
                try demand(change, of: id, by: try await reach.authority(of: token, in: repositories))
                guard var company = try await repositories.companies.find(id) else { throw AuthError.notFound }
                // Whoever has got hold of an old session must not take away what would have stopped them.
                if change.requiresSecondFactor == false, company.secondFactorSince != nil { try recency.get() }
                company.name = change.name ?? company.name
                if let domain = change.domain { company.domain = domain?.ascii }
                if let limit = change.memberLimit { company.memberLimit = limit }
                if let requires = change.requiresSecondFactor {
                    company.secondFactorSince = requires ? company.secondFactorSince ?? now : nil
                }
                try await repositories.companies.update(company, at: now)
                if change.isOfCompany || change.memberLimit != nil {
                    let facts = change.requiresSecondFactor.map { [JSON.Member("requires_second_factor", .bool($0))] } ?? []
                    try await record(.companyUpdated, id, facts, by: token, from: client, in: repositories)
                }
                guard let status = change.status else { return (company, []) }
                company.status = status
                return (company, try await set(status, of: id, by: token, from: client, at: now, in: repositories))
            }
        } catch { throw AccountService.taken(error) }
        try await sessions.announce(ended: changed.ended)
        try await sessions.subjects.manyChanged()
        return changed.company
    }

    private func demand(_ change: CompanyChange, of id: UUID, by authority: Authority) throws(AuthError) {
        let binds = change.status != nil || change.memberLimit != nil
        if binds { try authority.demandEverywhere("companies:suspend") }
        // A change of nothing tells what is there, so it is not free either.
        guard !binds || change.isOfCompany else { return }
        _ = try authority.demand("companies:update").narrowed(to: id)
    }

    private func set(
        _ status: Company.Status, of id: UUID, by token: AccessToken, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> [UUID] {
        _ = try await repositories.companies.setStatus(of: id, to: status, at: now)
        let ended =
            status == .active ? [] : try await repositories.sessions.endAll(ofCompany: id, because: .companySuspended, at: now)
        let facts: [JSON.Member] = [
            .init("status", .string(status.rawValue)), .init("sessions_ended", .integer(Int64(ended.count))),
        ]
        try await record(.companyStatusChanged, id, facts, by: token, from: client, in: repositories)
        return ended
    }

    /// Deletes a company, softly: the sessions that stand in it end, and its domain is free again.
    /// - Throws: `.forbidden`, `.notFound`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        try await sessions.endingSessions { repositories in
            try await reach.authority(of: token, in: repositories).demandEverywhere("companies:delete")
            guard try await repositories.companies.delete(id, at: now) else { throw AuthError.notFound }
            let ended = try await repositories.sessions.endAll(ofCompany: id, because: .deleted, at: now)
            let facts = [JSON.Member("sessions_ended", .integer(Int64(ended.count)))]
            try await record(.companyDeleted, id, facts, by: token, from: client, in: repositories)
            return ended
        }
        try await sessions.subjects.manyChanged()
    }

    // MARK: Members

    /// Puts a person into the company. From within a company nobody can pull in people of others: they are invited.
    /// - Throws: `.forbidden`, `.notFound`, `.tooMany`, `.alreadyMember`.
    public func add(_ user: UUID, to id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                let scope = try await reach.demand("companies:update", of: token, in: repositories)
                guard scope == .everywhere else { throw AuthError.notFound }
                guard try await repositories.users.find(user) != nil, try await repositories.companies.find(id) != nil else {
                    throw AuthError.notFound
                }
                guard try await !repositories.companies.memberships(of: user).contains(id) else { throw AuthError.alreadyMember }
                guard try await repositories.companies.hasRoom(id) else { throw AuthError.tooMany }
                try await repositories.companies.add(member: user, to: id, at: now)
                try await record(.memberAdded, id, [], user: user, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: user)
    }

    /// Takes a person out of the company, with the roles and sessions they have there; nobody who may do more in it, or
    /// everywhere, than the caller.
    /// - Throws: `.forbidden`, `.notFound`.
    public func remove(_ user: UUID, from id: UUID, by token: AccessToken, client: Client) async throws(AuthError) {
        let now = clock.now
        try await sessions.endingSessions { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            _ = try authority.demand("companies:update").narrowed(to: id)
            guard try await repositories.companies.memberships(of: user).contains(id) else { throw AuthError.notFound }
            try await reach.demandRank(over: user, inCompany: id, by: authority, in: repositories)
            try await repositories.grants.withdrawAll(from: user, in: id)
            try await repositories.companies.remove(member: user, from: id)
            let ended = try await repositories.sessions.endAll(ofUser: user, inCompany: id, because: .revoked, at: now)
            let facts = [JSON.Member("sessions_ended", .integer(Int64(ended.count)))]
            try await record(.memberRemoved, id, facts, user: user, by: token, from: client, in: repositories)
            return ended
        }
        try await sessions.subjects.changed(user: user)
    }

    private func record(
        _ kind: AuditEvent.Kind, _ company: UUID, _ facts: [JSON.Member], user: UUID? = nil, by token: AccessToken,
        from client: Client, in repositories: Repositories
    ) async throws {
        try await audit.record(
            AuditEvent(kind, user: user, actor: token.userID, company: company, facts: facts), from: client, in: repositories)
    }
}
