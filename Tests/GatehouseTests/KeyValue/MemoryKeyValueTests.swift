import Ground
import KeyValue
import Testing

@Suite("The key-value store in memory") struct MemoryKeyValueTests {
    @Test("it keeps the rules of every store", arguments: KeyValueRule.allCases)
    func rules(rule: KeyValueRule) async throws {
        let clock = ManualClock()
        try await rule.check(.init(store: MemoryKeyValue(clock: clock.clock), clock: clock, prefix: ""))
    }

    @Test("values and counters live to the millisecond")
    func expiry() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock)
        try await store.set("k", [1], for: .seconds(10), onlyIfAbsent: true)
        _ = try await store.increment("c", by: 2, for: .seconds(10))
        clock.advance(by: .milliseconds(9999))
        #expect(try await store.get("k") == [1])
        #expect(try await store.increment("c", by: 3, for: .seconds(10)) == 5)
        clock.advance(by: .milliseconds(1))
        #expect(try await store.get("k") == nil)
        #expect(try await store.increment("c", by: 1, for: .seconds(10)) == 1)
    }

    @Test("a flood of keys is refused once the store is full, and expired ones make room")
    func flood() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock, maximumEntries: 16 * 2000)
        var refused = 0
        for index in 0..<60_000 {
            do { try await store.set("k\(index)", [], for: .seconds(10), onlyIfAbsent: false) } catch { refused += 1 }
        }
        #expect(refused > 0)
        #expect(store.count <= 16 * 2000)
        clock.advance(by: .seconds(10))
        for index in 0..<1000 { try await store.set("n\(index)", [], for: .seconds(10), onlyIfAbsent: false) }
    }
}
