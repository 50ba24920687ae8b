import Ground

/// The one writer of a SQLite file: a thread that gathers the transactions of many callers into one commit.
///
/// Each caller's work stands in a savepoint of its own, so that one failure takes nothing else with it. All
/// callers go on after the commit, so that nobody is told of what could still be lost.
final class SQLiteWriter: TaskExecutor, @unchecked Sendable {  // `connection` is touched by its thread alone
    /// One caller's transaction.
    private struct Operation: Sendable {
        /// Runs the body; calls back with true when it threw.
        let run: @Sendable (SQLiteTransaction, @escaping @Sendable (_ failed: Bool) -> Void) -> Void
        /// Tells the caller. An error says that nothing was committed.
        let finish: @Sendable (DatabaseError?) -> Void
    }

    private struct Queue {
        var operations: [Operation] = []
        var jobs: [UnownedJob] = []
        var isClosing = false
    }

    private let queue = Monitor(Queue())
    private let connection: SQLiteConnection
    private let onCommit: @Sendable () -> Void
    private var thread: Thread?

    private static let begin = Statement("BEGIN IMMEDIATE")
    private static let commit = Statement("COMMIT")
    private static let savepoint = Statement("SAVEPOINT caller")
    private static let release = Statement("RELEASE caller")
    private static let maximumGroup = 512

    init(connection: sending SQLiteConnection, onCommit: @escaping @Sendable () -> Void) {
        self.connection = connection
        self.onCommit = onCommit
        thread = Thread(name: "sqlite-writer") { [unowned self] in self.loop() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock(wakes: true) { $0.jobs.append(job) }
    }

    func transaction<T: Sendable>(_ body: @escaping @Sendable (any Transaction) async throws -> T) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            let outcome = Outcome<T>()
            let operation = Operation(
                run: { transaction, done in
                    let work: @Sendable () async -> Void = {
                        do { outcome.value = .success(try await body(transaction)) } catch { outcome.value = .failure(error) }
                        done(outcome.failed)
                    }
                    #if compiler(>=6.2)
                        Task.immediate(executorPreference: self) { await work() }
                    #else
                        Task(executorPreference: self) { await work() }
                    #endif
                },
                finish: { error in
                    if let error {
                        continuation.resume(throwing: error)
                    } else if let value = outcome.value {
                        continuation.resume(with: value)
                    }
                })
            let isClosing = queue.withLock(wakes: true) { queue in
                if !queue.isClosing { queue.operations.append(operation) }
                return queue.isClosing
            }
            if isClosing { continuation.resume(throwing: DatabaseError.unavailable("the database is closed")) }
        }
    }

    /// Commits what was asked for before, then ends.
    func close() {
        queue.withLock(wakes: true) { $0.isClosing = true }
        thread?.join()
        thread = nil
    }

    // MARK: On the writer's thread

    private func loop() {
        while true {
            let (operations, jobs, isClosing) = queue.wait { queue -> ([Operation], [UnownedJob], Bool)? in
                guard !queue.operations.isEmpty || !queue.jobs.isEmpty || queue.isClosing else { return nil }
                let group = Array(queue.operations.prefix(Self.maximumGroup))
                queue.operations.removeFirst(group.count)
                defer { queue.jobs = [] }
                return (group, queue.jobs, queue.isClosing)
            }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            if !operations.isEmpty { commit(operations) }
            if isClosing, operations.isEmpty { return }
        }
    }

    private func commit(_ operations: [Operation]) {
        var failure: DatabaseError?
        do throws(DatabaseError) {
            _ = try connection.run(Self.begin, [])
            for operation in operations { try run(operation) }
            _ = try connection.run(Self.commit, [])
        } catch {
            failure = error
            if connection.isInTransaction { try? connection.run(script: "ROLLBACK") }
        }
        for operation in operations { operation.finish(failure) }
        onCommit()
    }

    private func run(_ operation: Operation) throws(DatabaseError) {
        _ = try connection.run(Self.savepoint, [])
        let transaction = SQLiteTransaction(connection)
        let state = RunState()
        operation.run(transaction) { failed in
            state.failed = failed
            state.isDone = true
        }
        // A body that awaited something of its own comes back as a job.
        while !state.isDone {
            let jobs = queue.wait { queue -> [UnownedJob]? in
                guard !queue.jobs.isEmpty else { return nil }
                defer { queue.jobs = [] }
                return queue.jobs
            }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
        transaction.end()
        // A full disk or a broken file ends the whole transaction, savepoints and all.
        guard connection.isInTransaction else { throw .unavailable("the transaction was rolled back") }
        if state.failed { try connection.run(script: "ROLLBACK TO caller") }
        _ = try connection.run(Self.release, [])
    }

    private final class RunState: @unchecked Sendable {  // written and read on the writer's thread
        var isDone = false
        var failed = false
    }

    private final class Outcome<T: Sendable>: @unchecked Sendable {  // written and read on the writer's thread
        var value: Result<T, any Error>?
        var failed: Bool { if case .failure = value { true } else { false } }
    }
}

/// The face of a transaction on the writer's connection. Of no use after its end.
final class SQLiteTransaction: Transaction, @unchecked Sendable {  // bodies run on the writer's thread
    private var connection: SQLiteConnection?

    init(_ connection: SQLiteConnection) { self.connection = connection }

    var runsCompoundStatements: Bool { false }

    func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try open().run(statement, values)
    }

    func run(script: String) async throws(DatabaseError) {
        try open().run(script: Script.adapted(script, to: "sqlite"))
    }

    func end() { connection = nil }

    private func open() throws(DatabaseError) -> SQLiteConnection {
        guard let connection else { throw .unexpected("a transaction was used after its end") }
        return connection
    }
}
