import Synchronization

/// One SQL text, written once, prepared once a connection. Keep it in a `static let`.
///
/// Parameters are `$1`, `$2`, …; the dialect is what SQLite 3.35 and PostgreSQL 13 share.
public final class Statement: Sendable {
    public let text: String
    /// The same with SQLite's numbered parameters: to SQLite `$1` is a name, not a number.
    let sqliteText: String
    /// What PostgreSQL calls it once it is prepared: the same on every connection.
    let name: String

    private static let counter = Atomic<Int>(0)
    private static func nextName() -> String { "g\(counter.wrappingAdd(1, ordering: .relaxed).newValue)" }

    public init(_ text: String) {
        self.text = text
        name = Self.nextName()
        sqliteText = String(text.map { $0 == "$" ? "?" : $0 })
    }

    /// For the places where the two databases must be told different things.
    public init(sqlite: String, postgres: String) {
        text = postgres
        name = Self.nextName()
        sqliteText = String(sqlite.map { $0 == "$" ? "?" : $0 })
    }
}
