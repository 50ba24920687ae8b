import Credentials
import Ground
import JOSE
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
    private static let publishedAhead = Duration.seconds(86400)
    /// How long a verifier may keep the published key set.
    public static let cachedFor = Duration.seconds(300)

    private let store: DataStore
    private let vault: Vault
    private let settings: TokenSettings
    private let audit: Audit
    private let clock: Clock
    private let random: RandomSource

    public init(
        store: DataStore, vault: Vault, settings: TokenSettings, audit: Audit, clock: Clock, random: RandomSource
    ) {
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

    /// Brings a ring up to date with the store: keys that other nodes or the command line made.
    public func refresh(_ ring: KeyRing) async throws(AuthError) {
        let (current, others) = try await load()
        let known = Set(ring.keys.keys.map(\.key.id))
        guard ring.current.id != current.id || known != Set(others.map(\.key.id) + [current.id]) else { return }
        ring.replace(current: current, verifying: others)
    }

    /// Makes the next key when the current one nears its end, and removes those that are over.
    public func maintain() async throws(AuthError) {
        guard settings.jwtSecret == nil else { return }
        let now = clock.now
        let keys = try await stored()
        if let newest = keys.last, newest.activatesAt + settings.keyRotation - Self.publishedAhead <= now {
            let activation = max(newest.activatesAt + settings.keyRotation, now + Self.publishedAhead)
            try await make(activatesAt: activation)
        }
        let over = keys.indices.dropLast().filter { verifiesUntil(keys, $0).map { $0 < now } ?? false }.map { keys[$0].id }
        guard !over.isEmpty else { return }
        do {
            try await store.transaction { for id in over { try await $0.keys.remove(id) } }
        } catch { throw .from(error) }
    }

    /// Makes a key that signs as soon as every cached key set has it.
    /// - Parameter atOnce: signs from now on, for when the current key is known to others.
    /// - Returns: from when it signs.
    @discardableResult
    public func rotate(atOnce: Bool) async throws(AuthError) -> Timestamp {
        let activation = atOnce ? clock.now : clock.now + Self.cachedFor + Self.cachedFor
        try await make(activatesAt: activation)
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
            try await make(activatesAt: clock.now)
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

    private func make(activatesAt: Timestamp) async throws(AuthError) {
        let algorithm = SignatureAlgorithm(rawValue: settings.algorithm.rawValue) ?? .edDSA
        do {
            let key = try SigningKey.generate(algorithm, random: random)
            let row = StoredKey(
                id: key.id, purpose: Self.signing, algorithm: algorithm.rawValue,
                sealed: try vault.seal(key.privateBytes, purpose: "key:\(key.id)"), createdAt: clock.now,
                activatesAt: activatesAt)
            try await store.transaction { [audit] repositories in
                try await repositories.keys.insert(row)
                let facts = [JSON.Member("key_id", .string(row.id))]
                try await audit.record(AuditEvent(.keyRotated, facts: facts), from: nil, in: repositories)
            }
        } catch { throw .from(error) }
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

    // MARK: Secrets

    /// A secret of 32 bytes for one purpose, made on first use and the same for every node.
    public func secret(for purpose: String) async throws(AuthError) -> [UInt8] {
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
            throw .unexpected(because: "ENCRYPTION_KEY does not open the secret for \(purpose)")
        } catch { throw .from(error) }
    }
}
