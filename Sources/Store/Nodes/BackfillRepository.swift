import Ground
import SQL

/// The table of what the server brings up to date by itself after an upgrade, page by page: each is gone through several
/// times, for what programs of the version before write meanwhile.
public struct BackfillRepository: Sendable {
    let sql: any StatementRunner

    private static let positionOf = Statement("SELECT position FROM backfills WHERE name = $1 AND due_at <= $2")

    /// The last key that was done.
    /// - Returns: nil where nothing is left to do, or not yet.
    public func position(of name: String, at now: Timestamp) async throws(DatabaseError) -> Int64? {
        try await sql.run(Self.positionOf, [name.sqlValue, now.sqlValue]).value()
    }

    private static let moveOne = Statement("UPDATE backfills SET position = $2 WHERE name = $1")

    public func move(_ name: String, to position: Int64) async throws(DatabaseError) {
        try await sql.run(Self.moveOne, [name.sqlValue, position.sqlValue])
    }

    private static let deleteLast = Statement("DELETE FROM backfills WHERE name = $1 AND rounds_left <= 1")
    private static let beginNext = Statement(
        "UPDATE backfills SET position = 0, rounds_left = rounds_left - 1, due_at = $2 WHERE name = $1")

    /// All of it was gone through.
    /// - Parameter moment: when the next round begins, if there is one.
    public func endRound(of name: String, nextAt moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.deleteLast, [name.sqlValue])
        try await sql.run(Self.beginNext, [name.sqlValue, moment.sqlValue])
    }
}
