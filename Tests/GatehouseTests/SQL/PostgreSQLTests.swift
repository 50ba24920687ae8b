import Ground
import SQL
import Store
import Synchronization
import Testing

@Suite("PostgreSQL", .enabled(if: Stores.postgres != nil, "no PostgreSQL runs here: use scripts/with-stores"))
struct PostgreSQLTests {
    private static let create = Statement("CREATE TABLE t (k bigint PRIMARY KEY, v text, b bytea, u uuid, r double precision)")
    private static let insert = Statement("INSERT INTO t (k, v) VALUES ($2, $1)")
    private static let count = Statement("SELECT count(*) FROM t")
    private static let byKey = Statement("SELECT k FROM t WHERE k = $1")
    private static let backend = Statement("SELECT pg_backend_pid()")
    private static let terminate = Statement("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY ($1::int[])")
    private static let sleepStatement = Statement("SELECT 1 FROM pg_sleep($1)")
    private static let neverGiveUp = Statement("SET statement_timeout = 0")
    private struct Boom: Error {}

    private func withDatabase(
        _ change: (inout PostgreSQLSettings) -> Void = { _ in }, _ body: (PostgreSQLDatabase) async throws -> Void
    ) async throws {
        await PostgreSQLSchema.turns.take()
        defer { PostgreSQLSchema.turns.give() }
        let schema = try await PostgreSQLSchema()
        let database = try schema.open(change)
        _ = try await database.write(Self.create, [])
        try await body(database)
        database.close()
        try await schema.remove()
    }

    @Test("every kind of value comes back as it was given, and null as null")
    func values() async throws {
        try await withDatabase { database in
            let id = UUID(high: 0x0123_4567_89ab_7def, low: 0x8000_0000_0000_0001)
            let all = Statement("INSERT INTO t (k, v, b, u, r) VALUES ($1, $2, $3, $4, $5) RETURNING k, v, b, u, r")
            let values: [[SQLValue]] = [
                [.integer(.min), .text("Ünï 🗝"), .bytes([0, 255]), .uuid(id), .real(-0.5)],
                [.integer(.max), .text(""), .bytes([]), .null, .null],
                [.integer(0), .null, .null, .uuid(id), .real(1e300)],
            ]
            for row in values {
                var read = try await database.write(all, row)[0]
                #expect(try read.next(Int64.self).sqlValue == row[0])
                #expect(try read.next(String?.self).sqlValue == row[1])
                #expect(try read.next([UInt8]?.self).sqlValue == row[2])
                #expect(try read.next(UUID?.self).sqlValue == row[3])
            }
        }
    }

    @Test("a semicolon in quotes, in dollars or in a comment separates no statements of a script")
    func scripts() async throws {
        try await withDatabase { database in
            let script = """
                -- one; two
                INSERT INTO t (k, v) VALUES (1, 'a;b''; c') /* ; */;;
                /*sqlite: nonsense; */ /*postgres: INSERT INTO t (k, v) VALUES (2, 'of postgres;'); */
                DO $$ BEGIN INSERT INTO t (k, v) VALUES (3, 'x;'); END $$;
                CREATE TABLE "odd;name" (k bigint); INSERT INTO "odd;name" VALUES (4)
                """
            try await database.exclusively { try await $0.run(script: script) }
            let rows = try await database.read(Statement("SELECT v FROM t ORDER BY k"), [])
            #expect(try rows.map { row in
                var row = row
                return try row.next(String.self)
            } == ["a;b'; c", "of postgres;", "x;"])
            #expect(try await database.read(Statement("SELECT k FROM \"odd;name\""), []).value(Int.self) == 4)
        }
    }

    @Test("a transaction that fails leaves nothing, whatever its body makes of the failure")
    func rollback() async throws {
        try await withDatabase { database in
            await #expect(throws: Boom.self) {
                try await database.transaction { transaction in
                    try await transaction.run(Self.insert, [.text("a"), .integer(1)])
                    throw Boom()
                }
            }
            _ = try await database.write(Self.insert, [.text("a"), .integer(2)])
            await #expect(throws: DatabaseError.duplicate("t.pkey")) {
                try await database.transaction { transaction in
                    try await transaction.run(Self.insert, [.text("a"), .integer(3)])
                    _ = try? await transaction.run(Self.insert, [.text("b"), .integer(2)])
                }
            }
            #expect(try await database.read(Self.count, []).value(Int.self) == 1)
        }
    }

    @Test("two transactions that would break a rule only together do not both commit")
    func writeSkew() async throws {
        try await withDatabase { database in
            for key in 1...2 { _ = try await database.write(Self.insert, [.text("on"), .integer(Int64(key))]) }
            let others = Statement("SELECT count(*) FROM t WHERE v = 'on'")
            let leave = Statement("UPDATE t SET v = 'off' WHERE k = $1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for key in 1...2 {
                    group.addTask {
                        try await database.transaction { transaction in
                            guard try await transaction.run(others, []).value(Int.self) ?? 0 > 1 else { return }
                            try await transaction.run(leave, [.integer(Int64(key))])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read(others, []).value(Int.self) == 1)
        }
    }

    @Test("a hundred transactions that add to one row all count")
    func conflicts() async throws {
        try await withDatabase { database in
            _ = try await database.write(Self.insert, [.text("0"), .integer(1)])
            let read = Statement("SELECT v FROM t WHERE k = 1")
            let write = Statement("UPDATE t SET v = $1 WHERE k = 1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        try await database.transaction { transaction in
                            let held = try await transaction.run(read, []).value(String.self) ?? ""
                            try await transaction.run(write, [.text("\((Int(held) ?? 0) + 1)")])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read(read, []).value(String.self) == "100")
        }
    }

    @Test("of many reads at once, one that fails takes no other with it")
    func pipeline() async throws {
        try await withDatabase { database in
            for key in 0..<50 { _ = try await database.write(Self.insert, [.text("x"), .integer(Int64(key))]) }
            let divide = Statement("SELECT 1 / $1")
            let sums = await withTaskGroup(of: (Int, Int).self) { group in
                for key in 0..<500 {
                    group.addTask {
                        if key % 10 == 9 {
                            do { _ = try await database.read(divide, [.integer(0)]) } catch { return (0, 1) }
                        }
                        let found = try? await database.read(Self.byKey, [.integer(Int64(key % 50))]).value(Int.self)
                        return (found == key % 50 ? 1 : 0, 0)
                    }
                }
                return await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
            }
            #expect(sums == (450, 50))
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

    @Test("a statement whose first use fails stays prepared, and costs nobody the prepared ones")
    func failedFirstUse() async throws {
        try await withDatabase({ $0.connectionsPerLoop = 1 }) { database in
            _ = try await database.write(Statement("INSERT INTO t (k) VALUES (1)"), [])
            let first = Statement("INSERT INTO t (k, v) VALUES ($1, 'first')")
            for _ in 0..<2 {
                await #expect(throws: DatabaseError.duplicate("t.pkey")) {
                    _ = try await database.write(first, [.integer(1)])
                }
            }
            let second = Statement("INSERT INTO t (k, v) VALUES ($1, 'second')")
            for _ in 0..<2 {
                await #expect(throws: DatabaseError.duplicate("t.pkey")) {
                    try await database.transaction { try await $0.run(second, [.integer(1)]) }
                }
            }
            let later = Statement("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1")
            let prepared = try await database.read(later, [.text("INSERT INTO t (k, v)%")]).value(Int.self)
            #expect(prepared == 2)
            // This one was prepared after the failures.
            let itself = try await database.read(later, [.text("%pg_prepared_statements%")]).value(Int.self)
            #expect(itself == 1)
        }
    }

    @Test("what another transaction was in the way of is run again, and what is wrong is not", arguments: [
        ("40001", 3), ("40P01", 3), ("55P03", 3), ("23514", 1),
    ])
    func retries(code: String, attempts: Int) async throws {
        try await withDatabase { database in
            let define = Statement(
                """
                CREATE FUNCTION fail(code text) RETURNS int LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'told to fail' USING ERRCODE = code; END $$
                """)
            _ = try await database.write(define, [])
            let fail = Statement("SELECT fail($1)")
            let count = Atomic<Int>(0)
            _ = try? await database.transaction { transaction in
                guard count.wrappingAdd(1, ordering: .relaxed).newValue < 3 else { return }
                try await transaction.run(fail, [.text(code)])
            }
            #expect(count.load(ordering: .relaxed) == attempts)
        }
    }

    @Test("a read whose connection is ended is tried again, and a transaction that had not committed too")
    func lostConnection() async throws {
        try await withDatabase({ $0.connectionsPerLoop = 1 }) { database in
            let other = try PostgreSQLDatabase(PostgreSQLSettings(url: try #require(Stores.postgres)))
            defer { other.close() }
            let killed = Atomic<Int>(0)
            func kill() async throws {
                let pid: Int = try #require(try await database.read(Self.backend, []).value())
                _ = try await other.read(Self.terminate, [.text("{\(pid)}")])
            }
            try await kill()
            #expect(try await database.read(Self.count, []).value(Int.self) == 0)
            try await database.transaction { transaction in
                try await transaction.run(Self.insert, [.text("a"), .integer(1)])
                guard killed.wrappingAdd(1, ordering: .relaxed).oldValue == 0 else { return }
                let pid: Int = try await transaction.run(Self.backend, []).value() ?? 0
                _ = try await other.read(Self.terminate, [.text("{\(pid)}")])
                try await transaction.run(Self.count, [])
            }
            #expect(killed.load(ordering: .relaxed) == 2)
            #expect(try await database.read(Self.count, []).value(Int.self) == 1)
        }
    }

    @Test("a statement that takes too long is unavailable, and the connection serves others again")
    func statementTimeout() async throws {
        try await withDatabase({ $0.statementTimeout = .milliseconds(500) }) { database async throws in
            await #expect(throws: DatabaseError.self) { _ = try await database.write(Self.sleepStatement, [.real(3600)]) }
            #expect(try await database.read(Self.count, []).value(Int.self) == 0)
        }
    }

    @Test("a server that is silent is given up in time, and another connection serves others")
    func silentServer() async throws {
        try await withDatabase({
            $0.connectionsPerLoop = 1
            $0.statementTimeout = .milliseconds(500)
        }) { database async throws in
            _ = try await database.write(Self.neverGiveUp, [])
            await #expect(throws: DatabaseError.unavailable("no answer within 500 ms")) {
                _ = try await database.write(Self.sleepStatement, [.real(3600)])
            }
            #expect(try await database.read(Self.count, []).value(Int.self) == 0)
        }
    }

    @Test("who waits too long for a connection is told so")
    func poolTimeout() async throws {
        try await withDatabase({
            $0.connectionsPerLoop = 1
            $0.statementTimeout = .seconds(300)
            $0.poolTimeout = .milliseconds(200)
        }) { database in
            try await database.transaction { transaction async throws in
                try await transaction.run(Self.count, [])
                await #expect(throws: DatabaseError.unavailable("no connection became free in time")) {
                    _ = try await database.read(Self.count, [])
                }
            }
        }
    }

    @Test("a server that is not there is unavailable at once, and its password stays unsaid")
    func notThere() async throws {
        let database = try PostgreSQLDatabase(PostgreSQLSettings(url: "postgres://u:hidden@127.0.0.1:1/x"))
        defer { database.close() }
        for _ in 0..<3 {
            do {
                _ = try await database.read(Self.backend, [])
                Issue.record("it answered")
            } catch {
                guard case .unavailable(let reason) = error else { throw error }
                #expect(!reason.contains("hidden"))
            }
        }
    }

    @Test("nodes that start at once migrate once, and an older program may run beside a step that only adds")
    func migrations() async throws {
        try await withDatabase { database in
            let clock = ManualClock().clock
            let first = Migration(number: 1, name: "one", script: "CREATE /*postgres: UNLOGGED */ TABLE a (x bigint);")
            let second = Migration(
                number: 2, name: "two", oldestProgram: 1,
                script: "ALTER TABLE a ADD COLUMN y text DEFAULT ';'; -- a ; in a comment\nCREATE INDEX a_y ON a (y);")
            let ran = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<4 { group.addTask { try await Migrator([first, second]).run(on: database, clock: clock) } }
                return try await group.reduce([]) { $0 + $1 }
            }
            #expect(ran.sorted() == [1, 2])
            #expect(try await Migrator([first]).run(on: database, clock: clock) == [])
            let third = Migration(number: 3, name: "three", script: "ALTER TABLE a DROP COLUMN x")
            #expect(try await Migrator([first, second, third]).run(on: database, clock: clock) == [3])
            await #expect(throws: MigrationError.schemaIsNewer(database: 3, program: 2)) {
                try await Migrator([first, second]).run(on: database, clock: clock)
            }
        }
    }

    @Test("notices reach every listener, also after its connection was lost and it said so")
    func listening() async throws {
        let channel = "test_" + Hex.encode(RandomSource.system.bytes(6))
        try await withDatabase({ $0.url += "&application_name=\(channel)" }) { database in
            let heard = Mutex<[Notice]>([])
            let number = await database.listen(channel) { notice in
                if notice != .proven { heard.withLock { $0.append(notice) } }
            }
            #expect(await eventually { heard.withLock { $0.last } == .resumed })
            try await database.notify(channel, "one")
            #expect(await eventually { heard.withLock { $0.last } == .message("one") })
            let listeners = Statement(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = '\(channel)' AND query LIKE 'LISTEN %'
                """)
            let ended = try await database.read(listeners, [])
            #expect(ended.count == 1)
            #expect(await eventually { heard.withLock { $0.suffix(2) } == [.interrupted, .resumed] })
            try await database.notify(channel, "two")
            #expect(await eventually { heard.withLock { $0.last } == .message("two") })
            database.ignore(channel, number)
        }
    }
}
