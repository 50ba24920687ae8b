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
        if batch > 1, reserves.spend(key) { return }
        do {
            if batch > 1, try await count(batch, of: key, from: allowance) == .allowed {
                reserves.keep(batch - 1, for: key, lasting: .milliseconds(allowance.step * Int64(batch)))
                return
            }
            if case .wait(let time) = try await count(1, of: key, from: allowance) {
                throw AuthError.rateLimited(retryAfter: time)
            }
        } catch let error as KeyValueError {
            throw .unavailable(because: "rate limit: \(error)")
        } catch { throw .from(error) }
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
        case .register: settings.register
        case .refresh: settings.refresh
        case .check: settings.check
        case .standard: settings.standard
        }
    }
}

/// What this node has taken of large allowances and not spent yet.
private final class Reserves: Sendable {
    private struct Reserve {
        var count: Int
        let until: Timestamp
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

    /// Whether there was one.
    func spend(_ key: String) -> Bool {
        let now = clock.now
        return lock(of: key).shard.withLock { shard in
            guard let reserve = shard.held[key] else { return false }
            guard reserve.until > now, reserve.count > 0 else {
                shard.held[key] = nil
                return false
            }
            shard.held[key]?.count -= 1
            return true
        }
    }

    func keep(_ count: Int, for key: String, lasting time: Duration) {
        let now = clock.now
        lock(of: key).shard.withLock { shard in
            if shard.held.count >= shard.sweepAt {
                shard.held = shard.held.filter { $0.value.until > now }
                shard.sweepAt = max(1024, shard.held.count * 2)
            }
            shard.held[key] = Reserve(count: count, until: now + time)
        }
    }

    private func lock(of key: String) -> Lock { locks[key.hashValue & 15] }
}
