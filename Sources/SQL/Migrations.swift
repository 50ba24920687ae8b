import Ground

/// One numbered step of the schema.
public struct Migration: Sendable {
    public let number: Int
    public let name: String
    public let script: String

    public init(number: Int, name: String, script: String) {
        self.number = number
        self.name = name
        self.script = script
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
    private static let applied = Statement("SELECT number, checksum FROM schema_migrations ORDER BY number")
    private static let record = Statement(
        "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")

    /// Runs what has not run yet, all in one transaction, which also keeps a second node waiting.
    /// - Returns: the numbers that ran.
    /// - Throws: `MigrationError`, `DatabaseError`. Nothing has changed then.
    public func run(on database: any Database, clock: Clock) async throws -> [Int] {
        try await database.transaction { [migrations] transaction in
            try await transaction.run(Self.create, [])
            var known: [Int: String] = [:]
            for var row in try await transaction.run(Self.applied, []) {
                known[try row.next()] = try row.next(String.self)
            }
            let newest = migrations.last?.number ?? 0
            if let highest = known.keys.max(), highest > newest {
                throw MigrationError.schemaIsNewer(database: highest, program: newest)
            }
            var ran: [Int] = []
            for migration in migrations {
                if let checksum = known[migration.number] {
                    guard checksum == migration.checksum else { throw MigrationError.changed(number: migration.number) }
                    continue
                }
                try await transaction.run(script: migration.script)
                let values: [SQLValue] = [
                    migration.number.sqlValue, migration.name.sqlValue, migration.checksum.sqlValue,
                    clock.now.sqlValue,
                ]
                try await transaction.run(Self.record, values)
                ran.append(migration.number)
            }
            return ran
        }
    }
}
