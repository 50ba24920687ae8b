import Ground
import SQL
import Store
import Testing

@Suite("SQLite") struct SQLiteTests {
    private static let create = Statement("CREATE TABLE t (k bigint PRIMARY KEY, v text)")
    private static let insert = Statement("INSERT INTO t (k, v) VALUES ($2, $1)")
    private static let count = Statement("SELECT count(*) FROM t")
    private struct Boom: Error {}

    private func withDatabase(_ body: (SQLiteDatabase) async throws -> Void) async throws {
        let folder = TemporaryFolder()
        let database = try SQLiteDatabase(path: folder.path + "/gatehouse.db")
        _ = try await database.transaction { try await $0.run(Self.create, []) }
        try await body(database)
        database.close()
        folder.remove()
    }

    @Test("of many transactions in one commit, one that fails takes nothing else with it")
    func isolation() async throws {
        try await withDatabase { database async throws in
            let failures = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        do {
                            try await database.transaction { transaction in
                                try await transaction.run(Self.insert, [.text("x"), .integer(Int64(index))])
                                if index % 3 == 0 { throw Boom() }
                            }
                            return false
                        } catch { return error is Boom }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 100)
            #expect(try await database.read(Self.count, []).value(Int.self) == 200)
        }
    }

    @Test("parameters go by their numbers, and a unique index is named when it refuses")
    func duplicate() async throws {
        try await withDatabase { database async throws in
            _ = try await database.transaction { try await $0.run(Self.insert, [.text("a"), .integer(1)]) }
            await #expect(throws: DatabaseError.duplicate("t.k")) {
                try await database.transaction { try await $0.run(Self.insert, [.text("b"), .integer(1)]) }
            }
        }
    }

    @Test("a statement that is gone is not taken for one that comes to lie in its place")
    func addresses() async throws {
        try await withDatabase { database async throws in
            for number in 0..<200 {
                #expect(try await database.read(Statement("SELECT \(number)"), []).value(Int.self) == number)
            }
        }
    }

    @Test("a body that waits for something of its own still commits")
    func suspends() async throws {
        try await withDatabase { database async throws in
            try await database.transaction { transaction in
                await Task.yield()
                try await transaction.run(Self.insert, [.text("a"), .integer(1)])
                await Task.yield()
            }
            #expect(try await database.read(Self.count, []).value(Int.self) == 1)
        }
    }

    @Test("migrations run once, refuse an edited step, and refuse a newer schema")
    func migrations() async throws {
        let database = try SQLiteDatabase(path: ":memory:")
        let clock = ManualClock().clock
        let first = Migration(number: 1, name: "one", script: "CREATE TABLE a (x bigint);")
        let second = Migration(number: 2, name: "two", script: "CREATE TABLE b (x bigint) /*sqlite: WITHOUT ROWID */;")
        let fixed = Migration(number: 2, name: "two", script: "CREATE TABLE b (x bigint PRIMARY KEY) /*sqlite: WITHOUT ROWID */;")
        #expect(try await Migrator([first]).run(on: database, clock: clock) == [1])
        // A step that fails leaves nothing of itself.
        await #expect(throws: DatabaseError.self) { try await Migrator([first, second]).run(on: database, clock: clock) }
        #expect(try await Migrator([first, fixed]).run(on: database, clock: clock) == [2])
        #expect(try await Migrator([first, fixed]).run(on: database, clock: clock) == [])
        await #expect(throws: MigrationError.schemaIsNewer(database: 2, program: 1)) {
            try await Migrator([first]).run(on: database, clock: clock)
        }
        let edited = Migration(number: 1, name: "one", script: "CREATE TABLE a (y bigint);")
        await #expect(throws: MigrationError.changed(number: 1)) {
            try await Migrator([edited, fixed]).run(on: database, clock: clock)
        }
        database.close()
    }

    @Test("a file that is none of SQLite's is refused")
    func notADatabase() async throws {
        #expect(throws: DatabaseError.self) { _ = try SQLiteDatabase(path: "/dev/null/x.db") }
    }
}
