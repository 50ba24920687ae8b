import Credentials
import Ground
import JOSE
import KeyValue
import SQL
import Store
import Synchronization

/// The keys of the server: made when first needed, kept sealed in the store, replaced in time.
///
/// A signing key verifies until its last token has expired, and is published before it signs, so that no
/// verifier meets a key that it does not know.
public struct KeyService: Sendable {
    public struct Listed: Sendable {
        public let id: String
        public let algorithm: String
        public let activatesAt: Timestamp
        /// nil: the current one, or one that follows.
        public let verifiesUntil: Timestamp?
        public let signs: Bool
    }

    private static let signing = "signing"
    private static let channel = "keys.changed"
    private static let publishedAhead = Duration.seconds(86400)
    /// How long a verifier may keep the published key set.
    public static let cachedFor = Duration.seconds(300)

    private let store: DataStore
    private let vault: Vault
    private let settings: TokenSettings
    private let audit: Audit
    private let line: NodeLine
    private let secrets: ServerSecrets
    private let clock: Clock
    private let random: RandomSource

    public init(
        store: DataStore, vault: Vault, settings: TokenSettings, audit: Audit, keyValue: any KeyValue, clock: Clock,
        random: RandomSource
    ) {
        line = NodeLine(Self.channel, on: keyValue)
        secrets = ServerSecrets(store: store, vault: vault, clock: clock, random: random)
        self.store = store
        self.vault = vault
        self.settings = settings
        self.audit = audit
        self.clock = clock
        self.random = random
    }

    // MARK: Signing keys

    /// The ring as the store has it now; makes the first key where there is none.
    /// - Throws: `.unavailable`; `.unexpected` where `ENCRYPTION_KEY` does not open the keys.
    public func ring() async throws(AuthError) -> KeyRing {
        let (current, others) = try await load()
        return KeyRing(current: current, verifying: others)
    }

    /// Keeps a ring up to date with what other nodes and the command line do. Call it before the first request.
    public func follow(with ring: KeyRing) async throws {
        let keys = self
        try await line.open(hear: { _ in Task { try? await keys.refresh(ring) } }, catchUp: {
            do { try await keys.refresh(ring) } catch { return false }
            return true
        })
    }

    /// Brings a ring up to date with the store: keys that other nodes or the command line made.
    public func refresh(_ ring: KeyRing) async throws(AuthError) {
        let (current, others) = try await load()
        let known = Set(ring.keys.keys.map(\.key.id))
        guard ring.current.id != current.id || known != Set(others.map(\.key.id) + [current.id]) else { return }
        ring.replace(current: current, verifying: others)
    }

    /// Makes the next key when the current one nears its end, and removes those that are over.
    /// - Throws: `.unavailable` too when the lease was lost.
    public func maintain(holding lease: Lease, among leases: Leases) async throws(AuthError) {
        guard settings.jwtSecret == nil else { return }
        let keys = try await stored()
        if let fresh = try plan(for: keys) == nil ? nil : fresh() {
            let wasMade = try await leases.transaction(holding: lease) { repositories in
                // Another may have made it since.
                let keys = try await repositories.keys.all(for: Self.signing)
                guard let activation = plan(for: keys) else { return false }
                try await insert(fresh, activatesAt: activation, in: repositories)
                return true
            }
            if wasMade { await announce() }
        }
        let now = clock.now
        let over = keys.indices.dropLast().filter { verifiesUntil(keys, $0).map { $0 < now } ?? false }.map { keys[$0].id }
        guard !over.isEmpty else { return }
        try await leases.transaction(holding: lease) { for id in over { try await $0.keys.remove(id) } }
    }

    /// From when the next key is to sign; nil where none is needed yet.
    private func plan(for keys: [StoredKey]) -> Timestamp? {
        guard let newest = keys.last else { return nil }
        let end = newest.activatesAt + settings.keyRotation
        return end - Self.publishedAhead <= clock.now ? max(end, clock.now + Self.publishedAhead) : nil
    }

    /// Makes a key that signs as soon as every cached key set has it.
    /// - Parameter atOnce: signs from now on, for when the current key is known to others.
    /// - Returns: from when it signs.
    @discardableResult
    public func rotate(atOnce: Bool) async throws(AuthError) -> Timestamp {
        let activation = atOnce ? clock.now : clock.now + Self.cachedFor + Self.cachedFor
        let key = try fresh()
        do {
            try await store.transaction { try await insert(key, activatesAt: activation, in: $0) }
        } catch { throw .from(error) }
        await announce()
        return activation
    }

    public func list() async throws(AuthError) -> [Listed] {
        let keys = try await stored()
        let now = clock.now
        let current = keys.lastIndex { $0.activatesAt <= now }
        return keys.indices.map { index in
            Listed(
                id: keys[index].id, algorithm: keys[index].algorithm, activatesAt: keys[index].activatesAt,
                verifiesUntil: verifiesUntil(keys, index), signs: index == current)
        }
    }

    private func load() async throws(AuthError) -> (SigningKey, [TrustedKey]) {
        if let secret = settings.jwtSecret {
            do { return (try SigningKey(restoring: Array(secret.utf8), algorithm: .hs256), []) } catch {
                throw .unexpected(because: "JWT_SECRET: \(error)")
            }
        }
        var keys = try await stored()
        if keys.isEmpty {
            try await makeFirst()
            keys = try await stored()
        }
        let now = clock.now
        guard let current = keys.lastIndex(where: { $0.activatesAt <= now }) else {
            throw .unexpected(because: "no signing key is active")
        }
        var others: [TrustedKey] = []
        for index in keys.indices where index != current {
            others.append(TrustedKey(try open(keys[index]).verificationKey, until: verifiesUntil(keys, index)))
        }
        return (try open(keys[current]), others)
    }

    /// A key's last token was made just before its successor became active.
    private func verifiesUntil(_ keys: [StoredKey], _ index: Int) -> Timestamp? {
        guard index + 1 < keys.count else { return nil }
        return keys[index + 1].activatesAt + settings.accessLifetime + settings.clockSkew + .seconds(60)
    }

    private func stored() async throws(AuthError) -> [StoredKey] {
        do { return try await store.reading.keys.all(for: Self.signing) } catch { throw .from(error) }
    }

    /// The key is there; a node that does not hear of it now finds it within a minute.
    private func announce() async { try? await line.tell([]) }

    /// One, however many nodes start at once.
    private func makeFirst() async throws(AuthError) {
        let key = try fresh()
        do {
            try await store.transaction { repositories in
                guard try await repositories.keys.all(for: Self.signing).isEmpty else { return }
                try await insert(key, activatesAt: clock.now, in: repositories)
            }
        } catch { throw .from(error) }
    }

    private func fresh() throws(AuthError) -> SigningKey {
        let algorithm = SignatureAlgorithm(rawValue: settings.algorithm.rawValue) ?? .edDSA
        do { return try SigningKey.generate(algorithm, random: random) } catch { throw .from(error) }
    }

    private func insert(_ key: SigningKey, activatesAt: Timestamp, in repositories: Repositories) async throws {
        let row = StoredKey(
            id: key.id, purpose: Self.signing, algorithm: key.algorithm.rawValue,
            sealed: try vault.seal(key.privateBytes, purpose: "key:\(key.id)"), createdAt: clock.now,
            activatesAt: activatesAt)
        try await repositories.keys.insert(row)
        let facts = [JSON.Member("key_id", .string(row.id))]
        try await audit.record(AuditEvent(.keyRotated, facts: facts), from: nil, in: repositories)
    }

    private func open(_ key: StoredKey) throws(AuthError) -> SigningKey {
        guard let algorithm = SignatureAlgorithm(rawValue: key.algorithm) else {
            throw .unexpected(because: "key \(key.id) has algorithm \(key.algorithm)")
        }
        do {
            let bytes = try vault.open(key.sealed, purpose: "key:\(key.id)")
            return try SigningKey(restoring: bytes, algorithm: algorithm)
        } catch {
            throw .unexpected(because: "ENCRYPTION_KEY does not open key \(key.id)")
        }
    }

    /// A secret of 32 bytes for one purpose, made on first use and the same for every node.
    public func secret(for purpose: String) async throws(AuthError) -> [UInt8] { try await secrets.secret(for: purpose) }
}

/// Secrets of the server: made when first needed, kept sealed in the store, never replaced.
struct ServerSecrets: Sendable {
    let store: DataStore
    let vault: Vault
    let clock: Clock
    let random: RandomSource

    /// 32 bytes for one purpose, the same for every node.
    func secret(for purpose: String) async throws(AuthError) -> [UInt8] {
        do {
            return try await findOrMakeSecret(for: purpose)
        } catch DatabaseError.duplicate {
            // Another node that starts now was faster.
            do { return try await findOrMakeSecret(for: purpose) } catch { throw .from(error) }
        } catch { throw .from(error) }
    }

    private func findOrMakeSecret(for purpose: String) async throws -> [UInt8] {
        do {
            let fresh = random.bytes(32)
            let sealed = try vault.seal(fresh, purpose: "secret:\(purpose)")
            let now = clock.now
            let row = try await store.transaction { repositories in
                if let held = try await repositories.keys.all(for: purpose).last { return held }
                let row = StoredKey(
                    id: "secret:\(purpose)", purpose: purpose, algorithm: "HMAC", sealed: sealed, createdAt: now,
                    activatesAt: now)
                try await repositories.keys.insert(row)
                return row
            }
            return try vault.open(row.sealed, purpose: "secret:\(purpose)")
        } catch is VaultError {
            throw AuthError.unexpected(because: "ENCRYPTION_KEY does not open the secret for \(purpose)")
        }
    }
}
