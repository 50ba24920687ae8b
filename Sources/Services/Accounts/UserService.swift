import Credentials
import Ground
import SQL
import Store

/// What administrators do with other people's accounts.
///
/// Each change asks, in its own transaction, what the caller may do to that person: see ``Reach``.
public struct UserService: Sendable {
    let store: DataStore
    let accounts: AccountService
    let grants: GrantService
    let sessions: SessionService
    let passwords: PasswordService
    let secondFactors: SecondFactorEnrolment
    let reach: Reach
    let addresses: AddressMail
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Reading

    /// One page of people, as far as the caller sees them.
    /// - Parameter role: the name of a role that they must have.
    /// - Throws: `.forbidden`, `.notFound` for a company that is not the caller's, `.invalid`.
    public func list(_ query: UserQuery, role: String?, by token: AccessToken)
        async throws(AuthError) -> Page<Person, UserQuery.Position>
    {
        let scope = try await sessions.demand("users:read", of: token)
        var query = query
        query.company = try scope.narrowed(to: query.company)
        do {
            if let role {
                guard let found = try await store.reading.roles.find(named: role) else { throw GrantService.noSuchRole(role) }
                query.role = found.id
            }
            let (wanted, now) = (query, clock.now)
            let page = try await Page(of: query.limit, endingAt: { UserQuery.Position(key: $0.key, id: $0.user.id) }) {
                var query = wanted
                query.limit = $0
                return try await store.reading.userList.page(query, at: now)
            }
            return try await page.map { shown in
                let names = try await store.reading.grants.roleNames(
                    of: shown.map(\.user.id), within: scope.company, at: clock.now)
                return shown.map { Person($0.user, roles: names[$0.user.id] ?? []) }
            }
        } catch { throw .from(error) }
    }

    /// - Throws: `.forbidden`, `.notFound`.
    public func find(_ id: UUID, by token: AccessToken) async throws(AuthError) -> PersonDetail {
        let scope = try await sessions.demand("users:read", of: token)
        do {
            try await reach.demandSight(of: id, from: scope, in: store.reading)
            return try await detail(of: id, from: scope, in: store.reading)
        } catch { throw .from(error) }
    }

    func detail(of id: UUID, from scope: Scope, in repositories: Repositories) async throws -> PersonDetail {
        var user = try await repositories.users.find(id)
        if user == nil { user = try await repositories.users.findDeleted(id) }
        guard let user else { throw AuthError.notFound }
        let grants = try await repositories.grants.all(of: id, within: scope.company)
        let companies = try await repositories.companies.all(ofUser: id)
            .filter { scope.company == nil || $0.id == scope.company }
        return PersonDetail(
            person: Person(user, roles: Self.names(grants, at: clock.now)), user: user, companies: companies, grants: grants,
            telegram: try await repositories.telegramIdentities.find(ofUser: id))
    }

    // MARK: Creating

    /// Creates a person, who has to choose a password of their own at the first sign-in.
    /// - Returns: the person, and the password where one was made.
    /// - Throws: `.forbidden` with what the caller has not, `.notFound`, `.emailTaken`, `.invalid`, `.tooMany`,
    ///   `.overloaded`.
    public func create(_ new: NewUser, by token: AccessToken, from client: Client)
        async throws(AuthError) -> (detail: PersonDetail, password: String?)
    {
        let made = new.password == nil ? madePassword() : nil
        let password = new.password ?? made ?? ""
        if made == nil { try await passwords.check(password, field: "password", against: [new.name, new.email.address]) }
        let hash = try await passwords.hash(password)
        let now = clock.now
        var user = User(
            id: UUID(at: now, random: random), email: new.email.address, emailKey: new.email.normalized, name: new.name,
            phone: new.phone, passwordHash: hash, requiresPasswordChange: true, at: now)
        user.status = .active
        do {
            let created = try await store.transaction { [user] repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                let scope = try authority.demand("users:create")
                let company = try scope.narrowed(to: new.company)
                try await repositories.users.insert(user)
                try await admit(user.id, to: company, with: new.roles, by: authority, at: now, in: repositories)
                try await audit.record(
                    AuditEvent(.userCreated, user: user.id, actor: token.userID, company: company), from: client,
                    in: repositories)
                return try await detail(of: user.id, from: scope, in: repositories)
            }
            return (created, made)
        } catch { throw AccountService.taken(error) }
    }

    /// Puts a new person into a company, with roles that the caller may grant there.
    private func admit(
        _ user: UUID, to company: UUID?, with roles: [String], by authority: Authority, at now: Timestamp,
        in repositories: Repositories
    ) async throws {
        if let company {
            guard try await repositories.companies.hasRoom(company) else { throw AuthError.tooMany }
            try await repositories.companies.add(member: user, to: company, at: now)
        }
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

    // MARK: Changing

    /// Changes a person. One's own name, phone and settings need no permission. Whoever is not active loses every
    /// session at once.
    /// - Throws: `.forbidden`, `.notFound`, `.emailTaken`, `.lastSuperAdmin`; `.insufficientUserAuthentication` and
    ///   `.companyBotSession` for one's own address.
    public func update(_ id: UUID, _ change: UserChange, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Person
    {
        let isOwn = id == token.userID && change.status == nil && change.email == nil
        // Codes and links of one's own go to the address.
        if id == token.userID, change.email != nil { try await sessions.demandRecent(of: token) }
        return try await changing(id, by: token) { repositories in
            if !isOwn {
                let authority = try await reach.authority(of: token, in: repositories)
                try await reach.demand("users:update", over: id, by: authority, in: repositories)
            }
            if !change.profile.isEmpty {
                try await accounts.apply(change.profile, to: id, by: token, from: client, in: repositories)
            }
            if let email = change.email { try await set(email, of: id, by: token, from: client, in: repositories) }
            guard let status = change.status else { return [] }
            return try await set(status, of: id, because: nil, by: token, from: client, in: repositories)
        }
    }

    /// Blocks a person, which ends every session, or lets them in again.
    /// - Throws: `.forbidden`, `.notFound`, `.lastSuperAdmin`.
    public func set(
        _ status: User.Status, of id: UUID, because reason: String?, by token: AccessToken, from client: Client
    ) async throws(AuthError) -> Person {
        try await changing(id, by: token) { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            try await reach.demand("users:update", over: id, by: authority, in: repositories)
            return try await set(status, of: id, because: reason, by: token, from: client, in: repositories)
        }
    }

    /// Takes the codes, the app and the remembered browsers from a person who has lost their second factor. Every session
    /// ends. Passkeys that sign in by themselves stay.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.forbidden`; `.notFound` where there is nobody, or
    ///   nothing to take.
    public func resetSecondFactors(of id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) -> Person {
        try await sessions.demandRecent(of: token)
        let now = clock.now
        return try await changing(id, by: token) { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            try await reach.demand("users:update", over: id, by: authority, in: repositories)
            guard let user = try await repositories.users.find(id),
                try await secondFactors.reset(user, at: now, in: repositories)
            else { throw AuthError.notFound }
            let ended = try await repositories.sessions.endAll(ofUser: id, except: nil, because: .revoked, at: now)
            try await audit.record(
                .secondFactorReset, about: id, by: token, [Self.count(ended)], from: client, in: repositories)
            return ended
        }
    }

    /// Deletes a person, softly: every session ends, the address is free again, and ``restore(_:by:from:)`` brings them back.
    /// - Throws: `.forbidden`, `.notFound`, `.lastSuperAdmin`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        try await sessions.endingSessions { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            try await reach.demand("users:delete", over: id, by: authority, in: repositories)
            try await reach.keepLastSuperAdmin(without: id, in: repositories)
            guard try await repositories.users.delete(id, at: now) else { throw AuthError.notFound }
            try await addresses.links.endUndoing(of: id, in: repositories)
            let ended = try await repositories.sessions.endAll(ofUser: id, except: nil, because: .deleted, at: now)
            try await audit.record(
                .userDeleted, about: id, by: token, [Self.count(ended)], from: client, in: repositories)
            return ended
        }
        try await sessions.subjects.changed(user: id)
    }

    /// Brings a deleted person back, with roles and companies as they were, but with no session.
    /// - Throws: `.forbidden`, `.notFound`, `.emailTaken` where the address has another account by now.
    public func restore(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) -> Person {
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                try await reach.demand("users:delete", over: id, by: authority, in: repositories)
                guard let user = try await repositories.users.findDeleted(id) else { throw AuthError.notFound }
                let key = try user.email.map { try EmailAddress($0).normalized }
                try await repositories.users.restore(id, emailKey: key, at: now)
                try await audit.record(.userRestored, about: id, by: token, from: client, in: repositories)
                guard let restored = try await repositories.users.find(id) else { throw AuthError.notFound }
                try await repositories.userWords.rewrite(restored.id)
                return Person(
                    restored, roles: Self.names(try await repositories.grants.all(of: id, within: nil), at: now))
            }
        } catch { throw AccountService.taken(error) }
    }

    func changing(
        _ id: UUID, by token: AccessToken, _ body: @escaping @Sendable (Repositories) async throws -> [UUID]
    ) async throws(AuthError) -> Person {
        do {
            let (person, ended) = try await store.transaction { repositories in
                let ended = try await body(repositories)
                guard let user = try await repositories.users.find(id) else { throw AuthError.notFound }
                let grants = try await repositories.grants.all(of: id, within: nil)
                return (Person(user, roles: Self.names(grants, at: clock.now)), ended)
            }
            try await sessions.announce(ended: ended)
            try await sessions.subjects.changed(user: id)
            return person
        } catch { throw AccountService.taken(error) }
    }

    /// Blocks somebody, or lets them in again.
    /// - Returns: the sessions that this ends.
    /// - Throws: `.notFound`, `.lastSuperAdmin`.
    func set(
        _ status: User.Status, of id: UUID, because reason: String?, by token: AccessToken, from client: Client,
        in repositories: Repositories
    ) async throws -> [UUID] {
        let now = clock.now
        if status != .active { try await reach.keepLastSuperAdmin(without: id, in: repositories) }
        guard try await repositories.users.setStatus(of: id, to: status, at: now) else { throw AuthError.notFound }
        // Somebody may be blocked because they have lost the mailbox.
        if status != .active { try await addresses.links.endUndoing(of: id, in: repositories) }
        let ended =
            status == .active
            ? [] : try await repositories.sessions.endAll(ofUser: id, except: nil, because: .blocked, at: now)
        var facts: [JSON.Member] = [.init("status", .string(status.rawValue)), Self.count(ended)]
        if let reason { facts.append(.init("reason", .string(reason))) }
        try await audit.record(.statusChanged, about: id, by: token, facts, from: client, in: repositories)
        return ended
    }

    private func set(
        _ email: EmailAddress, of id: UUID, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        guard var user = try await repositories.users.find(id) else { throw AuthError.notFound }
        guard user.emailKey != email.normalized else { return }
        let former = user
        user.email = email.address
        user.emailKey = email.normalized
        // Nobody has shown that it is theirs.
        user.emailVerifiedAt = nil
        try await repositories.users.setEmail(of: user, at: clock.now)
        try await audit.record(.emailChanged, about: id, by: token, from: client, in: repositories)
        let isOwn = id == token.userID
        // What an administrator has changed, the person does not take back, nor what was changed before.
        if !isOwn { try await addresses.links.endUndoing(of: id, in: repositories) }
        try await addresses.tellOfChange(of: former, to: email.address, canUndo: isOwn, by: client, in: repositories)
        try await addresses.askForProof(of: user, in: repositories)
    }

    /// The names of roles that have not ended, each once.
    private static func names(_ grants: [GrantedRole], at now: Timestamp) -> [String] {
        Set(grants.filter { $0.expiresAt.map { $0 > now } ?? true }.map(\.name)).sorted()
    }

    static func count(_ ended: [UUID]) -> JSON.Member { .init("sessions_ended", .integer(Int64(ended.count))) }
}
