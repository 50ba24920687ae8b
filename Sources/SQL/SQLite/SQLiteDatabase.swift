import Ground
import Synchronization

/// SQLite in one file, with a write-ahead log: one writer with group commit, and readers that run where they
/// are called, because a read costs less than a change of thread.
public final class SQLiteDatabase: Database {
    private let writer: SQLiteWriter
    /// None for a database in memory: its writer's connection is the only one there is.
    private let readers: [SQLiteReader]
    private let checkpointer: SQLiteCheckpointer?
    private let turn = Atomic<Int>(0)

    /// Opens or creates the file.
    /// - Parameter path: a file, or `:memory:` for a database that lives as long as this value.
    /// - Throws: `.unavailable` where the file cannot be opened or is none of SQLite's.
    public init(path: String) throws(DatabaseError) {
        let isInMemory = path == ":memory:"
        let connection = try SQLiteConnection(path: path, isReadOnly: false, cacheKiB: 8192)
        if isInMemory {
            readers = []
            checkpointer = nil
        } else {
            try connection.run(
                script: """
                    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
                    PRAGMA journal_size_limit = 67108864;
                    """)
            readers = [try SQLiteReader(path: path), try SQLiteReader(path: path)]
            checkpointer = try SQLiteCheckpointer(path: path)
        }
        let checkpointer = checkpointer
        writer = SQLiteWriter(connection: connection) { checkpointer?.committed() }
    }

    public var runsCompoundStatements: Bool { false }

    public func read(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        guard !readers.isEmpty else {
            return try await write(statement, values)
        }
        let index = turn.wrappingAdd(1, ordering: .relaxed).newValue & 1
        return try readers[index].run(statement, values)
    }

    public func transaction<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) async throws -> T
    ) async throws -> T {
        try await writer.transaction(body)
    }

    public func write(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        do {
            return try await transaction { try await $0.run(statement, values) }
        } catch {
            throw error as? DatabaseError ?? .unexpected("\(error)")
        }
    }

    public func exclusively<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) async throws -> T
    ) async throws -> T {
        try await transaction(body)
    }

    public func close() {
        writer.close()
        checkpointer?.close()
    }
}

/// A read-only connection that one caller at a time uses.
private final class SQLiteReader: Sendable {
    private let connection: Mutex<SQLiteConnection>

    init(path: String) throws(DatabaseError) {
        connection = Mutex(try SQLiteConnection(path: path, isReadOnly: true, cacheKiB: 4096))
    }

    func run(_ statement: Statement, _ values: [SQLValue]) throws(DatabaseError) -> [Row] {
        let result: Result<[Row], DatabaseError> = connection.withLock { connection in
            do throws(DatabaseError) {
                return .success(try connection.run(statement, values))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// Moves committed pages from the write-ahead log into the file, on a thread of its own, so that no commit
/// waits for it.
private final class SQLiteCheckpointer: Sendable {
    private struct State {
        var hasWork = false
        var isClosing = false
    }

    private let state = Monitor(State())
    private let thread: Thread
    /// Pages in the log above which it starts anew, writers waiting or not: 32 MB, so that it seldom grows over the limit
    /// that it is cut down to.
    private static let pagesBeforeNewStart = 8192

    init(path: String) throws(DatabaseError) {
        let connection = Mutex(try SQLiteConnection(path: path, isReadOnly: false, cacheKiB: 256))
        let state = state
        thread = Thread(name: "sqlite-wal") {
            while true {
                let isClosing = state.wait { state -> Bool? in
                    guard state.hasWork || state.isClosing else { return nil }
                    state.hasWork = false
                    return state.isClosing
                }
                let pages = connection.withLock { $0.checkpoint(isClosing ? .ends : .goesOn) }
                if isClosing { return }
                if pages > Self.pagesBeforeNewStart { _ = connection.withLock { $0.checkpoint(.startsAnew) } }
                _ = state.wait(for: .milliseconds(250)) { $0.isClosing ? () : nil }
            }
        }
    }

    func committed() {
        state.withLock(wakes: true) { $0.hasWork = true }
    }

    func close() {
        state.withLock(wakes: true) { $0.isClosing = true }
        thread.join()
    }
}
