import Ground
import Store

/// Who may touch whom: nobody touches someone who may do what they may not, and nobody reaches out of their company.
struct Reach: Sendable {
    let subjects: Subjects
    let clock: Clock

    /// What the caller may do as this transaction sees it, whatever was remembered.
    /// - Throws: `.sessionEnded`.
    func authority(of token: AccessToken, in repositories: Repositories) async throws -> Authority {
        guard let session = try await repositories.sessions.find(token.sessionID), session.endedAt == nil else {
            throw AuthError.sessionEnded
        }
        return try await subjects.load(session, in: repositories).authority
    }

    /// Where the caller may do this, as this transaction sees it.
    /// - Throws: `.forbidden`, `.sessionEnded`.
    func demand(_ permission: Permission, of token: AccessToken, in repositories: Repositories) async throws -> Scope {
        try await authority(of: token, in: repositories).demand(permission)
    }

    /// The caller's permission to do this to that person. What belongs to the person as a whole is changed from within
    /// a company only where the person belongs to no other.
    /// - Returns: where the caller has it.
    /// - Throws: `.forbidden` with what is missing; `.notFound` for people of other companies.
    @discardableResult
    func demand(
        _ permission: Permission, over user: UUID, by authority: Authority, in repositories: Repositories
    ) async throws -> Scope {
        let scope = try authority.demand(permission)
        if case .company(let company) = scope {
            let companies = try await repositories.companies.memberships(of: user)
            guard companies.contains(company) else { throw AuthError.notFound }
            guard companies.count == 1 else { throw AuthError.forbidden(permission: permission.description) }
        }
        try await demandRank(over: user, by: authority, in: repositories)
        return scope
    }

    /// - Parameter place: what the person may do there and everywhere counts; nil: all that they may do.
    /// - Throws: `.forbidden` with a permission that the person has and the caller has not.
    func demandRank(over user: UUID, inCompany place: UUID? = nil, by authority: Authority, in repositories: Repositories)
        async throws
    {
        guard user != authority.user else { return }
        for grant in try await repositories.grants.current(of: user, at: clock.now) {
            guard let permission = grant.permission, place == nil || grant.company == nil || grant.company == place else {
                continue
            }
            guard authority.may(Permission(stringLiteral: permission), in: grant.company) else {
                throw AuthError.forbidden(permission: permission)
            }
        }
    }

    /// - Throws: `.notFound` for people whom the caller does not see.
    func demandSight(of user: UUID, from scope: Scope, in repositories: Repositories) async throws {
        guard case .company(let company) = scope else { return }
        guard try await repositories.companies.memberships(of: user).contains(company) else { throw AuthError.notFound }
    }

    /// Call it before someone loses the role, or may not sign in any more. Only who is active and has the role without
    /// end is of help to anybody.
    /// - Throws: `.lastSuperAdmin`.
    func keepLastSuperAdmin(without user: UUID, in repositories: Repositories) async throws {
        guard let person = try await repositories.users.find(user), person.status == .active, person.accessEndsAt == nil,
            try await repositories.grants.all(of: user, within: nil).contains(where: {
                $0.name == SystemRole.superAdmin.rawValue && $0.company == nil && $0.expiresAt == nil
            })
        else { return }
        guard try await repositories.grants.lastingHolders(of: SystemRole.superAdmin.key) > 1 else {
            throw AuthError.lastSuperAdmin
        }
    }
}
