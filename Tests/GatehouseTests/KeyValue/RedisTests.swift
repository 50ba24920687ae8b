import Ground
import KeyValue
import Testing

@Suite("The key-value store in Redis") struct RedisTests {
    @Test(
        "it keeps the rules of every store",
        .enabled(if: RedisServer.shared != nil, "GATEHOUSE_TEST_REDIS names no server"),
        arguments: KeyValueRule.allCases)
    func rules(rule: KeyValueRule) async throws {
        guard let server = RedisServer.shared else { return }
        try await withRedis(RedisSettings(hosts: [server])) { store, clock in
            try await rule.check(
                .init(store: store, clock: clock, prefix: Hex.encode(RandomSource.system.bytes(8)) + ":"))
        }
    }
}

@Suite("Redis and event loops", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisLoopTests {
    @Test("on a loop neither question nor answer changes threads, and what was a loop's goes after its end")
    func onALoop() async throws {
        let server = try await RedisServer()
        try await withRedis(server.settings) { store, _ in
            #expect(try await store.increment("c", by: 1, for: .seconds(60)) == 1)
            for _ in 0..<2 {
                // The second finds nothing left of the first.
                let counts = try await Self.countsOnALoop(store, server)
                #expect(counts)
            }
            #expect(try await store.increment("c", by: 1, for: .seconds(60)) == 2002)
        }
    }

    private static func countsOnALoop(_ store: RedisKeyValue, _ server: RedisServer) async throws -> Bool {
        let loop = try EventLoop()
        let thread = Thread(name: "test") { loop.run() }
        defer {
            loop.stop()
            thread.join()
        }
        let stayed = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask(executorPreference: loop) {
                    for _ in 0..<10 {
                        guard (try? await store.increment("c", by: 1, for: .seconds(60))) != nil, loop.isCurrent
                        else { return false }
                    }
                    return true
                }
            }
            return await group.allSatisfy { $0 }
        }
        return try stayed && server.connections == 2
    }
}

extension RedisServer {
    /// Of stores, to this server.
    fileprivate var connections: Int {
        get throws { try run("CLIENT", "LIST").split(separator: "\n").count { $0.contains("name=gatehouse") } }
    }
}
