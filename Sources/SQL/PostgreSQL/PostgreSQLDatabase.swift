import CPostgreSQL
import Ground
import Synchronization

/// PostgreSQL through libpq: a few connections for each event loop, so that question and answer stay on the loop
/// of whoever asks; reads and single writes share them in pipeline mode, a transaction has one for itself.
///
/// Transactions are serializable, so that a rule which holds when they run one after the other holds always. One
/// that another was in the way of is run again. A read that lost its connection is tried once more.
public final class PostgreSQLDatabase: Database {
    private let settings: PostgreSQLSettings
    private let connector: PostgreSQLConnector
    private let random: RandomSource
    private let pools = Mutex<[ObjectIdentifier: PostgreSQLPool]>([:])
    /// For callers that are on no loop.
    private let home: EventLoop
    private let homeThread: Thread
    private let prepares = Atomic<Bool>(true)
    private let listener = Mutex<PostgreSQLListener?>(nil)

    private static let maximumAttempts = 20
    /// What is done without a request needs few.
    private static let homeConnections = 2

    /// Connects when first asked.
    /// - Throws: `.unavailable` where libpq is not installed, or the system gives no event loop.
    public init(_ settings: PostgreSQLSettings, random: RandomSource = .system) throws(DatabaseError) {
        guard gh_load_libpq() == 0 else {
            throw .unavailable("PostgreSQL needs libpq (libpq.so.5, the package libpq5), which cannot be loaded")
        }
        self.settings = settings
        self.random = random
        connector = PostgreSQLConnector(settings: settings)
        let home: EventLoop
        do throws(EventLoop.StartError) { home = try EventLoop() } catch {
            throw .unavailable("the system gives no epoll instance: errno \(error.errorNumber)")
        }
        self.home = home
        homeThread = Thread(name: "postgres") { home.run() }
        prepares.store(settings.preparesStatements, ordering: .relaxed)
    }

    public var runsCompoundStatements: Bool { true }

    public func read(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await single(statement, values, mayRepeat: true)
    }

    public func write(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await single(statement, values, mayRepeat: false)
    }

    public func transaction<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) async throws -> T
    ) async throws -> T {
        try await transaction(beginning: "BEGIN ISOLATION LEVEL SERIALIZABLE", body)
    }

    public func exclusively<T: Sendable>(
        _ body: @escaping @Sendable (any Transaction) async throws -> T
    ) async throws -> T {
        // Each statement after the lock sees what was committed before it, and no table is waited for so long that
        // those who use it queue up behind.
        try await transaction(
            beginning: "BEGIN ISOLATION LEVEL READ COMMITTED", patience: Self.schemaPatience
        ) { transaction in
            try await transaction.run(
                script: "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
            try await transaction.run(Self.lockSchema, [])
            try await transaction.run(script: "SET LOCAL lock_timeout = '2s'")
            return try await body(transaction)
        }
    }

    private static let schemaPatience = Duration.seconds(3600)
    // The number is as good as any other; every node uses this one.
    private static let lockSchema = Statement("SELECT 1 FROM pg_advisory_xact_lock(7166210534)")

    /// Closes every connection. Call it when the loops that used it have ended.
    public func close() {
        connector.close()
        home.stop()
        homeThread.join()
        listener.withLock { $0 }?.close()
        let all = pools.withLock { pools in
            defer { pools = [:] }
            return Array(pools.values)
        }
        for pool in all { pool.close() }
    }

    // MARK: One statement

    private func single(_ statement: Statement, _ values: [SQLValue], mayRepeat: Bool) async throws(DatabaseError)
        -> [Row]
    {
        try await repeating { () -> Attempt<[Row], DatabaseError> in
            let prepares = prepares.load(ordering: .relaxed)
            let answer: PostgreSQLConnection.Answer = await withUnsafeContinuation { continuation in
                onPool { pool in
                    pool.run(statement, values, prepares: prepares) { continuation.resume(returning: $0) }
                }
            }
            switch answer {
            case .success(let rows): return .done(rows)
            case .failure(let failure): return .failed(failure.error, because: failure, mayRepeat: mayRepeat)
            }
        }
    }

    // MARK: Trying again

    /// What came of one attempt.
    private enum Attempt<T, E: Error> {
        case done(T)
        /// - Parameters:
        ///   - because: nil where it is nothing that another attempt could mend.
        ///   - mayRepeat: whether it does no harm twice.
        case failed(E, because: PostgreSQLFailure?, mayRepeat: Bool)
    }

    /// Tries as often as it may be of use, and until it is late.
    private func repeating<T, E: Error>(
        unless isLate: () -> Bool = { false }, _ attempt: () async -> Attempt<T, E>
    ) async throws(E) -> T {
        var count = 0
        while true {
            count += 1
            switch await attempt() {
            case .done(let value): return value
            case .failed(let error, let failure, let mayRepeat):
                guard let failure, count < Self.maximumAttempts, !isLate(),
                    mayTryAgain(failure, isFirst: count == 1, mayRepeat: mayRepeat)
                else { throw error }
                if failure.isConflict { await pause(count) }
            }
        }
    }

    private func mayTryAgain(_ failure: PostgreSQLFailure, isFirst: Bool, mayRepeat: Bool) -> Bool {
        if failure.isLostStatement {
            prepares.store(false, ordering: .relaxed)
            return true
        }
        return failure.isConflict || (isFirst && (failure.wasNeverSent || mayRepeat && failure.endsConnection))
    }

    // MARK: Transactions

    private func transaction<T: Sendable>(
        beginning begin: String, patience: Duration? = nil,
        _ body: @escaping @Sendable (any Transaction) async throws -> T
    ) async throws -> T {
        let start = Uptime.milliseconds
        let isLate = { patience == nil && Uptime.milliseconds - start >= self.settings.statementTimeout.milliseconds }
        return try await repeating(unless: isLate) { () -> Attempt<T, any Error> in
            let lease: PostgreSQLLease
            do { lease = try await acquire() } catch { return .failed(error, because: nil, mayRepeat: false) }
            let transaction = PostgreSQLTransaction(
                on: lease, beginning: begin, prepares: prepares.load(ordering: .relaxed), patience: patience)
            do {
                let value = try await body(transaction.statements)
                try await transaction.commit()
                return .done(value)
            } catch {
                await transaction.rollBack()
                return .failed(error, because: transaction.failure, mayRepeat: !transaction.isCommitting)
            }
        }
    }

    private func acquire() async throws(DatabaseError) -> PostgreSQLLease {
        let result: Result<PostgreSQLLease, PostgreSQLFailure> = await withUnsafeContinuation { continuation in
            onPool { pool in
                pool.acquire { result in
                    continuation.resume(returning: result.map { PostgreSQLLease(connection: $0, pool: pool) })
                }
            }
        }
        do { return try result.get() } catch { throw error.error }
    }

    /// Lets the other transaction finish: some milliseconds, more each time, and by chance, so that two do not meet
    /// again.
    private func pause(_ attempt: Int) async {
        let delay = Duration.milliseconds(Int64(random.uint64() % UInt64(8 * min(attempt, 16))))
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            onPool { $0.loop.schedule(after: delay) { continuation.resume() } }
        }
    }

    // MARK: Notifications

    private static let sendNotice = Statement("SELECT 1 FROM pg_notify($1, $2)")

    /// Tells every listener of the channel, on every node.
    /// - Parameter words: fewer than 8000 bytes.
    public func notify(_ channel: String, _ words: String) async throws(DatabaseError) {
        _ = try await write(Self.sendNotice, [.text(channel), .text(words)])
    }

    /// Calls `handler` with how the line is, and with what is heard, on one thread, until the number that this gives
    /// is passed to ``ignore(_:_:)``.
    public func listen(_ channel: String, _ handler: @escaping @Sendable (Notice) -> Void) async -> Int {
        let listener = listener.withLock { held in
            if let held { return held }
            let made = PostgreSQLListener(
                loop: home, settings: settings, connector: connector, name: Hex.encode(random.bytes(16)), random: random
            ) { [weak self] channel, name in
                guard let self else { return }
                Task { try? await self.notify(channel, name) }
            }
            held = made
            return made
        }
        return await withUnsafeContinuation { continuation in
            home.execute { continuation.resume(returning: listener.add(channel, handler)) }
        }
    }

    public func ignore(_ channel: String, _ number: Int) {
        guard let listener = listener.withLock({ $0 }) else { return }
        home.execute { listener.remove(channel, number) }
    }

    // MARK: Loops

    private func onPool(_ call: @escaping @Sendable (PostgreSQLPool) -> Void) {
        let loop = EventLoop.current ?? home
        let pool = pools.withLock { pools in
            if let pool = pools[ObjectIdentifier(loop)] { return pool }
            let size = loop === home ? min(Self.homeConnections, settings.connectionsPerLoop) : settings.connectionsPerLoop
            let pool = PostgreSQLPool(
                loop: loop, size: size, settings: settings, connector: connector, random: random)
            pools[ObjectIdentifier(loop)] = pool
            return pool
        }
        loop.execute { call(pool) }
    }
}
