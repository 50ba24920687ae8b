import Ground
import Store

/// Where all doors meet: the session of somebody who has proved who they are.
extension SignInService {
    struct Opening: Sendable {
        /// Whom the session stands for, as that transaction sees it.
        let subject: Subject
        let token: RefreshToken
        /// Sessions that had to make room.
        var ended: [UUID]
        /// Whether the account knows other devices, and not the one that it came from.
        var isFromNewDevice = false

        var session: Session { subject.session }
    }

    /// What a door leads to.
    enum Passage: Sendable {
        case opened(Opening)
        /// The first proof was good, and nothing has been opened.
        case asked(SecondFactorChallenge)
    }

    /// The company that the session will stand in: the one that is wanted, else the first that is active; none for who
    /// belongs to none.
    func company(of user: User, wanted: UUID? = nil, in repositories: Repositories) async throws -> Company? {
        let ever = try await repositories.companies.all(everOfUser: user.id)
        let companies = ever.compactMap { $0 }
        if let wanted { return try Standing.company(wanted, among: companies) }
        if let active = companies.first(where: { $0.status == .active }) { return active }
        guard ever.isEmpty else { throw AuthError.companySuspended }
        return nil
    }

    /// Opens a session, unless a second factor is asked for, and ends the oldest where there would be too many. Every
    /// door leads through here.
    /// - Parameters:
    ///   - facts: what the audit log tells of the sign-in, should it have to wait for a second factor.
    ///   - onEntry: what is written when nothing more is asked for, before the session is; it tells whether the device is
    ///     news.
    /// - Throws: `.accessEnded`, `.addressNotAllowed`.
    func open(
        for id: UUID, in company: UUID?, method: String, facts: [JSON.Member], from client: Client, at now: Timestamp,
        _ repositories: Repositories, onEntry: @Sendable () async throws -> Bool = { false }
    ) async throws -> Passage {
        guard let user = try await repositories.users.find(id) else { throw AuthError.credentialsInvalid }
        return try await open(
            for: user, in: try await place(company, in: repositories), method: method, facts: facts, from: client, at: now,
            repositories, onEntry: onEntry)
    }

    /// The same for who has read the person and the company in this transaction, and maybe the grants.
    func open(
        for user: User, in company: Company?, grants: [Grant]? = nil, method: String, facts: [JSON.Member],
        from client: Client, at now: Timestamp, _ repositories: Repositories,
        onEntry: @Sendable () async throws -> Bool = { false }
    ) async throws -> Passage {
        let admission = try await admit(user, to: company, grants, from: client, at: now, repositories)
        let arrival = SecondFactorGate.Arrival(
            user: user, dueSince: admission.factorDueSince, company: company, methods: ProvedMethods(method), facts: facts,
            client: client)
        if let challenge = try await secondFactors.demand(of: arrival, at: now, in: repositories) { return .asked(challenge) }
        let isFromNewDevice = try await onEntry()
        var opening = try await begin(
            for: user, in: company, method: method, admission, from: client, at: now, repositories)
        opening.isFromNewDevice = isFromNewDevice
        return .opened(opening)
    }

    /// Lets somebody in by a door that counts no failures of theirs: notes the sign-in, and where it came from.
    /// - Parameters:
    ///   - grants: the person's, where they are known in this transaction.
    ///   - mustChange: a new password is asked for, once nothing else is.
    /// - Throws: `.passwordChangeRequired`, and what ``open(for:in:method:facts:from:at:_:onEntry:)`` throws.
    func enter(
        _ found: User, in company: Company?, grants: [Grant]? = nil, method: String, facts: [JSON.Member],
        mustChange: Bool = false, from client: Client, at now: Timestamp, _ repositories: Repositories
    ) async throws -> Passage {
        var user = found
        user.lastLoginAt = now
        let passage = try await open(
            for: user, in: company, grants: grants, method: method, facts: facts, from: client, at: now, repositories
        ) {
            guard !mustChange else { throw AuthError.passwordChangeRequired }
            try await repositories.attempts.noteSignIn(user: found.id, at: now)
            return try await lockout.remember(Lockout.deviceKeys(of: client), of: found.id, at: now, in: repositories)
        }
        if case .opened(let opening) = passage {
            try await recordSignIn(opening, facts: facts, from: client, in: repositories)
        }
        return passage
    }

    /// Tells the audit log of a session that has been opened.
    func recordSignIn(
        _ opening: Opening, facts: [JSON.Member], from client: Client, in repositories: Repositories
    ) async throws {
        let session = opening.session
        try await audit.record(
            AuditEvent(
                .signInSucceeded, user: session.userID, company: session.companyID, session: session.id,
                facts: facts + (opening.isFromNewDevice ? [BotNotices.newDevice] : [])),
            from: client, in: repositories)
    }

    /// Opens a session for whoever has given every proof that is asked of them.
    /// - Parameter moment: when they did; nil: now.
    /// - Throws: `.accessEnded`, `.addressNotAllowed`.
    func openProved(
        for id: UUID, in company: UUID?, method: String, provedAt moment: Timestamp? = nil, from client: Client,
        at now: Timestamp, _ repositories: Repositories
    ) async throws -> Opening {
        guard let user = try await repositories.users.find(id) else { throw AuthError.credentialsInvalid }
        return try await openProved(
            for: user, in: try await place(company, in: repositories), method: method, provedAt: moment, from: client, at: now,
            repositories)
    }

    /// The same for who has read the person and the company in this transaction.
    func openProved(
        for user: User, in company: Company?, method: String, provedAt moment: Timestamp? = nil, from client: Client,
        at now: Timestamp, _ repositories: Repositories
    ) async throws -> Opening {
        let admission = try await admit(user, to: company, from: client, at: now, repositories)
        return try await begin(
            for: user, in: company, method: method, provedAt: moment, admission, from: client, at: now, repositories)
    }

    private func place(_ company: UUID?, in repositories: Repositories) async throws -> Company? {
        guard let company else { return nil }
        guard let place = try await repositories.companies.find(company) else { throw AuthError.companySuspended }
        return place
    }

    /// What was read of somebody who may come in.
    private struct Admission {
        let grants: [Grant]
        let gate: AddressGate
        /// Since when they must have a second factor, who have none.
        let factorDueSince: Timestamp?
    }

    private func admit(
        _ user: User, to company: Company?, _ known: [Grant]? = nil, from client: Client, at now: Timestamp,
        _ repositories: Repositories
    ) async throws -> Admission {
        guard !user.hasEnded(at: now) else { throw AuthError.accessEnded }
        let grants: [Grant]
        if let known { grants = known } else { grants = try await repositories.grants.current(of: user.id, at: now) }
        let gate = gates.gate(of: user, grants, in: company?.id)
        guard gate.admits(client.address) else { throw AuthError.addressNotAllowed }
        let since = try await SecondFactorRule.since(of: user, grants, in: company, repositories)
        return Admission(grants: grants, gate: gate, factorDueSince: since)
    }

    private func begin(
        for user: User, in company: Company?, method: String, provedAt moment: Timestamp? = nil,
        _ admission: Admission, from client: Client, at now: Timestamp, _ repositories: Repositories
    ) async throws -> Opening {
        let surplus = try await repositories.sessions.surplus(
            ofUser: user.id, keeping: lockout.settings.maximumSessions - 1, at: now)
        for session in surplus {
            _ = try await repositories.sessions.end(session.id, because: .limit, at: now)
            try await audit.record(
                AuditEvent(
                    .sessionEnded, user: user.id, company: session.companyID, session: session.id,
                    facts: [JSON.Member("reason", .string(Session.EndReason.limit.rawValue))]),
                from: client, in: repositories)
        }
        let id = UUID(at: now, random: random)
        let expiry = Timestamp(seconds: (now + sessions.settings.refreshLifetime).seconds)
        let token = sessions.refreshTokens.first(for: id, expiresAt: expiry)
        var session = Session(
            id: id, userID: user.id, companyID: company?.id, secretDigest: token.digest,
            expiresAt: sessions.rotations.rowExpiry(for: expiry), methods: method,
            ip: client.address.description, userAgent: client.userAgent,
            device: DeviceParser.device(of: client.userAgent), at: now)
        if let moment { session.authenticatedAt = moment }
        try await repositories.sessions.insert(session)
        let subject = Subject(
            user: user, grants: admission.grants, company: company, session: session, gate: admission.gate,
            factorDueAt: admission.factorDueSince.map { $0 + sessions.subjects.grace })
        return Opening(subject: subject, token: token, ended: surplus.map(\.id))
    }
}
