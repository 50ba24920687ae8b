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
