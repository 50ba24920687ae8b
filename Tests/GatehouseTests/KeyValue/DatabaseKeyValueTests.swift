import Ground
import KeyValue
import SQL
import Store
import Testing

@Suite("The key-value store in PostgreSQL", .enabled(if: Stores.postgres != nil, "no PostgreSQL runs here: use scripts/with-stores"))
struct DatabaseKeyValueTests {
    private func withStore(_ body: (DatabaseKeyValue, ManualClock) async throws -> Void) async throws {
        await PostgreSQLSchema.turns.take()
        defer { PostgreSQLSchema.turns.give() }
        let schema = try await PostgreSQLSchema()
        let database = try schema.open()
        let clock = ManualClock()
        _ = try await DataStore.migrate(database, clock: clock.clock)
        try await body(DatabaseKeyValue(database, line: database, clock: clock.clock), clock)
        database.close()
        try await schema.remove()
    }

    @Test("it keeps the rules of every store", arguments: KeyValueRule.allCases)
    func rules(rule: KeyValueRule) async throws {
        try await withStore { store, clock in
            let prefix = Hex.encode(RandomSource.system.bytes(4)) + ":"
            try await rule.check(.init(store: store, clock: clock, prefix: prefix))
        }
    }

    @Test("what has expired is nothing, of whatever kind it was, and a counter is full at both ends")
    func expired() async throws {
        try await withStore { store, clock in
            let one = Allowance(count: 1, period: .seconds(1))
            for kind in 0..<3 {
                try await store.set("v\(kind)", [1], for: .seconds(1), onlyIfAbsent: false)
                _ = try await store.increment("c\(kind)", by: 1, for: .seconds(1))
                #expect(try await store.take("a\(kind)", from: one) == .allowed)
            }
            clock.advance(by: .seconds(2))
            for name in ["v", "c", "a"] {
                #expect(try await store.get(name + "0") == nil)
                #expect(try await store.set(name + "0", [2], for: .seconds(9), onlyIfAbsent: true))
                #expect(try await store.increment(name + "1", by: 7, for: .seconds(9)) == 7)
                #expect(try await store.take(name + "2", from: one) == .allowed)
            }
            #expect(try await store.increment("low", by: .min, for: .seconds(9)) == .min)
            #expect(try await store.increment("low", by: -1, for: .seconds(9)) == .min)
            #expect(try await store.increment("low", by: .min, for: .seconds(9)) == .min)
            #expect(try await store.increment("low", by: .max, for: .seconds(9)) == -1)
        }
    }
}
