import Credentials
import Ground
import HTTP
import KeyValue
import SQL
import Services
import Store
import Synchronization
import Testing
import Web

/// A whole server, from the socket to the store, with a clock that tests move.
final class Gatehouse: Sendable {
    let clock: ManualClock
    let database: FaultyDatabase
    let store: DataStore
    let services: Services
    let client: HTTPClient
    private let server: Server
    private let log: Log
    private let logged: LogSink

    /// What the tests change unless they say otherwise: cheap hashes, no limits in the way, and no mail.
    static let settings = [
        "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1", "HASH_THREADS": "1", "PORT": "0",
        "RATE_LIMIT_SIGN_IN": "off", "RATE_LIMIT_REGISTER": "off", "RATE_LIMIT_REFRESH": "off",
        "RATE_LIMIT_CHECK": "off", "RATE_LIMIT_PASSKEY_OPTIONS": "off", "RATE_LIMIT_DEFAULT": "off", "MAIL_URL": "off",
    ]

    init(
        database: FaultyDatabase, keyValue: (any KeyValue)?, clock: ManualClock, settings: [String: String]
    ) async throws {
        self.clock = clock
        self.database = database
        let logged = LogSink()
        self.logged = logged
        log = Log(level: .debug, clock: clock.clock) { logged.append($0) }
        var reader = SettingReader(environment: Self.settings.merging(settings) { $1 })
        let configuration = try Configuration(reading: &reader)
        _ = try await DataStore.migrate(database, clock: clock.clock)
        store = DataStore(database)
        services = try await Services(
            configuration,
            on: Services.Foundations(
                store: store, keyValue: keyValue ?? MemoryKeyValue(clock: clock.clock),
                vault: try Vault(keys: [[UInt8](0..<32)]), clock: clock.clock, log: log))
        server = try WebServer(services: services, log: log, version: "test").start()
        client = HTTPClient(port: server.port)
        services.outbox.start()
        // Bots hear where a test says how.
        if settings["TELEGRAM_UPDATES"] != nil { services.botUpdates.start() }
    }

    func stop() async {
        server.stop()
        await services.stop()
        log.close()
    }

    /// Everything that was logged, once the server has stopped.
    var logText: String { logged.text }

    /// The newest rows of the audit log first.
    func audit() async throws -> [AuditRow] {
        var filter = AuditFilter()
        filter.includesRefreshes = true
        return try await store.reading.audit.page(filter, after: nil, limit: 500).rows
    }

    func audit(_ event: String) async throws -> [AuditRow] { try await audit().filter { $0.event == event } }
}

/// Runs `body` against a fresh server, and stops it.
func withGatehouse(
    on kind: StoreKind = .sqliteInMemory, _ settings: [String: String] = [:],
    _ body: (Gatehouse) async throws -> Void
) async throws {
    try await withStores(kind) { stores in
        let gatehouse = try await stores.node(settings)
        do { try await body(gatehouse) } catch {
            await gatehouse.stop()
            throw error
        }
        await gatehouse.stop()
    }
}

/// Keeps what the log writes.
final class LogSink: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
}

/// The real database, which can be told to fail: reads at once, transactions when they commit.
final class FaultyDatabase: Database {
    private let base: any Database
    private let fails = Atomic<Bool>(false)
    private let written = Atomic<Int>(0)
    private let recorded = Mutex<[String]?>(nil)

    init(_ base: any Database) { self.base = base }

    func setFailing(_ failing: Bool) { fails.store(failing, ordering: .sequentiallyConsistent) }

    /// How many single statements were to change something.
    var writes: Int { written.load(ordering: .sequentiallyConsistent) }

    var runsCompoundStatements: Bool { base.runsCompoundStatements }

    /// The statements that `body` has run, those of transactions too.
    func statements(of body: () async throws -> Void) async rethrows -> [String] {
        recorded.withLock { $0 = [] }
        try await body()
        return recorded.withLock { texts in
            defer { texts = nil }
            return texts ?? []
        }
    }

    fileprivate func record(_ statement: Statement) { recorded.withLock { $0?.append(statement.text) } }

    func read(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        record(statement)
        if fails.load(ordering: .sequentiallyConsistent) { throw .unavailable("told to fail") }
        return try await base.read(statement, values)
    }

    func transaction<T: Sendable>(
        _ body: @escaping @Sendable (any SQL.Transaction) async throws -> T
    ) async throws -> T {
        try await base.transaction { [self] transaction in
            let value = try await body(RecordedTransaction(base: transaction, database: self))
            if fails.load(ordering: .sequentiallyConsistent) { throw DatabaseError.unavailable("told to fail") }
            return value
        }
    }

    func write(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        written.add(1, ordering: .sequentiallyConsistent)
        record(statement)
        if fails.load(ordering: .sequentiallyConsistent) { throw .unavailable("told to fail") }
        return try await base.write(statement, values)
    }

    func exclusively<T: Sendable>(
        _ body: @escaping @Sendable (any SQL.Transaction) async throws -> T
    ) async throws -> T {
        try await base.exclusively(body)
    }

    func close() { base.close() }
}

/// A transaction whose statements are recorded.
private struct RecordedTransaction: SQL.Transaction {
    let base: any SQL.Transaction
    let database: FaultyDatabase

    var runsCompoundStatements: Bool { base.runsCompoundStatements }

    func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        database.record(statement)
        return try await base.run(statement, values)
    }

    func run(script: String) async throws(DatabaseError) { try await base.run(script: script) }
}
