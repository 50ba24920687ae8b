import Credentials
import Ground
import SQL
import Store

/// Coming in through Telegram. Every door leads to one identity, known by Telegram's number of the person: never by a
/// name, an address or a telephone number, which others may have had before.
public final class TelegramService: Sendable {
    /// RFC 8176 knows no name for it.
    static let method = "telegram"
    /// Beside it where somebody came in through a company's bot. Whoever has that bot's token could have: such a session
    /// opens nothing beyond the company.
    static let companyMethod = "company_bot"

    /// How a session says that somebody came in through that bot.
    static func methods(through bot: Bot) -> String { bot.company == nil ? method : "\(method) \(companyMethod)" }

    let store: DataStore
    public let bots: Bots
    let signIn: SignInService
    let referrals: ReferralService
    let oidc: OIDCEvidence
    let requests: AccessRequestService
    let audit: Audit
    let settings: TelegramSettings
    let log: Log
    let clock: Clock
    let random: RandomSource

    var sessions: SessionService { signIn.sessions }

    init(
        store: DataStore, bots: Bots, signIn: SignInService, referrals: ReferralService, oidc: OIDCEvidence,
        requests: AccessRequestService, audit: Audit, settings: TelegramSettings, log: Log, clock: Clock, random: RandomSource
    ) {
        self.store = store
        self.bots = bots
        self.signIn = signIn
        self.referrals = referrals
        self.oidc = oidc
        self.requests = requests
        self.audit = audit
        self.settings = settings
        self.log = log
        self.clock = clock
        self.random = random
    }

    // MARK: Proving

    /// Checks what somebody shows against the bots of this server.
    /// - Parameter id: for which bot; nil: for any.
    /// - Throws: `.telegramInvalid`, `.telegramNotConfigured`, `.doorClosed`.
    func prove(_ evidence: TelegramEvidence, for id: Int64?, from client: Client) async throws(AuthError) -> (TelegramProof, Bot) {
        let candidates = id == nil ? try await bots.all() : [try await bots.find(id)]
        guard !candidates.isEmpty else { throw .telegramNotConfigured }
        if case .idToken(let token, let nonce) = evidence {
            return try await recordingFailure(from: client) { () async throws(AuthError) -> (TelegramProof, Bot) in
                try await oidc.prove(token, nonce: nonce, for: candidates)
            }
        }
        var fault = TelegramFault.notSigned
        for bot in candidates {
            do {
                let proof = try evidence.proof(for: bot, settings: settings, at: clock.now)
                guard bot.doors.contains(proof.door) else { throw AuthError.doorClosed }
                return (proof, bot)
            } catch let found as TelegramFault {
                fault = found
                guard found == .notSigned else { break }
            } catch { throw .from(error) }
        }
        return try await recordingFailure(from: client) { () async throws(AuthError) -> (TelegramProof, Bot) in
            throw .telegramInvalid(fault)
        }
    }

    // MARK: Signing in

    private struct Entry: Sendable {
        let passage: SignInService.Passage
        let user: UUID
        /// Whether something is known of the person now that other nodes may have remembered.
        let changed: Bool
    }

    /// Signs in, and makes the account where there is none and the bot makes accounts.
    /// - Parameters:
    ///   - id: for which bot; nil: for any.
    ///   - referral: the code of whoever brought the person, instead of the one in the link.
    /// - Throws: `.telegramInvalid`, `.telegramNotConfigured`, `.doorClosed`, `.accessRequired`, `.accountBlocked`,
    ///   `.companySuspended`, `.addressNotAllowed`, `.tooMany`.
    public func signIn(with evidence: TelegramEvidence, for id: Int64?, referral: String?, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        let (proof, bot) = try await prove(evidence, for: id, from: client)
        return try await enter(proof, through: bot, referral: referral, from: client)
    }

    /// Takes somebody's word for who they are.
    /// - Throws: `.doorClosed` unless `TELEGRAM_DIRECT_REGISTRATION` is on; and as the others.
    func signIn(unverified person: TelegramPerson, referral: String?, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        guard settings.registersDirectly else {
            try await record(failure: "unverified", user: nil, from: client)
            throw .doorClosed
        }
        let bot = try await bots.find(nil)
        var proof = TelegramProof(
            door: .miniApp, bot: bot.id, person: person, digest: random.bytes(32), expiresAt: clock.now)
        proof.isUnverified = true
        return try await enter(proof, through: bot, referral: referral, from: client)
    }

    /// What follows every door of Telegram.
    func enter(_ proof: TelegramProof, through bot: Bot, referral: String?, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        let now = clock.now
        let changes = sessions.subjects.changes
        let entry: Entry
        do {
            entry = try await onceMoreIfTaken {
                try await store.transaction { repositories in
                    // What is thrown later takes this back: only who comes in uses it up.
                    try await self.useUp(proof, in: repositories)
                    return try await self.enter(
                        proof, through: bot, referral: referral, from: client, at: now, in: repositories)
                }
            }
        } catch {
            let error = AuthError.from(error)
            if case .accessRequired = error { try await ask(proof.person, through: bot, from: client) }
            if let reason = Self.reason(of: error) {
                let identity = try? await store.reading.telegramIdentities.find(proof.person.id)
                try await record(failure: reason, user: identity?.userID, from: client)
            }
            throw error
        }
        if entry.changed { try await sessions.subjects.changed(user: entry.user) }
        return try await signIn.outcome(of: entry.passage, unchangedSince: changes, at: now)
    }

    private func enter(
        _ proof: TelegramProof, through bot: Bot, referral: String?, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> Entry {
        guard let account = try await repositories.telegramIdentities.account(of: proof.person.id) else {
            // Somebody whose account was deleted is no stranger.
            guard try await repositories.telegramIdentities.find(proof.person.id) == nil else { throw AuthError.accountBlocked }
            guard bot.autoCreates else { throw AuthError.accessRequired }
            let (user, company) = try await create(
                proof, through: bot, referral: referral, from: client, at: now, in: repositories)
            return Entry(
                passage: try await open(for: user, in: company, proof, through: bot, from: client, at: now, repositories),
                user: user.id, changed: false)
        }
        guard account.user.status == .active else { throw AuthError.accountBlocked }
        let company: Company?
        if let own = bot.company {
            guard try await repositories.companies.memberships(of: account.user.id).contains(own) else {
                throw AuthError.accessRequired
            }
            company = try await active(own, in: repositories)
        } else {
            company = account.hasCompanies ? try await signIn.company(of: account.user, in: repositories) : nil
        }
        let renamed = try await update(account.identity, of: account.user, by: proof, at: now, in: repositories)
        let passage = try await open(
            for: renamed ?? account.user, in: company, grants: account.hasRoles ? nil : [], proof, through: bot, from: client,
            at: now, repositories)
        return Entry(passage: passage, user: account.user.id, changed: renamed != nil)
    }

    private func active(_ id: UUID, in repositories: Repositories) async throws -> Company {
        guard let company = try await repositories.companies.find(id), company.status == .active else {
            throw AuthError.companySuspended
        }
        return company
    }

    private func open(
        for user: User, in company: Company?, grants: [Grant]? = nil, _ proof: TelegramProof, through bot: Bot,
        from client: Client, at now: Timestamp, _ repositories: Repositories
    ) async throws -> SignInService.Passage {
        var facts: [JSON.Member] = [
            .init("method", .string(Self.method)), .init("door", .string(proof.door.rawValue)),
            .init("bot_id", .integer(proof.bot)),
        ]
        if proof.isUnverified { facts.append(.init("unverified", true)) }
        return try await signIn.enter(
            user, in: company, grants: grants, method: Self.methods(through: bot), facts: facts, from: client, at: now,
            repositories)
    }

    private func create(
        _ proof: TelegramProof, through bot: Bot, referral: String?, from client: Client, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> (User, Company?) {
        let person = proof.person
        let user = User(
            id: UUID(at: now, random: random), email: nil, emailKey: nil, name: person.name,
            phone: proof.phone.map { "+\($0)" }, passwordHash: nil, at: now)
        try await repositories.users.insert(user)
        try await repositories.telegramIdentities.insert(Self.identity(proof, of: user.id, at: now))
        var company: Company?
        if let own = bot.company {
            company = try await active(own, in: repositories)
            guard try await repositories.companies.hasRoom(own) else { throw AuthError.tooMany }
            try await repositories.companies.add(member: user.id, to: own, at: now)
        }
        if let code = referral ?? proof.startParameter {
            try await referrals.note(user.id, broughtBy: code, at: now, in: repositories)
        }
        var facts: [JSON.Member] = [
            .init("door", .string(proof.door.rawValue)), .init("telegram_id", .integer(person.id)),
            .init("bot_id", .integer(bot.id)),
        ]
        if proof.isUnverified { facts.append(.init("unverified", true)) }
        try await audit.record(
            AuditEvent(.registered, user: user.id, company: bot.company, facts: facts), from: client, in: repositories)
        return (user, company)
    }

    static func identity(_ proof: TelegramProof, of user: UUID, at now: Timestamp) -> TelegramIdentity {
        let person = proof.person
        return TelegramIdentity(
            telegramID: person.id, userID: user, firstName: person.firstName, lastName: person.lastName,
            username: person.username, photoURL: person.photoURL, language: person.language, subject: proof.subject, at: now)
    }

    /// Takes over what Telegram says now. The account's name follows as long as nobody has chosen another, and a telephone
    /// number that Telegram has verified is taken where there is none.
    /// - Returns: the account, where it has changed.
    private func update(
        _ identity: TelegramIdentity, of user: User, by proof: TelegramProof, at now: Timestamp, in repositories: Repositories
    ) async throws -> User? {
        let person = proof.person
        var next = identity
        next.firstName = person.firstName
        next.lastName = person.lastName
        next.username = person.username
        // Not every door tells of these.
        next.photoURL = person.photoURL ?? identity.photoURL
        next.language = person.language ?? identity.language
        next.subject = proof.subject ?? identity.subject
        if next != identity {
            next.updatedAt = now
            try await repositories.telegramIdentities.update(next, from: identity)
        }
        var account = user
        if user.name == identity.person.name { account.name = person.name }
        // A number that the person has given here stays.
        if user.phone == nil { account.phone = proof.phone.map { "+\($0)" } }
        guard account.name != user.name || account.phone != user.phone else { return nil }
        try await repositories.users.updateProfile(of: account, at: now)
        return account
    }

    // MARK: Beside

    /// - Throws: `.telegramInvalid` where somebody had.
    func useUp(_ proof: TelegramProof, in repositories: Repositories) async throws {
        do { try await repositories.telegramProofs.use(proof.digest, until: proof.expiresAt) } catch DatabaseError.duplicate {
            throw AuthError.telegramInvalid(.replayed)
        }
    }

    /// Runs it again where somebody else was faster to make the same person known: then there they are.
    func onceMoreIfTaken<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch DatabaseError.duplicate(let index) where index.hasPrefix("telegram_identities.") {
            return try await body()
        }
    }
}

extension TelegramIdentity {
    var person: TelegramPerson {
        TelegramPerson(
            id: telegramID, firstName: firstName, lastName: lastName, username: username, photoURL: photoURL,
            language: language)
    }
}

extension Session {
    /// Whether it opens nothing beyond the company that it stands in.
    var isBoundToCompany: Bool { methods.spaceSeparated.contains(TelegramService.companyMethod) }
}
