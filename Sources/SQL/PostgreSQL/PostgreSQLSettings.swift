/// How PostgreSQL is reached.
public struct PostgreSQLSettings: Sendable {
    /// A connection URI (`postgres://user:password@host:port/database?sslmode=verify-full`), as libpq reads it. It may
    /// name several hosts.
    public var url: String
    /// A connection that no pooler in transaction mode stands before, for LISTEN. The same where it is nil.
    public var listenURL: String?
    /// Connections that one event loop may have.
    public var connectionsPerLoop = 8
    /// For one host. libpq counts in seconds, two at least.
    public var connectTimeout = Duration.seconds(2)
    /// For one statement, from its sending to its answer.
    public var statementTimeout = Duration.seconds(10)
    /// How long a caller waits for a free connection.
    public var poolTimeout = Duration.seconds(2)
    /// Prepared statements live in a connection, which a pooler in transaction mode changes behind our back.
    public var preparesStatements = true

    public init(url: String) { self.url = url }
}
