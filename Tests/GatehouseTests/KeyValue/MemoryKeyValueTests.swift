import Ground
import KeyValue
import Synchronization
import Testing

@Suite("The key-value store in memory") struct MemoryKeyValueTests {
    @Test("values expire, and one that is there can be left alone")
    func expiry() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock)
        #expect(try await store.set("k", [1], for: .seconds(10), onlyIfAbsent: true))
        #expect(try await !store.set("k", [2], for: .seconds(10), onlyIfAbsent: true))
        clock.advance(by: .milliseconds(9999))
        #expect(try await store.get("k") == [1])
        clock.advance(by: .milliseconds(1))
        #expect(try await store.get("k") == nil)
        #expect(try await store.set("k", [3], for: .seconds(10), onlyIfAbsent: true))
        try await store.remove("k")
        #expect(try await store.get("k") == nil)
    }

    @Test("a counter counts from its first increment, and is no value")
    func counter() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock)
        #expect(try await store.increment("c", by: 2, for: .seconds(10)) == 2)
        clock.advance(by: .seconds(9))
        #expect(try await store.increment("c", by: 3, for: .seconds(10)) == 5)
        await #expect(throws: KeyValueError.wrongKind) { _ = try await store.get("c") }
        clock.advance(by: .seconds(1))
        #expect(try await store.increment("c", by: 1, for: .seconds(10)) == 1)
    }

    @Test("an allowance of five a minute lets five come at once, then one every twelve seconds")
    func allowance() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock)
        let five = Allowance(count: 5, period: .seconds(60))
        for _ in 0..<5 { #expect(try await store.take("a", from: five) == .allowed) }
        #expect(try await store.take("a", from: five) == .wait(.seconds(12)))
        #expect(try await store.take("b", from: five) == .allowed)
        clock.advance(by: .seconds(12))
        #expect(try await store.take("a", from: five) == .allowed)
        #expect(try await store.take("a", from: five) == .wait(.seconds(12)))
        clock.advance(by: .seconds(60))
        for _ in 0..<5 { #expect(try await store.take("a", from: five) == .allowed) }
        #expect(try await store.take("a", from: five) != .allowed)
    }

    @Test("a value is replaced only while it is the expected one")
    func replace() async throws {
        let clock = ManualClock()
        let store = MemoryKeyValue(clock: clock.clock)
        #expect(try await !store.replace("a", [], with: [1], for: .seconds(10)))
        try await store.set("a", [1], for: .seconds(10), onlyIfAbsent: false)
        #expect(try await !store.replace("a", [2], with: [3], for: .seconds(10)))
        #expect(try await store.replace("a", [1], with: [2], for: .seconds(20)))
        clock.advance(by: .seconds(15))
        #expect(try await store.get("a") == [2])
        clock.advance(by: .seconds(5))
        #expect(try await !store.replace("a", [2], with: [3], for: .seconds(10)))
    }

    @Test("subscribers hear what is published until they cancel")
    func publish() async throws {
        let store = MemoryKeyValue(clock: ManualClock().clock)
        let heard = Mutex<[Heard]>([])
        let subscription = try await store.subscribe("news") { word in heard.withLock { $0.append(word) } }
        try await store.publish("news", [1])
        try await store.publish("other", [2])
        subscription.cancel()
        try await store.publish("news", [3])
        #expect(heard.withLock { $0 } == [.message([1])])
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
