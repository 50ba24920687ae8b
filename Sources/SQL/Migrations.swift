import Ground

/// One numbered step of the schema.
///
/// A new version of the program runs beside the old one while nodes are restarted one by one, so a step only adds
/// what the old program does without (expand); what it no longer needs is taken away a version later (contract).
public struct Migration: Sendable {
    public let number: Int
    public let name: String
    public let script: String
    /// The oldest schema whose program may still run once this step has: its own number, unless the step only adds.
    public let oldestProgram: Int

    /// - Parameter oldestProgram: see there; nil says that the step leaves no older program running.
    public init(number: Int, name: String, oldestProgram: Int? = nil, script: String) {
        self.number = number
        self.name = name
        self.script = script
        self.oldestProgram = oldestProgram ?? number
    }

    /// FNV-1a over the script: enough to see that a file was edited after it had run somewhere.
    var checksum: String {
        let hash = script.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

/// Why a schema cannot be brought up to date.
public enum MigrationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A newer version of the program has been here. Going on could damage what it wrote.
    case schemaIsNewer(database: Int, program: Int)
    /// A step that has run is not the one that this program carries.
    case changed(number: Int)

    public var description: String {
        switch self {
        case .schemaIsNewer(let database, let program):
            "the database has schema \(database), and this program knows only up to \(program): use the newer program"
        case .changed(let number):
            "migration \(number) in the database is not the one of this program"
        }
    }
}

/// Brings a schema up to date.
public struct Migrator: Sendable {
    public let migrations: [Migration]

    public init(_ migrations: [Migration]) { self.migrations = migrations.sorted { $0.number < $1.number } }

    private static let create = Statement(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            number bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)
        """)
    private static let createFloors = Statement(
        """
        CREATE TABLE IF NOT EXISTS schema_floors (number bigint PRIMARY KEY, oldest_program bigint NOT NULL)
        """)
    private static let applied = Statement("SELECT number, checksum FROM schema_migrations ORDER BY number")
    private static let record = Statement(
        "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
    private static let floors = Statement("SELECT number, oldest_program FROM schema_floors")
    private static let recordFloor = Statement("INSERT INTO schema_floors (number, oldest_program) VALUES ($1, $2)")

    /// Runs what has not run yet: each step is a transaction of its own, which one node at a time is in, so that no
    /// table is locked for longer than its own step takes.
    /// - Returns: the numbers that ran here.
    /// - Throws: `MigrationError`, `DatabaseError`. The steps before the one that failed stay.
    public func run(on database: any Database, clock: Clock) async throws -> [Int] {
        var ran: [Int] = []
        while let number = try await database.exclusively({ try await runNext(in: $0, at: clock.now) }) {
            ran.append(number)
        }
        return ran
    }

    /// - Returns: nil when nothing was left to do.
    private func runNext(in transaction: any Transaction, at now: Timestamp) async throws -> Int? {
        try await transaction.run(Self.create, [])
        try await transaction.run(Self.createFloors, [])
        let known = try await Self.numbers(Self.applied, String.self, in: transaction)
        try await refuseNewer(known, in: transaction)
        for migration in migrations {
            if let checksum = known[migration.number] {
                guard checksum == migration.checksum else { throw MigrationError.changed(number: migration.number) }
                continue
            }
            try await transaction.run(script: migration.script)
            let values: [SQLValue] = [
                migration.number.sqlValue, migration.name.sqlValue, migration.checksum.sqlValue, now.sqlValue,
            ]
            try await transaction.run(Self.record, values)
            try await transaction.run(Self.recordFloor, [migration.number.sqlValue, migration.oldestProgram.sqlValue])
            return migration.number
        }
        return nil
    }

    /// Steps that this program does not know are no harm where they say so.
    private func refuseNewer(_ known: [Int: String], in transaction: any Transaction) async throws {
        let newest = migrations.last?.number ?? 0
        let unknown = known.keys.filter { $0 > newest }
        guard let highest = unknown.max() else { return }
        let floors = try await Self.numbers(Self.floors, Int.self, in: transaction)
        guard unknown.allSatisfy({ (floors[$0] ?? .max) <= newest }) else {
            throw MigrationError.schemaIsNewer(database: highest, program: newest)
        }
    }

    private static func numbers<T: SQLConvertible>(_ statement: Statement, _ type: T.Type, in transaction: any Transaction)
        async throws -> [Int: T]
    {
        var found: [Int: T] = [:]
        for var row in try await transaction.run(statement, []) { found[try row.next()] = try row.next(T.self) }
        return found
    }
}
