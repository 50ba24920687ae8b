import Ground
import Store

/// A question: may somebody do this, there?
public struct PermissionQuestion: Sendable {
    /// nil: the caller.
    public var user: UUID?
    public var permission: Permission
    /// nil: everywhere.
    public var company: UUID?

    func isOf(_ caller: UUID) -> Bool { user == nil || user == caller }

    public init(user: UUID? = nil, permission: Permission, company: UUID? = nil) {
        self.user = user
        self.permission = permission
        self.company = company
    }
}

/// The answer to one question of several.
public enum PermissionDecision: Sendable, Hashable {
    case allowed
    case refused
    /// There is nobody of that id, or nobody whom the caller sees there.
    case notFound
}

/// The rules of who gets which role: nobody grants or withdraws what they do not have themselves, in that place.
public struct GrantService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    /// The roles of a person, as far as the caller sees them; those that have ended too.
    /// - Throws: `.forbidden`, `.notFound`.
    public func grants(of user: UUID, for token: AccessToken) async throws(AuthError) -> [GrantedRole] {
        let scope = try await sessions.demand("users:read", of: token)
        do {
            guard try await store.reading.users.find(user) != nil else { throw AuthError.notFound }
            try await reach.demandSight(of: user, from: scope, in: store.reading)
            return try await store.reading.grants.all(of: user, within: scope.company)
        } catch { throw .from(error) }
    }

    /// Grants a role. One that the person has there already gets the end that is given now.
    /// - Parameters:
    ///   - company: nil: everywhere.
    ///   - end: nil: none.
    /// - Throws: `.forbidden` with what the caller has not there, `.notFound`, `.notMember`, `.lastSuperAdmin`.
    public func grant(
        _ roleName: String, to user: UUID, in company: UUID?, until end: Timestamp?, by token: AccessToken,
        from client: Client
    ) async throws(AuthError) -> GrantedRole {
        let now = clock.now
        let id = UUID(at: now, random: random)
        let granted: GrantedRole
        do {
            granted = try await store.transaction { repositories in
                guard let role = try await repositories.roles.find(named: roleName) else { throw Self.noSuchRole(roleName) }
                try await demandGranting(role.id, to: user, in: company, by: token, repositories)
                if let end {
                    guard end > now else { throw Self.endedAlready }
                    if role.name == SystemRole.superAdmin.rawValue, company == nil {
                        try await reach.keepLastSuperAdmin(without: user, in: repositories)
                    }
                }
                let id = try await repositories.grants.grant(
                    id: id, role: role.id, to: user, in: company, by: token.userID, at: now, until: end)
                guard let granted = try await repositories.grants.find(id, of: user) else { throw AuthError.notFound }
                try await record(.roleGranted, granted, by: token, from: client, in: repositories)
                return granted
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: user)
        return granted
    }

    /// Withdraws a role; the next request of every session of the person sees it.
    /// - Throws: `.forbidden`, `.notFound`, `.lastSuperAdmin`.
    public func withdraw(_ id: UUID, from user: UUID, by token: AccessToken, client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                guard let grant = try await repositories.grants.find(id, of: user) else {
                    // A stranger does not learn from this which ids there are.
                    try await demandGranting(nil, to: user, in: nil, by: token, repositories)
                    throw AuthError.notFound
                }
                try await demandGranting(grant.role, to: user, in: grant.company, by: token, repositories)
                if grant.name == SystemRole.superAdmin.rawValue, grant.company == nil {
                    try await reach.keepLastSuperAdmin(without: user, in: repositories)
                }
                try await repositories.grants.withdraw(id)
                try await record(.roleWithdrawn, grant, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: user)
    }

    private func demandGranting(
        _ role: UUID?, to user: UUID, in company: UUID?, by token: AccessToken, _ repositories: Repositories
    ) async throws {
        let authority = try await reach.authority(of: token, in: repositories)
        let scope = try authority.demand("roles:grant")
        guard try await repositories.users.find(user) != nil else { throw AuthError.notFound }
        try await reach.demandSight(of: user, from: scope, in: repositories)
        guard let role else { return }
        if let company {
            // What belongs to other companies is not there for who stands in one.
            guard scope == .everywhere || scope == .company(company),
                try await repositories.companies.find(company) != nil
            else { throw AuthError.notFound }
            guard try await repositories.companies.memberships(of: user).contains(company) else {
                throw AuthError.notMember
            }
        } else if scope != .everywhere {
            throw AuthError.forbidden(permission: "roles:grant")
        }
        try await demandAll(of: role, in: company, authority, repositories)
    }

    /// - Throws: `.forbidden` with a permission of the role that is not had in that place.
    func demandAll(of role: UUID, in company: UUID?, _ authority: Authority, _ repositories: Repositories) async throws {
        let permissions = try await repositories.roles.effective(of: role)
        guard let missing = authority.firstMissing(of: permissions, in: company) else { return }
        throw AuthError.forbidden(permission: missing)
    }

    // MARK: Asking

    /// - Throws: `.forbidden`, `.notFound`.
    public func decide(_ question: PermissionQuestion, for caller: Authority) async throws(AuthError) -> Bool {
        let decision = try await decide([question], for: caller).first
        guard decision != .notFound else { throw .notFound }
        return decision == .allowed
    }

    /// Answers in the order of the questions. About others only whoever has `permissions:check` may ask, and from
    /// within a company only about its people there.
    /// - Throws: `.forbidden`.
    public func decide(_ questions: [PermissionQuestion], for caller: Authority) async throws(AuthError) -> [PermissionDecision] {
        let others = Set(questions.compactMap(\.user)).subtracting([caller.user])
        let scope = caller.scope(of: "permissions:check")
        guard others.isEmpty || scope != nil else { throw .forbidden(permission: "permissions:check") }
        do {
            var known: [UUID: [Grant]] = [:]
            for user in others { known[user] = try await grants(of: user, seenFrom: scope) }
            let unknown = others.subtracting(known.keys)
            if !caller.isBoundToCompany, questions.contains(where: { $0.isOf(caller.user) && $0.company != nil && $0.company != caller.company }) {
                known[caller.user] = try await store.reading.grants.current(of: caller.user, at: clock.now)
            }
            for company in Set(questions.compactMap(\.company)) where company != caller.company {
                // What is granted for a company that is suspended or gone permits nothing there.
                guard try await store.reading.companies.find(company)?.status != .active else { continue }
                for user in known.keys { known[user]?.removeAll { $0.company == company } }
            }
            return questions.map { question in
                if question.isOf(caller.user), caller.may(question.permission, in: question.company) { return .allowed }
                if !question.isOf(caller.user), case .company(let company) = scope, question.company != company {
                    return .notFound
                }
                if let user = question.user, unknown.contains(user) { return .notFound }
                let there = (known[question.user ?? caller.user] ?? [])
                    .filter { $0.company == nil || $0.company == question.company }
                return PermissionSet(there.compactMap(\.permission)).covers(question.permission) ? .allowed : .refused
            }
        } catch { throw .from(error) }
    }

    /// Those of someone who is blocked permit nothing.
    /// - Returns: nil where there is nobody, or nobody whom one sees from there.
    private func grants(of user: UUID, seenFrom scope: Scope?) async throws -> [Grant]? {
        do {
            if let scope { try await reach.demandSight(of: user, from: scope, in: store.reading) }
        } catch AuthError.notFound { return nil }
        guard let found = try await store.reading.users.find(user) else { return nil }
        return found.status == .active && !found.hasEnded(at: clock.now) ? try await store.reading.grants.current(of: user, at: clock.now) : []
    }

    private func record(
        _ kind: AuditEvent.Kind, _ grant: GrantedRole, by token: AccessToken, from client: Client,
        in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [
            .init("role", .string(grant.name)), .init("grant_id", JSON(grant.id)), .init("expires_at", JSON(grant.expiresAt)),
        ]
        try await audit.record(
            AuditEvent(
                kind, user: grant.user, actor: token.userID, company: grant.company, session: token.sessionID, facts: facts),
            from: client, in: repositories)
    }

    static func noSuchRole(_ name: String, field: String = "role") -> AuthError {
        .invalid([FieldFault(field: field, code: "no_such_role", message: "There is no role of the name \(name).")])
    }

    private static let endedAlready = AuthError.invalid([
        FieldFault(field: "expires_at", code: "in_the_past", message: "This must be in the future.")
    ])
}
