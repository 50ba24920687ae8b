import Credentials
import Ground
import SQL
import Store

/// Somebody who registers, and the company that they register.
public struct Registration: Sendable {
    public let name: String
    public let email: EmailAddress
    public let password: String
    public let companyName: String
    public let companyDomain: DomainName?

    public init(
        name: String, email: EmailAddress, password: String, companyName: String, companyDomain: DomainName?
    ) {
        self.name = name
        self.email = email
        self.password = password
        self.companyName = companyName
        self.companyDomain = companyDomain
    }
}

/// What a person may change about themselves; nil leaves it as it is.
public struct ProfileChange: Sendable {
    public var name: String?
    /// `.some(nil)` removes it.
    public var phone: String??
    /// A JSON object.
    public var settings: JSON?

    var isEmpty: Bool { name == nil && phone == nil && settings == nil }

    public init(name: String? = nil, phone: String?? = nil, settings: JSON? = nil) {
        self.name = name
        self.phone = phone
        self.settings = settings
    }
}

/// The rules of accounts: how they come to be, and what their owners do with them.
public struct AccountService: Sendable {
    let store: DataStore
    let signIn: SignInService
    let passwords: PasswordService
    let limits: RateLimiter
    let addresses: AddressMail
    let audit: Audit
    let settings: SignInSettings
    let clock: Clock
    let random: RandomSource

    private var sessions: SessionService { signIn.sessions }

    // MARK: Beginning

    /// Creates a company and its first user, who administers it, in one transaction, and signs the user in.
    /// - Throws: `.registrationClosed`, `.invalid`, `.emailTaken`, `.domainTaken`, `.overloaded`, `.unavailable`.
    public func register(_ registration: Registration, from client: Client) async throws(AuthError) -> SignInOutcome {
        guard settings.registration == .open else { throw .registrationClosed }
        let personal = [registration.name, registration.email.address, registration.companyName]
        try await passwords.check(registration.password, field: "password", against: personal)
        let hash = try await passwords.hash(registration.password)
        let now = clock.now
        let changes = sessions.subjects.changes
        let passage: SignInService.Passage
        do {
            passage = try await store.transaction {
                try await create(registration, passwordHash: hash, from: client, at: now, in: $0)
            }
        } catch { throw Self.taken(error) }
        return try await signIn.outcome(of: passage, unchangedSince: changes, at: now)
    }

    private func create(
        _ registration: Registration, passwordHash: String, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> SignInService.Passage {
        let user = User(
            id: UUID(at: now, random: random), email: registration.email.address,
            emailKey: registration.email.normalized, name: registration.name, passwordHash: passwordHash, at: now)
        let company = Company(
            id: UUID(at: now, random: random), name: registration.companyName,
            domain: registration.companyDomain?.ascii)
        try await repositories.users.insert(user)
        try await repositories.companies.insert(company, at: now)
        try await repositories.companies.add(member: user.id, to: company.id, at: now)
        if let admin = try await repositories.roles.find(named: SystemRole.admin.rawValue) {
            try await repositories.grants.grant(
                id: UUID(at: now, random: random), role: admin.id, to: user.id, in: company.id, by: nil, at: now)
        }
        try await audit.record(
            AuditEvent(.registered, user: user.id, company: company.id), from: client, in: repositories)
        try await addresses.askForProof(of: user, in: repositories)
        _ = try await signIn.lockout.remember(Lockout.deviceKeys(of: client), of: user.id, at: now, in: repositories)
        return try await signIn.open(
            for: user.id, in: company.id, method: "pwd", facts: [.init("method", "pwd")], from: client, at: now, repositories)
    }

    static func taken(_ error: any Error) -> AuthError {
        switch error {
        case DatabaseError.duplicate("users.email_key"): .emailTaken
        case DatabaseError.duplicate("companies.domain"): .domainTaken
        default: .from(error)
        }
    }

    // MARK: Profile

    /// Changes name, phone and settings of the caller, and nothing else.
    public func updateProfile(_ change: ProfileChange, of token: AccessToken, from client: Client)
        async throws(AuthError) -> Subject
    {
        do {
            try await store.transaction { try await apply(change, to: token.userID, by: token, from: client, in: $0) }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: token.userID)
        return try await sessions.subject(of: token)
    }

    /// Changes a profile in a transaction of the caller's.
    func apply(
        _ change: ProfileChange, to id: UUID, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        guard var user = try await repositories.users.find(id) else { throw AuthError.notFound }
        if let name = change.name { user.name = name }
        if let phone = change.phone { user.phone = phone }
        if let settings = change.settings { user.settings = settings.text }
        try await repositories.users.updateProfile(of: user, at: clock.now)
        try await audit.record(.profileUpdated, about: id, by: token, from: client, in: repositories)
    }

    // MARK: Password

    /// Changes the caller's password. Every session ends, and the caller goes on in a new one.
    ///
    /// A wrong current password counts like a failed sign-in: a stolen session must not become a way to guess.
    /// - Throws: `.credentialsInvalid`, `.invalid`, `.accountLocked`, `.rateLimited`, `.overloaded`, `.unavailable`.
    public func changePassword(
        from current: String, to new: String, of token: AccessToken, client: Client
    ) async throws(AuthError) -> SignedIn {
        try await limits.take(.signIn, for: .account(token.userID.description))
        let user: User
        do {
            guard let found = try await store.reading.users.find(token.userID) else { throw AuthError.sessionEnded }
            user = found
        } catch { throw .from(error) }
        // Before an attempt is counted: a new password that will not do is no failure to know the old one.
        guard current != new else { throw .passwordUnchanged(field: "new_password") }
        try await passwords.check(new, field: "new_password", against: [user.name, user.email ?? ""])
        let attempt = try await begin(user, from: client)
        guard try await signIn.verify(current, against: user.passwordHash, as: attempt).matches else {
            try await recordFailure(of: user, locks: attempt.locksAnything, token, client)
            throw .credentialsInvalid
        }
        let hash: String
        do {
            try await signIn.renewal.demandUnused(new, by: user, field: "new_password")
            hash = try await passwords.hash(new)
        } catch {
            try await signIn.giveBack(attempt)
            throw error
        }
        return try await replace(user, hash, attempt, token, client)
    }

    private func begin(_ user: User, from client: Client) async throws(AuthError) -> Lockout.Attempt {
        let now = clock.now
        let lockout = signIn.lockout
        do {
            return try await store.transaction { repositories in
                let device = try await lockout.knownDevice(
                    of: user.id, among: Lockout.deviceKeys(of: client), at: now, in: repositories)
                return try await lockout.begin(.user(user.id), from: device, at: now, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func replace(
        _ user: User, _ hash: String, _ attempt: Lockout.Attempt, _ token: AccessToken, _ client: Client
    ) async throws(AuthError) -> SignedIn {
        let now = clock.now
        let keys = Lockout.deviceKeys(of: client)
        let outcome: (SignInService.Opening, [UUID])
        do {
            outcome = try await store.transaction { repositories in
                // The session may have ended, or the password been changed, while this one was hashed.
                guard let current = try await repositories.users.find(user.id), current.stillHas(user.passwordHash),
                    let session = try await repositories.sessions.find(token.sessionID), session.endedAt == nil
                else { throw AuthError.sessionEnded }
                try await Standing.check(session, at: now, in: repositories)
                try await signIn.renewal.replace(of: current, with: hash, at: now, in: repositories)
                try await signIn.lockout.succeeded(attempt, keys: keys, at: now, in: repositories)
                let ended = try await repositories.sessions.endAll(
                    ofUser: user.id, except: nil, because: .passwordChange, at: now)
                let facts = [JSON.Member("sessions_ended", .integer(Int64(ended.count)))]
                try await audit.record(
                    AuditEvent(
                        .passwordChanged, user: user.id, company: session.companyID, session: token.sessionID,
                        facts: facts),
                    from: client, in: repositories)
                // It goes on from a session that has given every proof, and is as old: the password is one of them.
                let opening = try await signIn.openProved(
                    for: user.id, in: session.companyID, method: session.methods, provedAt: session.authenticatedAt,
                    from: client, at: now, repositories)
                return (opening, ended)
            }
        } catch { throw .from(error) }
        try await sessions.announce(ended: outcome.1)
        return try await sessions.signedIn(outcome.0.session, with: outcome.0.token, at: now)
    }

    private func recordFailure(of user: User, locks: Bool, _ token: AccessToken, _ client: Client)
        async throws(AuthError)
    {
        do {
            try await store.transaction { repositories in
                try await audit.record(.passwordChangeFailed, about: user.id, by: token, from: client, in: repositories)
                guard locks else { return }
                try await audit.record(.accountLocked, about: user.id, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
    }
}
