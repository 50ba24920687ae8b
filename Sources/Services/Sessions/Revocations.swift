import Ground
import KeyValue
import Store
import Synchronization

/// The denylist: sessions that ended while an access token of theirs may still be in the world.
///
/// Every node holds all of them in memory, so that each request is checked without a look into the store.
/// Blocking a person, suspending a company or deleting either ends their sessions, and so comes here too.
public final class Revocations: Sendable {
    private struct Held {
        var ended: [UUID: Timestamp] = [:]
        var sweepAt = 4096
    }

    private static let channel = "sessions.ended"

    private let held = Mutex(Held())
    private let store: DataStore
    private let keyValue: any KeyValue
    private let memory: Duration
    private let clock: Clock
    private let whenEnded: @Sendable (UUID) -> Void

    /// - Parameters:
    ///   - memory: the life of an access token, clock skew included.
    ///   - whenEnded: told of every session that ends, on whichever node.
    public init(
        store: DataStore, keyValue: any KeyValue, memory: Duration, clock: Clock,
        whenEnded: @escaping @Sendable (UUID) -> Void
    ) {
        self.store = store
        self.keyValue = keyValue
        self.memory = memory
        self.clock = clock
        self.whenEnded = whenEnded
    }

    /// Learns what ended of late, and listens for what ends from now on. Call it before the first request.
    public func start() async throws {
        _ = try await keyValue.subscribe(Self.channel) { [weak self] heard in
            if case .message(let message) = heard { self?.hear(message) }
        }
        let now = clock.now
        for (id, at) in try await store.reading.sessions.ended(since: now - memory) { add([id], at: at) }
    }

    /// Whether the session has ended. True from the moment when its end was answered.
    public func contains(_ session: UUID) -> Bool { held.withLock { $0.ended[session] != nil } }

    /// Makes the end of sessions known to this node at once, and to the others. Call it after the commit.
    /// - Throws: `.unavailable` when the other nodes could not be told.
    func add(_ sessions: [UUID]) async throws(AuthError) {
        guard !sessions.isEmpty else { return }
        add(sessions, at: clock.now)
        do {
            try await keyValue.publish(Self.channel, sessions.flatMap(\.bytes))
        } catch { throw .unavailable(because: "publish: \(error)") }
    }

    private func hear(_ message: [UInt8]) {
        let ids = stride(from: 0, to: message.count - message.count % 16, by: 16)
            .compactMap { UUID(bytes: message[$0..<$0 + 16]) }
        add(ids, at: clock.now)
    }

    private func add(_ sessions: [UUID], at moment: Timestamp) {
        held.withLock { held in
            for id in sessions { held.ended[id] = moment }
            guard held.ended.count >= held.sweepAt else { return }
            let oldest = clock.now - memory
            held.ended = held.ended.filter { $0.value >= oldest }
            held.sweepAt = max(4096, held.ended.count * 2)
        }
        for id in sessions { whenEnded(id) }
    }
}
