import Glibc
import Ground
import KeyValue
import Testing

/// A redis-server for one test, in a folder of its own.
final class RedisServer: Sendable {
    let port: UInt16
    let process: RealProcess
    private let folder = TemporaryFolder()

    /// - Parameter options: of redis-server's configuration, as on its command line.
    init(port: UInt16 = RealProcess.freePort(), _ options: [String] = []) async throws {
        self.port = port
        process = try RealProcess(
            ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", folder.path]
                + ["--save", "", "--appendonly", "no"] + options)
        if !options.contains("--tls-port") { try await RealProcess.waitForPort(port) }
    }

    deinit {
        process.end()
        _ = try? RealProcess.run(["rm", "-rf", folder.path])
    }

    var endpoint: RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port) }
    var settings: RedisSettings { RedisSettings(hosts: [endpoint]) }

    /// Runs one command, and gives the answer as redis-cli prints it.
    @discardableResult
    func run(_ words: String...) throws -> String {
        try RealProcess.run(["redis-cli", "-h", "127.0.0.1", "-p", String(port)] + words)
    }

    /// Whether this machine can start one.
    static let isInstalled = RealProcess.exists("redis-server") && RealProcess.exists("redis-cli")

    /// The server without a password that all tests share; nil when none is named.
    static let shared: RedisEndpoint? = getenv("GATEHOUSE_TEST_REDIS").flatMap { RedisEndpoint(String(cString: $0)) }
}

/// Runs `body` with a store, and closes it.
func withRedis(
    _ settings: RedisSettings, _ body: (RedisKeyValue, ManualClock) async throws -> Void
) async throws {
    let clock = ManualClock()
    let store = try RedisKeyValue(settings, clock: clock.clock)
    do { try await body(store, clock) } catch {
        store.close()
        throw error
    }
    store.close()
}

/// Checks every rule on a store with those settings.
func checkAllRules(_ settings: RedisSettings) async throws {
    try await withRedis(settings) { store, clock in
        for rule in KeyValueRule.allCases {
            try await rule.check(.init(store: store, clock: clock, prefix: rule.rawValue))
        }
        #expect(store.isConnected)
    }
}
