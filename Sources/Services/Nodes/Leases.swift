import Ground
import Store

/// A lease that this node had when it asked.
public struct Lease: Sendable, Hashable {
    public let name: String
    let owner: String
    let fence: Int64
}

/// Work that one node at a time must do: who holds the lease does it. Where doing it twice would do harm, it is
/// proved in each transaction that the lease is still held, so that a node that slept through it changes nothing
/// when it wakes.
public struct Leases: Sendable {
    private let store: DataStore
    private let owner: String
    private let time: Duration
    private let clock: Clock

    /// - Parameters:
    ///   - owner: names this node and no other.
    ///   - time: how long a holder may be silent.
    public init(store: DataStore, owner: String, time: Duration, clock: Clock) {
        self.store = store
        self.owner = owner
        self.time = time
        self.clock = clock
    }

    /// Takes the lease where nobody holds it, or holds it for longer.
    /// - Returns: nil while another node has it.
    public func take(_ name: String) async throws(AuthError) -> Lease? {
        let now = clock.now
        do {
            let fence = try await store.writing.leases.take(name, for: owner, until: now + time, at: now)
            return fence.map { Lease(name: name, owner: owner, fence: $0) }
        } catch { throw .from(error) }
    }

    /// Lets another node have it at once.
    public func release(_ lease: Lease) async throws(AuthError) {
        do { try await store.writing.leases.release(lease.name, owner: lease.owner) } catch { throw .from(error) }
    }

    /// Runs `body` as a transaction that counts only while the lease is held.
    /// - Throws: `.unavailable` when it was lost; nothing has changed then.
    public func transaction<T: Sendable>(
        holding lease: Lease, _ body: @escaping @Sendable (Repositories) async throws -> T
    ) async throws(AuthError) -> T {
        do {
            return try await store.transaction { repositories in
                guard try await repositories.leases.holds(lease.name, owner: lease.owner, fence: lease.fence) else {
                    throw AuthError.unavailable(because: "lease \(lease.name) was lost")
                }
                return try await body(repositories)
            }
        } catch { throw .from(error) }
    }
}
