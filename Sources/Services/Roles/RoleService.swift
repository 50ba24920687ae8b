import Ground
import SQL
import Store

/// A role, with what it permits.
public struct RoleDetail: Sendable {
    public private(set) var role: Role
    /// By itself.
    public let permissions: [String]
    /// The names of the roles that it includes.
    public let includes: [String]
    /// With all that it includes.
    public let effective: [String]

    /// From within a company nobody sees where the administrators of the whole come from.
    func shown(to scope: Scope) -> RoleDetail {
        guard scope != .everywhere else { return self }
        var copy = self
        copy.role.rule = AddressRule(isEnabled: role.rule.isEnabled)
        return copy
    }
}

/// What is said of a role; nil leaves it as it is.
public struct RoleChange: Sendable {
    public var name: String?
    public var description: String?
    public var permissions: [Permission]?
    /// Names of other roles.
    public var includes: [String]?
    /// Of whoever has it.
    public var requiresSecondFactor: Bool?

    public init(
        name: String? = nil, description: String? = nil, permissions: [Permission]? = nil, includes: [String]? = nil,
        requiresSecondFactor: Bool? = nil
    ) {
        self.requiresSecondFactor = requiresSecondFactor
        self.name = name
        self.description = description
        self.permissions = permissions
        self.includes = includes
    }
}

/// The rules of roles: nobody makes or changes one that permits what they may not do themselves, everywhere.
public struct RoleService: Sendable {
    /// More than a person can oversee; every change looks at all of them.
    static let most = 1000

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Reading

    /// One page of roles, the oldest first.
    public func list(after: UUID?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<RoleDetail, UUID>
    {
        let scope = try await sessions.demand("roles:read", of: token)
        do {
            let page = try await Page(of: limit, endingAt: \.id) {
                try await store.reading.roles.page(after: after, limit: $0)
            }
            return try await page.map { try await details(of: $0, in: store.reading).map { $0.shown(to: scope) } }
        } catch { throw .from(error) }
    }

    /// - Throws: `.notFound`.
    public func find(_ id: UUID, by token: AccessToken) async throws(AuthError) -> RoleDetail {
        let scope = try await sessions.demand("roles:read", of: token)
        do { return try await detail(of: id, in: store.reading).shown(to: scope) } catch { throw .from(error) }
    }

    /// Every permission that the server asks for, and every other that some role has.
    public func permissions() async throws(AuthError) -> [(name: String, summary: String?)] {
        do {
            let known = Permission.catalogue.map { (name: $0.permission.description, summary: String?.some($0.summary)) }
            let names = Set(known.map(\.name))
            let others = try await store.reading.roles.permissionsInUse().filter { !names.contains($0) }
            return known + others.map { ($0, nil) }
        } catch { throw .from(error) }
    }

    private func detail(of id: UUID, in repositories: Repositories) async throws -> RoleDetail {
        guard let role = try await repositories.roles.find(id),
            let detail = try await details(of: [role], in: repositories).first
        else { throw AuthError.notFound }
        return detail
    }

    private func details(of roles: [Role], in repositories: Repositories) async throws -> [RoleDetail] {
        let graph = RoleGraph(parts: try await repositories.roles.parts())
        var names: [UUID: String] = [:]
        for id in Set(roles.flatMap { graph.parts[$0.id]?.includes ?? [] }) {
            names[id] = try await repositories.roles.find(id)?.name
        }
        return roles.map { role in
            let parts = graph.parts[role.id] ?? RoleParts()
            return RoleDetail(
                role: role, permissions: parts.permissions, includes: parts.includes.compactMap { names[$0] },
                effective: graph.effective(of: role.id))
        }
    }

    // MARK: Changing

    /// - Throws: `.forbidden` with what the caller has not, `.roleNameTaken`, `.roleCycle`, `.tooMany`, `.invalid`.
    public func create(_ change: RoleChange, by token: AccessToken, from client: Client) async throws(AuthError) -> RoleDetail {
        let now = clock.now
        let id = UUID(at: now, random: random)
        do {
            return try await store.transaction { repositories in
                let authority = try await demandManaging(token, in: repositories)
                guard try await repositories.roles.count() < Self.most else { throw AuthError.tooMany }
                var role = Role(id: id, name: change.name ?? "", description: change.description ?? "", at: now)
                guard try await repositories.roles.insert(role) else { throw AuthError.roleNameTaken }
                if change.requiresSecondFactor == true {
                    role.secondFactorSince = now
                    try await repositories.roles.update(role)
                }
                try await setParts(of: id, to: change, by: authority, in: repositories)
                try await passOnRequirements(at: now, in: repositories)
                try await record(.roleCreated, role, by: token, from: client, in: repositories)
                return try await detail(of: id, in: repositories)
            }
        } catch { throw Self.taken(error) }
    }

    /// A change is in force on the next request of everyone who has the role.
    /// - Throws: `.notFound`, `.systemRole`, and what `create` throws; `.insufficientUserAuthentication` or
    ///   `.companyBotSession` where it may take away that a second factor is required.
    public func update(_ id: UUID, _ change: RoleChange, by token: AccessToken, from client: Client)
        async throws(AuthError) -> RoleDetail
    {
        let recency = await sessions.recency(of: token)
        let now = clock.now
        let changed: RoleDetail
        do {
            changed = try await store.transaction { repositories in
                let authority = try await demandManaging(token, in: repositories)
                guard var role = try await repositories.roles.find(id) else { throw AuthError.notFound }
                // Whoever has got hold of an old session must not take away what would have stopped them.
                if change.mayLiftRequirement(of: role) { try recency.get() }
                try await apply(change, to: &role, by: authority, in: repositories)
                role.updatedAt = now
                try await repositories.roles.update(role)
                if change.requiresSecondFactor != nil || change.includes != nil {
                    try await passOnRequirements(at: now, in: repositories)
                }
                try await record(.roleUpdated, role, by: token, from: client, in: repositories)
                return try await detail(of: id, in: repositories)
            }
        } catch { throw Self.taken(error) }
        try await sessions.subjects.manyChanged()
        return changed
    }

    /// Notes of every role since when one that it includes requires a second factor.
    private func passOnRequirements(at now: Timestamp, in repositories: Repositories) async throws {
        let graph = RoleGraph(parts: try await repositories.roles.parts())
        let roles = try await repositories.roles.page(after: nil, limit: Self.most)
        let requiring = Set(roles.filter { $0.secondFactorSince != nil }.map(\.id))
        for var role in roles {
            let inherits = !graph.included(in: role.id).isDisjoint(with: requiring)
            guard inherits != (role.inheritedFactorSince != nil) else { continue }
            role.inheritedFactorSince = inherits ? now : nil
            try await repositories.roles.update(role)
        }
    }

    private func apply(
        _ change: RoleChange, to role: inout Role, by authority: Authority, in repositories: Repositories
    ) async throws {
        // What stands above the caller is not the caller's to change, not even to take something away.
        try demandAll(of: try await repositories.roles.effective(of: role.id), authority)
        if let name = change.name, name != role.name {
            guard !role.isSystem else { throw AuthError.systemRole }
            role.name = name
        }
        role.description = change.description ?? role.description
        if let requires = change.requiresSecondFactor {
            role.secondFactorSince = requires ? role.secondFactorSince ?? clock.now : nil
        }
        guard change.permissions != nil || change.includes != nil else { return }
        guard role.name != SystemRole.superAdmin.rawValue else { throw AuthError.systemRole }
        try await setParts(of: role.id, to: change, by: authority, in: repositories)
    }

    /// Sets the address list of a role, in a transaction of the caller's.
    func setRule(
        _ rule: AddressRule, of id: UUID, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        let authority = try await demandManaging(token, in: repositories)
        guard var role = try await repositories.roles.find(id) else { throw AuthError.notFound }
        try demandAll(of: try await repositories.roles.effective(of: id), authority)
        role.rule = rule
        role.updatedAt = clock.now
        try await repositories.roles.update(role)
        let facts = AddressRuleService.facts(rule) + [.init("role", .string(role.name))]
        try await audit.record(
            AuditEvent(.addressListChanged, actor: token.userID, session: token.sessionID, facts: facts), from: client,
            in: repositories)
    }

    /// - Throws: `.notFound`, `.systemRole`, `.roleInUse`, `.forbidden`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                let authority = try await demandManaging(token, in: repositories)
                guard let role = try await repositories.roles.find(id) else { throw AuthError.notFound }
                guard !role.isSystem else { throw AuthError.systemRole }
                try demandAll(of: try await repositories.roles.effective(of: id), authority)
                guard try await !repositories.roles.isInUse(id) else { throw AuthError.roleInUse }
                try await repositories.roles.delete(id)
                try await record(.roleDeleted, role, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func setParts(of id: UUID, to change: RoleChange, by authority: Authority, in repositories: Repositories)
        async throws
    {
        var graph = RoleGraph(parts: try await repositories.roles.parts())
        var parts = graph.parts[id] ?? RoleParts()
        if let permissions = change.permissions { parts.permissions = Set(permissions.map(\.description)).sorted() }
        if let names = change.includes { parts.includes = try await ids(of: names, in: repositories) }
        guard graph.set(parts, of: id) else { throw AuthError.roleCycle }
        try await repositories.roles.set(parts: parts, of: id)
        for dependent in graph.dependents(of: id) {
            let permissions = graph.effective(of: dependent)
            try demandAll(of: permissions, authority)
            try await repositories.roles.set(effective: permissions, of: dependent)
        }
    }

    private func ids(of names: [String], in repositories: Repositories) async throws -> [UUID] {
        var ids: [UUID] = []
        for name in names {
            guard let role = try await repositories.roles.find(named: name) else {
                let message = "There is no role of the name \(name)."
                throw AuthError.invalid([FieldFault(field: "includes", code: "no_such_role", message: message)])
            }
            if !ids.contains(role.id) { ids.append(role.id) }
        }
        return ids
    }

    private func demandManaging(_ token: AccessToken, in repositories: Repositories) async throws -> Authority {
        let authority = try await reach.authority(of: token, in: repositories)
        try authority.demandEverywhere("roles:manage")
        return authority
    }

    private func demandAll(of permissions: [String], _ authority: Authority) throws(AuthError) {
        if let missing = authority.firstMissing(of: permissions, in: nil) { throw .forbidden(permission: missing) }
    }

    private func record(
        _ kind: AuditEvent.Kind, _ role: Role, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [.init("role", .string(role.name)), .init("role_id", JSON(role.id))]
        try await audit.record(
            AuditEvent(kind, actor: token.userID, session: token.sessionID, facts: facts), from: client, in: repositories)
    }

    private static func taken(_ error: any Error) -> AuthError {
        if case DatabaseError.duplicate("roles.name_key") = error { return .roleNameTaken }
        return .from(error)
    }
}

extension RoleChange {
    /// Whether it may take away that a second factor is required: by the role itself, or by what it includes.
    fileprivate func mayLiftRequirement(of role: Role) -> Bool {
        requiresSecondFactor == false && role.secondFactorSince != nil || includes != nil && role.inheritedFactorSince != nil
    }
}
