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
        let subject = try await sessions.subject(of: token)
        if user != token.userID || status != nil, !subject.may("users:update") {
            throw .forbidden(permission: "users:update")
        }
        try await sessions.endingSessions { repositories in
            try await protectSuperAdmin(user, from: subject, in: repositories)
            if !profile.isEmpty { try await accounts.apply(profile, to: user, by: token, from: client, in: repositories) }
            guard let status else { return [] }
            return try await set(status, of: user, by: token, from: client, in: repositories)
        }
        try await sessions.subjects.changed(user: user)
        do {
            guard let stored = try await store.reading.users.find(user) else { throw AuthError.notFound }
            let roles = try await store.reading.roles.granted(to: user)
            return Person(stored, roles: roles.map(\.name))
        } catch { throw .from(error) }
    }

    private func set(
        _ status: User.Status, of user: UUID, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws -> [UUID] {
        let now = clock.now
        if status != .active { try await keepLastSuperAdmin(user, in: repositories) }
        guard try await repositories.users.setStatus(of: user, to: status, at: now) else { throw AuthError.notFound }
        let ended =
            status == .active
            ? [] : try await repositories.sessions.endAll(ofUser: user, except: nil, because: .blocked, at: now)
        let facts: [JSON.Member] = [.init("status", .string(status.rawValue)), Self.count(ended)]
        try await audit.record(
            AuditEvent(.statusChanged, user: user, actor: token.userID, facts: facts), from: client, in: repositories)
        return ended
    }

    private static func count(_ ended: [UUID]) -> JSON.Member { .init("sessions_ended", .integer(Int64(ended.count))) }

    /// Deletes a person, softly: the row stays, every session ends, the address is free again.
    /// - Throws: `.forbidden`, `.notFound`, `.unavailable`.
    public func delete(_ user: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let subject = try await demand("users:delete", of: token)
        let now = clock.now
        try await sessions.endingSessions { repositories in
            try await protectSuperAdmin(user, from: subject, in: repositories)
            try await keepLastSuperAdmin(user, in: repositories)
            guard try await repositories.users.delete(user, at: now) else { throw AuthError.notFound }
            let ended = try await repositories.sessions.endAll(
                ofUser: user, except: nil, because: .deleted, at: now)
            try await audit.record(
                AuditEvent(.userDeleted, user: user, actor: token.userID, facts: [Self.count(ended)]), from: client,
                in: repositories)
            return ended
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
        try await sessions.endingSessions { repositories in
            guard try await repositories.companies.setStatus(of: id, to: status, at: now) else {
                throw AuthError.notFound
            }
            let ended =
                status == .active
                ? [] : try await repositories.sessions.endAll(ofCompany: id, because: .companySuspended, at: now)
            let facts: [JSON.Member] = [.init("status", .string(status.rawValue)), Self.count(ended)]
            try await audit.record(
                AuditEvent(.companyStatusChanged, actor: token.userID, company: id, facts: facts), from: client,
                in: repositories)
            return ended
        }
        try await sessions.subjects.manyChanged()
        do {
            guard let company = try await store.reading.companies.find(id) else { throw AuthError.notFound }
            return company
        } catch { throw .from(error) }
    }

    @discardableResult
    private func demand(_ permission: String, of token: AccessToken) async throws(AuthError) -> Subject {
        let subject = try await sessions.subject(of: token)
        guard subject.may(Permission(stringLiteral: permission)) else { throw .forbidden(permission: permission) }
        return subject
    }

    /// Nobody but a SuperAdmin touches a SuperAdmin.
    private func protectSuperAdmin(_ user: UUID, from subject: Subject, in repositories: Repositories) async throws {
        guard try await isSuperAdmin(user, in: repositories), !subject.may("*") else { return }
        throw AuthError.forbidden(permission: "*")
    }

    /// The last one who is active stays; one who is blocked is of no help to anybody.
    private func keepLastSuperAdmin(_ user: UUID, in repositories: Repositories) async throws {
        guard try await isSuperAdmin(user, in: repositories), try await repositories.users.find(user)?.status == .active
        else { return }
        guard try await repositories.roles.holders(of: SystemRole.superAdmin.key) > 1 else {
            throw AuthError.lastSuperAdmin
        }
    }

    private func isSuperAdmin(_ user: UUID, in repositories: Repositories) async throws -> Bool {
        try await repositories.roles.granted(to: user)
            .contains { $0.name == SystemRole.superAdmin.rawValue && $0.company == nil }
    }
}
