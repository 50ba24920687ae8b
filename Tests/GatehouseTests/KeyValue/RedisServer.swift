import Glibc
import Ground
import KeyValue

/// A redis-server for one test.
final class RedisServer: Sendable {
    let port: UInt16
    let process: RealProcess

    /// - Parameter options: of redis-server's configuration, as on its command line.
    init(port: UInt16 = RealProcess.freePort(), _ options: [String] = []) async throws {
        self.port = port
        process = try RealProcess(
            ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"] + options)
        try await RealProcess.waitForPort(port)
    }

    var endpoint: RedisEndpoint { RedisEndpoint(host: "127.0.0.1", port: port) }
    var settings: RedisSettings { RedisSettings(hosts: [endpoint]) }

    /// Whether this machine can start one.
    static let isInstalled = RealProcess.exists("redis-server")

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
