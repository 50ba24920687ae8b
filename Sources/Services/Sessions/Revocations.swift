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
    /// Fits into one notification of PostgreSQL.
    private static let sessionsPerMessage = 256
    /// How far the clocks of nodes, and a commit and its telling, may be apart.
    private static let margin = Duration.seconds(60)

    private let held = Mutex(Held())
    private let store: DataStore
    private let line: NodeLine
    private let memory: Duration
    private let clock: Clock
    private let whenEnded: @Sendable (UUID) -> Void

    /// - Parameters:
    ///   - memory: the life of an access token, clock skew included.
    ///   - whenEnded: told of every session that ends, on whichever node.
    public init(
        store: DataStore, keyValue: any KeyValue, memory: Duration, clock: Clock, log: Log,
        whenEnded: @escaping @Sendable (UUID) -> Void
    ) {
        self.store = store
        line = NodeLine(Self.channel, on: keyValue, log: log)
        self.memory = memory
        self.clock = clock
        self.whenEnded = whenEnded
    }

    /// Learns what ended of late, and listens for what ends from now on. Call it before the first request.
    /// - Throws: `.unavailable`.
    public func start() async throws {
        try await line.open(hear: { [weak self] in self?.hear($0) }, catchUp: { [weak self] in
            do { try await self?.learn(since: nil) } catch { return false }
            return true
        })
    }

    /// Asks the store for what ended in the last seconds: what a node committed and could not tell any more.
    func catchUp(last seconds: Duration) async throws(AuthError) {
        do { try await learn(since: clock.now - seconds - Self.margin) } catch { throw .from(error) }
    }

    private func learn(since moment: Timestamp?) async throws {
        let moment = moment ?? clock.now - memory
        for (id, at) in try await store.reading.sessions.ended(since: moment) where !contains(id) { add([id], at: at) }
    }

    /// Whether everything is heard that other nodes end.
    var hearsOthers: Bool { line.isOpen }

    /// - Throws: `.sessionEnded`; `.unavailable` when the line to the other nodes is cut and the store cannot be
    ///   asked either.
    func check(_ session: UUID) async throws(AuthError) {
        if contains(session) { throw .sessionEnded }
        if !line.isOpen { try await ask(session) }
    }

    private func ask(_ session: UUID) async throws(AuthError) {
        let endedAt: Timestamp?
        do {
            guard let found = try await store.reading.sessions.find(session) else { throw AuthError.sessionEnded }
            endedAt = found.endedAt
        } catch { throw .from(error) }
        guard let endedAt else { return }
        add([session], at: endedAt)
        throw .sessionEnded
    }

    /// Whether the session has ended. True from the moment when its end was answered.
    public func contains(_ session: UUID) -> Bool { held.withLock { $0.ended[session] != nil } }

    /// Makes the end of sessions known to this node at once, and to the others. Call it after the commit.
    /// - Throws: `.unavailable` when the other nodes could not be told.
    func add(_ sessions: [UUID]) async throws(AuthError) {
        guard !sessions.isEmpty else { return }
        add(sessions, at: clock.now)
        for start in stride(from: 0, to: sessions.count, by: Self.sessionsPerMessage) {
            let part = sessions[start..<min(start + Self.sessionsPerMessage, sessions.count)]
            try await line.tell(part.flatMap(\.bytes))
        }
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
