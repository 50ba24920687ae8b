/// A relational database.
///
/// Everything that must last goes through here; SQLite and PostgreSQL stand behind it.
public protocol Database: Sendable {
    /// Whether one statement may change several tables (`WITH … AS (UPDATE …)`).
    var runsCompoundStatements: Bool { get }

    /// Runs one statement that reads, on committed data.
    func read(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row]

    /// Runs one statement that changes something, as a transaction of its own.
    func write(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row]

    /// Runs `body` as one transaction: all of it lasts when this returns, and nothing when it throws.
    ///
    /// `body` awaits nothing but its transaction. It may be run again when two transactions got in each other's
    /// way, so it changes nothing outside.
    /// - Throws: `DatabaseError`, or what `body` threw.
    func transaction<T: Sendable>(_ body: @escaping @Sendable (any Transaction) async throws -> T) async throws -> T

    /// Runs `body` as a transaction that no other node is in at the same time: for changes of the schema.
    /// - Throws: `DatabaseError`, or what `body` threw.
    func exclusively<T: Sendable>(_ body: @escaping @Sendable (any Transaction) async throws -> T) async throws -> T

    /// Finishes what is under way and closes.
    func close()
}

/// Something that runs statements: a transaction, or the database itself for reads.
public protocol StatementRunner: Sendable {
    /// Whether one statement may change several tables (`WITH … AS (UPDATE …)`).
    var runsCompoundStatements: Bool { get }

    /// Runs one statement and gives its rows: those selected, or those of `RETURNING`.
    @discardableResult
    func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row]
}

/// Reads outside any transaction.
public struct DatabaseReader: StatementRunner {
    private let database: any Database
    public init(_ database: any Database) { self.database = database }

    public var runsCompoundStatements: Bool { database.runsCompoundStatements }

    public func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await database.read(statement, values)
    }
}

/// Single statements, each a transaction of its own.
public struct DatabaseWriter: StatementRunner {
    private let database: any Database
    public init(_ database: any Database) { self.database = database }

    public var runsCompoundStatements: Bool { database.runsCompoundStatements }

    public func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await database.write(statement, values)
    }
}

/// The statements of one transaction.
public protocol Transaction: StatementRunner {
    /// Runs a script of several statements without values.
    func run(script: String) async throws(DatabaseError)
}

/// Why a database did not do what it was asked.
public enum DatabaseError: Error, Hashable, Sendable {
    /// It cannot be reached, is full, or is broken. Nothing has changed, unless the line was cut between a commit and
    /// its answer.
    case unavailable(String)
    /// A unique index holds that value already. Named as `table.column`.
    case duplicate(String)
    /// A foreign key, a check or a not-null was violated.
    case constraint(String)
    /// The statement, or a value read from it, is not what the program expects.
    case unexpected(String)
}
