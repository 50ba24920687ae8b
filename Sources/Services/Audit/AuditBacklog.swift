import Ground
import Store
import Synchronization

/// Audit rows of what changes nothing in the database, gathered and written a few at a time.
///
/// A row waits half a second at most; a node that is killed loses what waits. For the refreshes of a token store that
/// is not the database, and nothing else: what changes the database is recorded in the same transaction.
final class AuditBacklog: Sendable {
    private struct State {
        var rows: [AuditRow] = []
        /// A task sees to what waits.
        var isWriting = false
        /// Taken and not in the database yet.
        var isUnderWay = false
    }

    private static let most = 100_000
    private static let pause = Duration.milliseconds(500)

    private let state = Mutex(State())
    private let store: DataStore
    private let audit: Audit
    private let log: Log

    init(store: DataStore, audit: Audit, log: Log) {
        self.store = store
        self.audit = audit
        self.log = log
    }

    /// To be called before doing what will be recorded.
    /// - Throws: `.unavailable` when so much waits already that nothing more should happen.
    func demandRoom() throws(AuthError) {
        guard state.withLock({ $0.rows.count < Self.most }) else {
            throw .unavailable(because: "the audit log cannot be written")
        }
    }

    func add(_ row: AuditRow) {
        let starts = state.withLock { state in
            state.rows.append(row)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if starts { Task { await self.writeLater() } }
    }

    /// Writes what waits, and tries for a few seconds where the database is away.
    func stop() async {
        for _ in 0..<6 {
            await write()
            guard state.withLock({ !$0.rows.isEmpty || $0.isUnderWay }) else { return }
            do { try await Task.sleep(for: Self.pause) } catch { return }
        }
    }

    private func writeLater() async {
        repeat {
            do { try await Task.sleep(for: Self.pause) } catch { return }
            await write()
        } while state.withLock { state in
            state.isWriting = !state.rows.isEmpty
            return state.isWriting
        }
    }

    private func write() async {
        let rows = state.withLock { state -> [AuditRow] in
            guard !state.isUnderWay else { return [] }
            state.isUnderWay = !state.rows.isEmpty
            defer { state.rows = [] }
            return state.rows
        }
        guard !rows.isEmpty else { return }
        defer { state.withLock { $0.isUnderWay = false } }
        do {
            try await store.transaction { [audit] repositories in
                try await repositories.audit.append(rows)
                for row in rows { try await audit.announce(row, in: repositories) }
            }
        } catch {
            log.error("audit.delayed") { line in
                line.member("rows", Int64(rows.count))
                line.member("reason", "\(error)")
            }
            state.withLock { $0.rows = rows + $0.rows }
        }
    }
}
