import Credentials
import Ground
import Store

/// What is changed of a service account; nil leaves it as it is.
public struct ServiceAccountChange: Sendable {
    public var name: String?
    public var description: String?
    public var isEnabled: Bool?

    public init(name: String? = nil, description: String? = nil, isEnabled: Bool? = nil) {
        self.name = name
        self.description = description
        self.isEnabled = isEnabled
    }
}

/// A program that has shown its key.
public struct ServiceCaller: Sendable {
    public let account: ServiceAccount
    public let key: UUID
    /// What the scopes of the key permit, in the company of the account or everywhere.
    public let authority: Authority
}

/// Service accounts: programs with keys of their own. Nobody gives a key a scope that they do not have themselves.
public struct ServiceAccountService: Sendable {
    public static let prefix = "ghk_"
    /// Keys that one account may have, those that are over counted.
    static let mostKeys = 50
    /// How exactly the last use of a key is known: a write for each would cost more than the use.
    static let usePrecision = Duration.seconds(60)

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Accounts

    /// One page of accounts that the caller sees, the oldest first.
    /// - Throws: `.forbidden`.
    public func list(after: UUID?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<ServiceAccount, UUID>
    {
        let scope = try await sessions.demand("service_accounts:read", of: token)
        do {
            return try await Page(of: limit, endingAt: \.id) {
                try await store.reading.serviceAccounts.page(after: after, within: scope.company, limit: $0)
            }
        } catch { throw .from(error) }
    }

    /// An account with its keys.
    /// - Throws: `.forbidden`, `.notFound`.
    public func find(_ id: UUID, by token: AccessToken) async throws(AuthError) -> (account: ServiceAccount, keys: [APIKey]) {
        let scope = try await sessions.demand("service_accounts:read", of: token)
        do {
            guard let account = try await store.reading.serviceAccounts.find(id, within: scope.company) else {
                throw AuthError.notFound
            }
            return (account, try await store.reading.serviceAccounts.keys(of: id))
        } catch { throw .from(error) }
    }

    /// - Parameter company: nil: for everybody, or for the caller's company where the caller stands in one.
    /// - Throws: `.forbidden`, `.notFound`.
    public func create(name: String, description: String, company: UUID?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> ServiceAccount
    {
        let now = clock.now
        let id = UUID(at: now, random: random)
        do {
            return try await store.transaction { repositories in
                let scope = try await reach.demand("service_accounts:manage", of: token, in: repositories)
                let account = ServiceAccount(
                    id: id, name: name, description: description, company: try scope.narrowed(to: company),
                    createdBy: token.userID, at: now)
                if let company = account.company {
                    guard try await repositories.companies.find(company) != nil else { throw AuthError.notFound }
                }
                try await repositories.serviceAccounts.insert(account)
                try await record(.serviceAccountCreated, account, [], by: token, from: client, in: repositories)
                return account
            }
        } catch { throw .from(error) }
    }

    /// A disabled account's keys open nothing from the next request on.
    /// - Throws: `.forbidden`, `.notFound`.
    public func update(_ id: UUID, _ change: ServiceAccountChange, by token: AccessToken, from client: Client)
        async throws(AuthError) -> ServiceAccount
    {
        try await changing(id, by: token) { account, _, repositories in
            account.name = change.name ?? account.name
            account.description = change.description ?? account.description
            account.isEnabled = change.isEnabled ?? account.isEnabled
            account.updatedAt = clock.now
            try await repositories.serviceAccounts.update(account)
            let facts = [JSON.Member("enabled", .bool(account.isEnabled))]
            try await record(.serviceAccountUpdated, account, facts, by: token, from: client, in: repositories)
        }
    }

    /// Deletes an account with its keys.
    /// - Throws: `.forbidden`, `.notFound`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        _ = try await changing(id, by: token) { account, _, repositories in
            try await repositories.serviceAccounts.delete(id)
            try await record(.serviceAccountDeleted, account, [], by: token, from: client, in: repositories)
        }
    }

    // MARK: Keys

    /// - Returns: the key, and its text, which is shown once.
    /// - Throws: `.forbidden` with a scope that the caller has not, `.notFound`, `.tooMany`, `.invalid`.
    public func createKey(
        of id: UUID, name: String, scopes: [Permission], expiresAt: Timestamp?, by token: AccessToken, from client: Client
    ) async throws(AuthError) -> (key: APIKey, text: String) {
        let now = clock.now
        if let expiresAt, expiresAt <= now {
            throw .invalid([FieldFault(field: "expires_at", code: "in_the_past", message: "This must be in the future.")])
        }
        let secret = random.bytes(32)
        let key = APIKey(
            id: UUID(at: now, random: random), account: id, name: name, secretDigest: Digest.sha256(secret),
            scopes: Set(scopes.map(\.description)).sorted(), createdBy: token.userID, at: now, expiresAt: expiresAt)
        _ = try await changing(id, by: token) { account, authority, repositories in
            if let missing = authority.firstMissing(of: key.scopes, in: account.company) {
                throw AuthError.forbidden(permission: missing)
            }
            guard try await repositories.serviceAccounts.keys(of: id).count < Self.mostKeys else { throw AuthError.tooMany }
            try await repositories.serviceAccounts.insert(key)
            let facts: [JSON.Member] = [
                .init("key_id", JSON(key.id)), .init("scopes", .array(key.scopes.map { .string($0) })),
                .init("expires_at", JSON(expiresAt)),
            ]
            try await record(.apiKeyCreated, account, facts, by: token, from: client, in: repositories)
        }
        return (key, Self.prefix + Base64URL.encode(key.id.bytes + secret))
    }

    /// - Throws: `.forbidden`, `.notFound`.
    public func revoke(key: UUID, of id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        _ = try await changing(id, by: token) { account, _, repositories in
            guard try await repositories.serviceAccounts.revoke(key: key, of: id, at: clock.now) else {
                throw AuthError.notFound
            }
            try await record(
                .apiKeyRevoked, account, [.init("key_id", JSON(key))], by: token, from: client, in: repositories)
        }
    }

    private func changing(
        _ id: UUID, by token: AccessToken,
        _ body: @escaping @Sendable (inout ServiceAccount, Authority, Repositories) async throws -> Void
    ) async throws(AuthError) -> ServiceAccount {
        do {
            return try await store.transaction { repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                let scope = try authority.demand("service_accounts:manage")
                guard var account = try await repositories.serviceAccounts.find(id, within: scope.company) else {
                    throw AuthError.notFound
                }
                try await body(&account, authority, repositories)
                return account
            }
        } catch { throw .from(error) }
    }

    // MARK: Coming with a key

    /// The program whose key this is.
    /// - Throws: `.tokenInvalid` for what is no key of ours, or one that was revoked or whose account is disabled;
    ///   `.tokenExpired`.
    public func identify(_ bytes: [UInt8]) async throws(AuthError) -> ServiceCaller {
        let now = clock.now
        guard bytes.starts(with: Self.prefix.utf8),
            let bytes = Base64URL.decode(bytes.dropFirst(Self.prefix.utf8.count)), bytes.count == 48,
            let id = UUID(bytes: Array(bytes.prefix(16)))
        else { throw .tokenInvalid }
        do {
            guard let key = try await store.reading.serviceAccounts.findKey(id),
                Digest.equal(Digest.sha256(Array(bytes.suffix(32))), key.secretDigest), key.revokedAt == nil,
                let account = try await store.reading.serviceAccounts.find(key.account, within: nil), account.isEnabled,
                try await isCompanyActive(account)
            else { throw AuthError.tokenInvalid }
            guard key.isUsable(at: now) else { throw AuthError.tokenExpired }
            if key.lastUsedAt.map({ now - $0 >= Self.usePrecision }) ?? true {
                try await store.writing.serviceAccounts.touch(key: id, at: now)
            }
            let scopes = PermissionSet(key.scopes)
            let authority = Authority(
                user: account.id, everywhere: account.company == nil ? scopes : PermissionSet([]),
                here: account.company == nil ? PermissionSet([]) : scopes, company: account.company)
            return ServiceCaller(account: account, key: id, authority: authority)
        } catch { throw .from(error) }
    }

    private func isCompanyActive(_ account: ServiceAccount) async throws -> Bool {
        guard let company = account.company else { return true }
        return try await store.reading.companies.find(company)?.status == .active
    }

    private func record(
        _ kind: AuditEvent.Kind, _ account: ServiceAccount, _ facts: [JSON.Member], by token: AccessToken, from client: Client,
        in repositories: Repositories
    ) async throws {
        let facts = [.init("service_account_id", JSON(account.id)), .init("name", .string(account.name))] + facts
        try await audit.record(
            AuditEvent(kind, actor: token.userID, company: account.company, session: token.sessionID, facts: facts),
            from: client, in: repositories)
    }
}
