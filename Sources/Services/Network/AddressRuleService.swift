import Countries
import Ground
import Store

/// What a change of a list does to whoever makes it.
public struct AddressRuleOutcome: Sendable {
    public let rule: AddressRule
    public let isDryRun: Bool
    public let address: IPAddress
    /// Whether the caller could go on from where they are.
    public let admitsCaller: Bool
}

/// The rules of address lists, of persons and of roles.
public struct AddressRuleService: Sendable {
    let store: DataStore
    let sessions: SessionService
    let roles: RoleService
    let reach: Reach
    let gates: AddressGates
    let audit: Audit
    let clock: Clock

    /// How a list is changed.
    public struct Change: Sendable {
        public let rule: AddressRule
        /// Only tells what would happen.
        public let isDryRun: Bool
        /// Whether the caller may shut themselves out.
        public let isForced: Bool

        public init(rule: AddressRule, isDryRun: Bool, isForced: Bool) {
            self.rule = rule
            self.isDryRun = isDryRun
            self.isForced = isForced
        }
    }

    /// Thrown to undo what was only tried.
    private struct Tried: Error { let outcome: AddressRuleOutcome }

    /// Sets the list of a person. It holds from the next request on.
    /// - Throws: `.forbidden`, `.notFound`, `.invalid`, `.wouldShutYouOut`.
    public func set(_ change: Change, ofUser id: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError) -> AddressRuleOutcome
    {
        try check(change.rule)
        let now = clock.now
        let outcome = try await trying { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            try await reach.demand("users:update", over: id, by: authority, in: repositories)
            guard try await repositories.users.setRule(of: id, to: change.rule, at: now) else { throw AuthError.notFound }
            try await audit.record(
                .addressListChanged, about: id, by: token, Self.facts(change.rule), from: client, in: repositories)
            return try await self.outcome(of: change, for: token, from: client, in: repositories)
        }
        if !change.isDryRun { try await sessions.subjects.changed(user: id) }
        return outcome
    }

    /// Sets the list of a role. It holds for everybody who has the role, from the next request on.
    /// - Throws: `.forbidden`, `.notFound`, `.invalid`, `.wouldShutYouOut`.
    public func set(_ change: Change, ofRole id: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError) -> AddressRuleOutcome
    {
        try check(change.rule)
        let outcome = try await trying { repositories in
            try await roles.setRule(change.rule, of: id, by: token, from: client, in: repositories)
            return try await self.outcome(of: change, for: token, from: client, in: repositories)
        }
        if !change.isDryRun { try await sessions.subjects.manyChanged() }
        return outcome
    }

    /// Switches the list of the person with that address off, for who has shut themselves out and holds the machine.
    /// - Throws: `.notFound`.
    public func switchOff(ofUser emailKey: String) async throws(AuthError) {
        let now = clock.now
        let id: UUID
        do {
            id = try await store.transaction { repositories in
                guard let user = try await repositories.users.find(emailKey: emailKey) else { throw AuthError.notFound }
                var rule = user.rule
                rule.isEnabled = false
                _ = try await repositories.users.setRule(of: user.id, to: rule, at: now)
                try await audit.record(
                    .addressListChanged, about: user.id, by: nil, Self.facts(rule), from: nil, in: repositories)
                return user.id
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: id)
    }

    /// Switches the list of a role off, in the same way.
    /// - Throws: `.notFound`.
    public func switchOff(ofRole name: String) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                guard var role = try await repositories.roles.find(named: name) else { throw AuthError.notFound }
                role.rule.isEnabled = false
                role.updatedAt = now
                try await repositories.roles.update(role)
                let facts = Self.facts(role.rule) + [.init("role", .string(role.name))]
                try await audit.record(AuditEvent(.addressListChanged, facts: facts), from: nil, in: repositories)
            }
        } catch { throw .from(error) }
        try await sessions.subjects.manyChanged()
    }

    private func check(_ rule: AddressRule) throws(AuthError) {
        if rule.isEnabled, rule.addresses.isEmpty, rule.countries.isEmpty {
            throw Self.refusal("allowed_ips", "empty_list", "A list that is switched on needs an address or a country.")
        }
        if !rule.countries.isEmpty, !gates.knowsCountries {
            throw Self.refusal("allowed_countries", "countries_unknown", "The server has no database of countries.")
        }
    }

    private static func refusal(_ field: String, _ code: String, _ message: String) -> AuthError {
        .invalid([FieldFault(field: field, code: code, message: message)])
    }

    /// Runs a change, and takes it back where it was only to be tried.
    private func trying(_ body: @escaping @Sendable (Repositories) async throws -> AddressRuleOutcome)
        async throws(AuthError) -> AddressRuleOutcome
    {
        do {
            return try await store.transaction { repositories in
                let outcome = try await body(repositories)
                if outcome.isDryRun { throw Tried(outcome: outcome) }
                return outcome
            }
        } catch let tried as Tried { return tried.outcome } catch { throw .from(error) }
    }

    private func outcome(of change: Change, for token: AccessToken, from client: Client, in repositories: Repositories)
        async throws -> AddressRuleOutcome
    {
        guard let session = try await repositories.sessions.find(token.sessionID) else { throw AuthError.sessionEnded }
        let gate = try await sessions.subjects.load(session, in: repositories).gate
        let admits = gate.admits(client.address)
        guard admits || change.isDryRun || change.isForced else { throw AuthError.wouldShutYouOut }
        return AddressRuleOutcome(
            rule: change.rule, isDryRun: change.isDryRun, address: client.address, admitsCaller: admits)
    }

    static func facts(_ rule: AddressRule) -> [JSON.Member] {
        [
            .init("enabled", .bool(rule.isEnabled)), .init("addresses", .array(rule.addresses.map { .string($0) })),
            .init("countries", .array(rule.countries.map { .string($0) })),
        ]
    }
}

/// Makes gates, with what the server knows of countries.
struct AddressGates: Sendable {
    /// nil: nothing.
    let countries: CountryFile?

    var knowsCountries: Bool { countries != nil }

    func gate(of user: User, _ grants: [Grant], in company: UUID?) -> AddressGate {
        AddressGate(user: user, grants: grants, in: company) { [countries] in countries?.country(of: $0) }
    }
}
