import Credentials
import Ground
import SQL
import Store

/// Somebody who is invited.
public struct NewInvitation: Sendable {
    public let email: EmailAddress
    public let name: String?
    public let roles: [String]
    public let company: UUID?
    /// How long the link works.
    public let lifetime: Duration

    public init(email: EmailAddress, name: String?, roles: [String], company: UUID?, lifetime: Duration) {
        self.email = email
        self.name = name
        self.roles = roles
        self.company = company
        self.lifetime = lifetime
    }
}

/// An invitation and what it brings.
public struct InvitationDetail: Sendable {
    public let invitation: Invitation
    public let roles: [String]
    public let company: Company?
}

/// Inviting people: a link, bound to an address, that works once, for a while, and never gives more than whoever
/// invited may still give when it is followed.
public struct InvitationService: Sendable {
    static let prefix = "ghi_"
    /// The page that the link leads to.
    public static let path = "/invitation"

    let store: DataStore
    let accounts: AccountService
    let users: UserService
    let sessions: SessionService
    let passwords: PasswordService
    let reach: Reach
    let mail: MailBox
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Inviting

    /// - Returns: the invitation, and the token of its link, which is shown once.
    /// - Throws: `.forbidden` with what the caller has not, `.notFound`, `.emailTaken`, `.invalid`.
    public func invite(_ new: NewInvitation, by token: AccessToken, from client: Client)
        async throws(AuthError) -> (detail: InvitationDetail, token: String)
    {
        let now = clock.now
        let id = UUID(at: now, random: random)
        let secret = random.bytes(32)
        let text = Self.prefix + Base64URL.encode(id.bytes + secret)
        do {
            let invited = try await store.transaction { repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                let company = try authority.demand("users:create").narrowed(to: new.company)
                let key = new.email.normalized
                guard try await repositories.users.find(emailKey: key) == nil,
                    try await !repositories.mailLinks.isHeld(key, from: nil, at: now)
                else { throw AuthError.emailTaken }
                if let company { guard try await repositories.companies.find(company) != nil else { throw AuthError.notFound } }
                let roles = try await roles(named: new.roles, in: company, grantedBy: authority, repositories)
                let invitation = Invitation(
                    id: id, email: new.email.address, emailKey: new.email.normalized, name: new.name, company: company,
                    secretDigest: Digest.sha256(secret), invitedBy: token.userID, at: now, expiresAt: now + new.lifetime)
                try await repositories.invitations.insert(invitation, roles: roles)
                try await record(.userInvited, invitation, actor: token.userID, from: client, in: repositories)
                let detail = try await detail(of: invitation, in: repositories)
                try await send(detail, with: text, to: new.email, in: repositories)
                return detail
            }
            return (invited, text)
        } catch { throw .from(error) }
    }

    private func send(
        _ detail: InvitationDetail, with token: String, to email: EmailAddress, in repositories: Repositories
    ) async throws {
        let inviter = try await repositories.users.find(detail.invitation.invitedBy)
        var facts: [MailMessage.Fact: String] = [
            .link: "\(mail.settings.linkBase)\(Self.path)#\(token)",
            .moment: MailMoment.text(detail.invitation.expiresAt),
        ]
        facts[.company] = detail.company?.name
        facts[.inviter] = inviter?.name
        let message = MailMessage(
            .invitation, facts, in: mail.settings.language, until: detail.invitation.expiresAt)
        try await mail.post(message, to: email, in: repositories)
    }

    private func roles(
        named names: [String], in company: UUID?, grantedBy authority: Authority, _ repositories: Repositories
    ) async throws -> [UUID] {
        var ids: [UUID] = []
        for name in names {
            guard let role = try await repositories.roles.find(named: name) else {
                throw GrantService.noSuchRole(name, field: "roles")
            }
            guard authority.may("roles:grant", in: company) else { throw AuthError.forbidden(permission: "roles:grant") }
            try await users.grants.demandAll(of: role.id, in: company, authority, repositories)
            if !ids.contains(role.id) { ids.append(role.id) }
        }
        return ids
    }

    /// One page of invitations that the caller sees, the newest first.
    /// - Throws: `.forbidden`.
    public func list(after: UUID?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<InvitationDetail, UUID>
    {
        let scope = try await sessions.demand("users:create", of: token)
        do {
            let page = try await Page(of: limit, endingAt: \.id) {
                try await store.reading.invitations.page(after: after, within: scope.company, limit: $0)
            }
            return try await page.map { invitations in
                var details: [InvitationDetail] = []
                for invitation in invitations { details.append(try await detail(of: invitation, in: store.reading)) }
                return details
            }
        } catch { throw .from(error) }
    }

    /// - Throws: `.forbidden`, `.notFound` for one that was accepted or withdrawn too.
    public func withdraw(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                let scope = try await reach.demand("users:create", of: token, in: repositories)
                guard let invitation = try await repositories.invitations.find(id, within: scope.company),
                    try await repositories.invitations.withdraw(id, at: now)
                else { throw AuthError.notFound }
                try await record(.invitationWithdrawn, invitation, actor: token.userID, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }

    // MARK: Following the link

    /// What a link invites to.
    /// - Throws: `.invitationInvalid`.
    public func find(_ text: String) async throws(AuthError) -> InvitationDetail {
        do { return try await detail(of: try await open(text, in: store.reading), in: store.reading) } catch {
            throw .from(error)
        }
    }

    /// Makes the account and signs the person in. The address counts as theirs: the link was sent there.
    /// - Throws: `.invitationInvalid`, `.invalid`, `.emailTaken`, `.companySuspended`, `.tooMany`, `.overloaded`.
    public func accept(_ text: String, name: String?, password: String, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        let found = try await find(text).invitation
        guard let name = name ?? found.name else {
            throw .invalid([FieldFault(field: "name", code: "required", message: "This is needed.")])
        }
        try await passwords.check(password, field: "password", against: [name, found.email])
        let hash = try await passwords.hash(password)
        let now = clock.now
        let changes = sessions.subjects.changes
        let passage: SignInService.Passage
        do {
            passage = try await store.transaction { repositories in
                let invitation = try await open(text, in: repositories)
                var user = User(
                    id: UUID(at: now, random: random), email: invitation.email, emailKey: invitation.emailKey, name: name,
                    passwordHash: hash, at: now)
                user.emailVerifiedAt = now
                try await repositories.users.insert(user)
                guard try await repositories.invitations.accept(invitation.id, by: user.id, at: now) else {
                    throw AuthError.invitationInvalid
                }
                try await enter(user, through: invitation, at: now, in: repositories)
                try await record(.invitationAccepted, invitation, user: user.id, actor: user.id, from: client, in: repositories)
                _ = try await accounts.signIn.lockout.remember(Lockout.deviceKeys(of: client), of: user.id, at: now, in: repositories)
                return try await accounts.signIn.open(
                    for: user.id, in: invitation.company, method: "pwd", facts: [.init("method", "pwd")], from: client, at: now, repositories)
            }
        } catch { throw AccountService.taken(error) }
        return try await accounts.signIn.outcome(of: passage, unchangedSince: changes, at: now)
    }

    private func enter(_ user: User, through invitation: Invitation, at now: Timestamp, in repositories: Repositories)
        async throws
    {
        if let company = invitation.company {
            guard try await repositories.companies.find(company)?.status == .active else { throw AuthError.companySuspended }
            guard try await repositories.companies.hasRoom(company) else { throw AuthError.tooMany }
            try await repositories.companies.add(member: user.id, to: company, at: now)
        }
        // A role may permit more by now, and whoever invited less.
        let inviter = try await authority(ofInviter: invitation.invitedBy, in: invitation.company, repositories)
        guard inviter.may("users:create", in: invitation.company) else { throw AuthError.invitationInvalid }
        for role in try await repositories.invitations.roles(of: invitation.id) {
            let permissions = try await repositories.roles.effective(of: role.id)
            guard inviter.may("roles:grant", in: invitation.company),
                inviter.firstMissing(of: permissions, in: invitation.company) == nil
            else { throw AuthError.invitationInvalid }
            try await repositories.grants.grant(
                id: UUID(at: now, random: random), role: role.id, to: user.id, in: invitation.company,
                by: invitation.invitedBy, at: now)
        }
    }

    private func authority(ofInviter id: UUID, in company: UUID?, _ repositories: Repositories) async throws -> Authority {
        guard let inviter = try await repositories.users.find(id), inviter.status == .active, !inviter.hasEnded(at: clock.now) else {
            throw AuthError.invitationInvalid
        }
        let grants = try await repositories.grants.current(of: id, at: clock.now)
        return Authority(
            user: id, everywhere: PermissionSet(grants.filter { $0.company == nil }.compactMap(\.permission)),
            here: PermissionSet(grants.filter { $0.company == company }.compactMap(\.permission)), company: company)
    }

    /// The invitation of a link that works.
    private func open(_ text: String, in repositories: Repositories) async throws -> Invitation {
        guard text.hasPrefix(Self.prefix), let bytes = Base64URL.decode(text.dropFirst(Self.prefix.count)), bytes.count == 48,
            let id = UUID(bytes: Array(bytes.prefix(16))),
            let invitation = try await repositories.invitations.find(id, within: nil),
            Digest.equal(Digest.sha256(Array(bytes.suffix(32))), invitation.secretDigest), invitation.isOpen(at: clock.now)
        else { throw AuthError.invitationInvalid }
        return invitation
    }

    private func detail(of invitation: Invitation, in repositories: Repositories) async throws -> InvitationDetail {
        var company: Company?
        if let id = invitation.company { company = try await repositories.companies.find(id) }
        let roles = try await repositories.invitations.roles(of: invitation.id)
        return InvitationDetail(invitation: invitation, roles: roles.map(\.name), company: company)
    }

    private func record(
        _ kind: AuditEvent.Kind, _ invitation: Invitation, user: UUID? = nil, actor: UUID, from client: Client,
        in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [.init("invitation_id", JSON(invitation.id))]
        try await audit.record(
            AuditEvent(kind, user: user, actor: actor, company: invitation.company, facts: facts), from: client,
            in: repositories)
    }
}
