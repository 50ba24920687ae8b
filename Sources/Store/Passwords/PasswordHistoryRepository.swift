import Ground
import SQL

/// The hashes of passwords that people had before.
public struct PasswordHistoryRepository: Sendable {
    let sql: any StatementRunner

    private static let insert = Statement(
        "INSERT INTO password_history (user_id, id, password_hash) VALUES ($1, $2, $3)")
    private static let trim = Statement(
        """
        DELETE FROM password_history WHERE user_id = $1 AND id NOT IN (
            SELECT h.id FROM password_history h WHERE h.user_id = $1 ORDER BY h.id DESC LIMIT $2)
        """)

    /// Keeps a hash, and of all that are kept the newest.
    public func keep(_ hash: String, of user: UUID, as id: UUID, atMost count: Int) async throws(DatabaseError) {
        try await sql.run(Self.insert, [user.sqlValue, id.sqlValue, hash.sqlValue])
        try await sql.run(Self.trim, [user.sqlValue, count.sqlValue])
    }

    private static let newest = Statement(
        "SELECT password_hash FROM password_history WHERE user_id = $1 ORDER BY id DESC LIMIT $2")

    /// The newest first.
    public func newest(of user: UUID, atMost count: Int) async throws(DatabaseError) -> [String] {
        var hashes: [String] = []
        for var row in try await sql.run(Self.newest, [user.sqlValue, count.sqlValue]) { hashes.append(try row.next()) }
        return hashes
    }

    private static let forget = Statement("DELETE FROM password_history")

    /// Forgets all of them.
    public func forgetAll() async throws(DatabaseError) { try await sql.run(Self.forget, []) }
}
