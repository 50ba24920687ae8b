import Ground
import Store

/// What those with the permission do to other people's accounts, and to companies.
public struct AdministrationService: Sendable {
    let store: DataStore
    let accounts: AccountService
    let sessions: SessionService
    let audit: Audit
    let clock: Clock

    /// Changes a person's profile, and their status where one is given. Whoever is not active loses every
    /// session at once.
    /// - Throws: `.forbidden`, `.notFound`, `.unavailable`.
    public func update(
        _ user: UUID, profile: ProfileChange, status: User.Status?, by token: AccessToken, from client: Client
    ) async throws(AuthError) -> Person {
        let isSelf = user == token.userID
        if !isSelf || status != nil { try await demand("users:update", of: token) }
        try await protectSuperAdmin(user, from: token)
        if profile.name != nil || profile.phone != nil || profile.settings != nil {
            try await accounts.update(profile, user: user, by: token, from: client)
        }
        if let status { try await set(status, of: user, by: token, from: client) }
        do {
            guard let stored = try await store.reading.users.find(user) else { throw AuthError.notFound }
            let roles = try await store.reading.roles.granted(to: user)
            return Person(stored, roles: roles.map(\.name))
        } catch { throw .from(error) }
    }

    private func set(_ status: User.Status, of user: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError)
    {
        let now = clock.now
        try await sessions.ending { repositories in
            if status != .active { try await keepLastSuperAdmin(user, in: repositories) }
            guard try await repositories.users.setStatus(of: user, to: status, at: now) else { throw AuthError.notFound }
            let facts = [JSON.Member("status", .string(status.rawValue))]
            try await audit.record(
                AuditEvent(.statusChanged, user: user, actor: token.userID, facts: facts), from: client,
                in: repositories)
            guard status != .active else { return [] }
            return try await repositories.sessions.endAll(ofUser: user, except: nil, because: .blocked, at: now)
        }
        try await sessions.subjects.changed(user: user)
    }

    /// Deletes a person, softly: the row stays, every session ends, the address is free again.
    /// - Throws: `.forbidden`, `.notFound`, `.unavailable`.
    public func delete(_ user: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        try await demand("users:delete", of: token)
        try await protectSuperAdmin(user, from: token)
        let now = clock.now
        try await sessions.ending { repositories in
            try await keepLastSuperAdmin(user, in: repositories)
            guard try await repositories.users.delete(user, at: now) else { throw AuthError.notFound }
            try await audit.record(
                AuditEvent(.userDeleted, user: user, actor: token.userID), from: client, in: repositories)
            return try await repositories.sessions.endAll(ofUser: user, except: nil, because: .deleted, at: now)
        }
        try await sessions.subjects.changed(user: user)
    }

    /// Suspends a company, which ends the sessions that stand in it, or lets it go on.
    /// - Throws: `.forbidden`, `.notFound`, `.unavailable`.
    public func set(_ status: Company.Status, ofCompany id: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Company
    {
        try await demand("companies:suspend", of: token)
        let now = clock.now
        try await sessions.ending { repositories in
            guard try await repositories.companies.setStatus(of: id, to: status, at: now) else {
                throw AuthError.notFound
            }
            let facts = [JSON.Member("status", .string(status.rawValue))]
            try await audit.record(
                AuditEvent(.companyStatusChanged, actor: token.userID, company: id, facts: facts), from: client,
                in: repositories)
            guard status != .active else { return [] }
            return try await repositories.sessions.endAll(ofCompany: id, because: .companySuspended, at: now)
        }
        try await sessions.subjects.companyChanged()
        do {
            guard let company = try await store.reading.companies.find(id) else { throw AuthError.notFound }
            return company
        } catch { throw .from(error) }
    }

    private func demand(_ permission: String, of token: AccessToken) async throws(AuthError) {
        guard try await sessions.subject(of: token).may(Permission(permission)) else {
            throw .forbidden(permission: permission)
        }
    }

    /// Nobody but a SuperAdmin touches a SuperAdmin.
    private func protectSuperAdmin(_ user: UUID, from token: AccessToken) async throws(AuthError) {
        do {
            let roles = try await store.reading.roles.granted(to: user)
            guard roles.contains(where: { $0.name == SystemRole.superAdmin.rawValue && $0.company == nil }) else { return }
        } catch { throw .from(error) }
        try await demand("*", of: token)
    }

    private func keepLastSuperAdmin(_ user: UUID, in repositories: Repositories) async throws {
        let roles = try await repositories.roles.granted(to: user)
        guard roles.contains(where: { $0.name == SystemRole.superAdmin.rawValue && $0.company == nil }) else { return }
        guard try await repositories.roles.holders(of: SystemRole.superAdmin.key) > 1 else {
            throw AuthError.lastSuperAdmin
        }
    }
}
