import Ground
import KeyValue
import Testing

@Suite("The key-value store in Redis") struct RedisTests {
    @Test(
        "it keeps the rules of every store",
        .enabled(if: RedisServer.shared != nil, "GATEHOUSE_TEST_REDIS names no server"), arguments: KeyValueRule.allCases)
    func rules(rule: KeyValueRule) async throws {
        guard let server = RedisServer.shared else { return }
        try await withRedis(RedisSettings(hosts: [server])) { store, clock in
            try await rule.check(.init(store: store, clock: clock, prefix: Hex.encode(RandomSource.system.bytes(8)) + ":"))
        }
    }
}

@Suite("When Redis fails", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisFailureTests {
    @Test("a server that is killed and comes back is used again, and subscribers hear of both")
    func killAndRestart() async throws {
        let first = try await RedisServer()
        try await withRedis(first.settings) { store, _ in
            let heard = HeardWords()
            let subscription = try await store.subscribe("news") { heard.append($0) }
            try await store.set("k", [1], for: .seconds(10), onlyIfAbsent: false)
            #expect(store.isConnected)
            first.process.end()
            #expect(await eventually { heard.all == [.interrupted] })
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
            #expect(!store.isConnected)
            let second = try await RedisServer(port: first.port)
            #expect(await eventually(within: .seconds(5)) { store.isConnected && heard.all.last == .resumed })
            #expect(try await store.get("k") == nil)
            #expect(try await store.increment("c", by: 2, for: .seconds(10)) == 2)
            try await store.publish("news", [1])
            #expect(await eventually { heard.all == [.interrupted, .resumed, .message([1])] })
            subscription.cancel()
            second.process.end()
        }
    }
}
