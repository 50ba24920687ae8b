import Glibc
import Ground
import KeyValue
import SQL
import Store
import Synchronization
import Testing

/// The stores that everything must work on.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqliteInMemory, sqliteFile, postgres, postgresWithRedis
    /// The state of refresh tokens too is in Redis.
    case redisTokens

    var testDescription: String { rawValue }

    /// Whether its servers run; `scripts/with-stores` starts them.
    var isThere: Bool {
        switch self {
        case .sqliteInMemory, .sqliteFile: true
        case .postgres: Stores.postgres != nil
        case .postgresWithRedis, .redisTokens: Stores.postgres != nil && Stores.redis != nil
        }
    }

    /// What a node must be told to use them.
    var settings: [String: String] {
        self == .redisTokens ? ["TOKEN_STORE": "redis", "REDIS_HOST": "127.0.0.1"] : [:]
    }
}

/// Fresh stores of one kind, shared by the nodes of one test.
struct Stores: Sendable {
    /// Those whose servers run.
    static let all = StoreKind.allCases.filter(\.isThere)
    static let postgres = variable("GATEHOUSE_TEST_POSTGRES")
    static let redis = variable("GATEHOUSE_TEST_REDIS").flatMap { RedisEndpoint($0) }
    /// The address of the local Bot API.
    static let telegram = variable("GATEHOUSE_TEST_TELEGRAM")

    let kind: StoreKind
    let clock: ManualClock
    let database: FaultyDatabase
    let keyValue: any KeyValue

    /// A node on these stores.
    func node(_ settings: [String: String] = [:], keyValue own: (any KeyValue)? = nil) async throws -> Gatehouse {
        try await Gatehouse(database: database, keyValue: own ?? keyValue, clock: clock,
            settings: kind.settings.merging(settings) { $1 })
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// Runs `body` with fresh stores, and takes them away.
func withStores(_ kind: StoreKind, _ body: (Stores) async throws -> Void) async throws {
    let clock = ManualClock()
    func run(_ database: any Database, _ keyValue: any KeyValue) async throws {
        let stores = Stores(kind: kind, clock: clock, database: FaultyDatabase(database), keyValue: keyValue)
        defer {
            keyValue.close()
            database.close()
        }
        try await body(stores)
    }
    switch kind {
    case .sqliteInMemory:
        try await run(try SQLiteDatabase(path: ":memory:"), MemoryKeyValue(clock: clock.clock))
    case .sqliteFile:
        let folder = TemporaryFolder()
        defer { folder.remove() }
        try await run(try SQLiteDatabase(path: folder.path + "/gatehouse.db"), MemoryKeyValue(clock: clock.clock))
    case .postgres, .postgresWithRedis, .redisTokens:
        // Each test's server has connections of its own, and the real one has not that many.
        await PostgreSQLSchema.turns.take()
        defer { PostgreSQLSchema.turns.give() }
        let schema = try await PostgreSQLSchema()
        let database = try schema.open()
        if kind == .postgres {
            try await run(database, DatabaseKeyValue(database, line: database, clock: clock.clock))
        } else {
            let endpoint = try #require(Stores.redis)
            var settings = RedisSettings(hosts: [endpoint])
            settings.prefix = Hex.encode(RandomSource.system.bytes(6)) + ":"
            try await run(database, try RedisKeyValue(settings, clock: clock.clock))
        }
        try await schema.remove()
    }
}

/// A schema of its own in the PostgreSQL of the tests.
struct PostgreSQLSchema {
    static let turns = Turns(count: 8)
    private static let administration: PostgreSQLDatabase? = Stores.postgres.flatMap { url in
        try? PostgreSQLDatabase(PostgreSQLSettings(url: url))
    }

    let url: String
    private let name: String

    struct Missing: Error {}

    init() async throws {
        guard let base = Stores.postgres else { throw Missing() }
        name = "test_" + Hex.encode(RandomSource.system.bytes(8))
        url = base + (base.contains("?") ? "&" : "?") + "options=-csearch_path%3D" + name
        try await run("CREATE SCHEMA \(name)")
    }

    func open(_ change: (inout PostgreSQLSettings) -> Void = { _ in }) throws -> PostgreSQLDatabase {
        var settings = PostgreSQLSettings(url: url)
        settings.connectionsPerLoop = 4
        change(&settings)
        return try PostgreSQLDatabase(settings)
    }

    func remove() async throws { try await run("DROP SCHEMA \(name) CASCADE") }

    private func run(_ text: String) async throws {
        guard let database = Self.administration else { throw Missing() }
        _ = try await database.write(Statement(text), [])
    }
}

/// So many at a time; the others wait for their turn.
final class Turns: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
