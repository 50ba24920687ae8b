import Synchronization

/// One SQL text, written once, prepared once a connection. Keep it in a `static let`.
///
/// Parameters are `$1`, `$2`, …; the dialect is what SQLite 3.35 and PostgreSQL 13 share.
public final class Statement: Sendable {
    public let text: String
    /// The same with SQLite's numbered parameters: to SQLite `$1` is a name, not a number.
    let sqliteText: String
    /// No other statement of this process has it, not even one that comes to lie where this one lay.
    let number: Int
    /// What PostgreSQL calls it once it is prepared: the same on every connection.
    let name: String

    private static let counter = Atomic<Int>(0)

    public convenience init(_ text: String) { self.init(sqlite: text, postgres: text) }

    /// For the places where the two databases must be told different things.
    public init(sqlite: String, postgres: String) {
        text = postgres
        number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
        name = "g\(number)"
        sqliteText = String(sqlite.map { $0 == "$" ? "?" : $0 })
    }
}
