import Ground
import KeyValue
import Synchronization

/// How much each client may ask for.
///
/// A class, as every request reaches for it: a copy of what it holds would cost more than what it does.
public final class RateLimiter: Sendable {
    /// What is limited together.
    public enum Class: String, Sendable, CaseIterable {
        case signIn = "sign_in"
        case passkeyOptions = "passkey_options"
        case register, refresh, check
        case standard = "default"
    }

    /// Whose allowance it is.
    public enum Holder: Sendable {
        case address(IPAddress)
        case session(UUID)
        /// An account, under its e-mail or whatever else names it.
        case account(String)

        var key: String {
            switch self {
            case .address(let address): "a\(address.subscriber)"
            case .session(let id): "s\(id)"
            case .account(let name): "u\(name)"
            }
        }
    }

    private let store: any KeyValue
    /// Counts while the store cannot: each node by itself, which is less strict and never open.
    private let ownCounts: MemoryKeyValue
    private let settings: LimitSettings
    private let reserves: Reserves

    public init(store: any KeyValue, settings: LimitSettings, clock: Clock) {
        self.store = store
        ownCounts = MemoryKeyValue(clock: clock, maximumEntries: 100_000)
        self.settings = settings
        reserves = Reserves(clock: clock)
    }

    /// Takes one from what the holder may have, on all nodes together.
    ///
    /// Of a large allowance a node takes several at once and spends them by itself, so that not every request asks
    /// the store; what it has not spent by the time they would have come back is lost.
    ///
    /// - Throws: `.rateLimited`; `.unavailable` when nobody can count.
    public func take(_ limit: Class, for holder: Holder) async throws(AuthError) {
        guard let allowance = allowance(limit) else { return }
        let key = "limit:\(limit.rawValue):\(holder.key)"
        let batch = max(1, allowance.count / Self.batchesPerAllowance)
        do {
            if batch > 1 {
                switch reserves.spend(key) {
                case .spent: return
                case .fetch:
                    if try await fetch(batch, for: key, from: allowance) { return }
                case .busy: break
                }
            }
            if case .wait(let time) = try await count(1, of: key, from: allowance) {
                throw AuthError.rateLimited(retryAfter: time)
            }
        } catch let error as KeyValueError {
            throw .unavailable(because: "rate limit: \(error)")
        } catch { throw .from(error) }
    }

    /// - Returns: whether there were so many; one of them is spent.
    private func fetch(_ batch: Int, for key: String, from allowance: Allowance) async throws(KeyValueError) -> Bool {
        var kept = 0
        defer { reserves.keep(kept, for: key, lasting: .milliseconds(allowance.step * Int64(batch))) }
        guard try await count(batch, of: key, from: allowance) == .allowed else { return false }
        kept = batch - 1
        return true
    }

    private func count(_ number: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        do { return try await store.take(number, of: key, from: allowance) } catch {
            guard case .unavailable = error else { throw error }
            return try await ownCounts.take(number, of: key, from: allowance)
        }
    }

    private static let batchesPerAllowance = 20

    public func allowance(_ limit: Class) -> Allowance? {
        switch limit {
        case .signIn: settings.signIn
        case .passkeyOptions: settings.passkeyOptions
        case .register: settings.register
        case .refresh: settings.refresh
        case .check: settings.check
        case .standard: settings.standard
        }
    }
}

/// What this node has taken of large allowances and not spent yet.
private final class Reserves: Sendable {
    enum Turn {
        case spent
        /// There is none, and the caller is to fetch some and to `keep` what came of it.
        case fetch
        /// Another caller is fetching; so many at once would take the whole allowance, and lose most of it.
        case busy
    }

    private struct Reserve {
        var count: Int
        var until: Timestamp
        var isFetching = false
    }

    private struct Shard {
        var held: [String: Reserve] = [:]
        var sweepAt = 1024
    }

    private final class Lock: Sendable {
        let shard = Mutex(Shard())
    }

    private let locks = (0..<16).map { _ in Lock() }
    private let clock: Clock

    init(clock: Clock) { self.clock = clock }

    func spend(_ key: String) -> Turn {
        let now = clock.now
        return lock(of: key).shard.withLock { shard in
            var reserve = shard.held[key] ?? Reserve(count: 0, until: now)
            if reserve.isFetching { return .busy }
            let hasOne = reserve.count > 0 && reserve.until > now
            if hasOne { reserve.count -= 1 } else { reserve.isFetching = true }
            shard.held[key] = reserve
            return hasOne ? .spent : .fetch
        }
    }

    func keep(_ count: Int, for key: String, lasting time: Duration) {
        let now = clock.now
        lock(of: key).shard.withLock { shard in
            if shard.held.count >= shard.sweepAt {
                shard.held = shard.held.filter { $0.value.until > now || $0.value.isFetching }
                shard.sweepAt = max(1024, shard.held.count * 2)
            }
            shard.held[key] = Reserve(count: count, until: now + time)
        }
    }

    private func lock(of key: String) -> Lock { locks[key.hashValue & 15] }
}
