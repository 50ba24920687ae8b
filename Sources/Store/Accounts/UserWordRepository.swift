import Ground
import SQL

/// The words by which people are found.
public struct UserWordRepository: Sendable {
    let sql: any StatementRunner

    /// Longer ones are cut: who types more than this finds no fewer people.
    private static let longestWord = 64
    private static let most = 24

    private static let forget = Statement("DELETE FROM user_words WHERE user_id = $1")
    private static let insertWord = Statement("INSERT INTO user_words (word, user_id) VALUES ($1, $2)")

    /// Replaces the words of a person.
    public func write(of user: User) async throws(DatabaseError) {
        try await sql.run(Self.forget, [user.id.sqlValue])
        for word in Self.words(of: user) { try await sql.run(Self.insertWord, [word.sqlValue, user.id.sqlValue]) }
    }

    private static let unsearchable = Statement(
        "SELECT \(User.columns) FROM users WHERE is_searchable = 0 ORDER BY id LIMIT $1")
    private static let anyUnsearchable = Statement("SELECT 1 FROM users WHERE is_searchable = 0 LIMIT 1")

    /// Whether everybody's words are there.
    public func areComplete() async throws(DatabaseError) -> Bool { try await sql.run(Self.anyUnsearchable, []).isEmpty }

    private static let markSearchable = Statement("UPDATE users SET is_searchable = 1 WHERE id = $1")

    /// Writes the words of some people whose words were never written.
    /// - Returns: how many.
    public func writeMissing(limit: Int) async throws(DatabaseError) -> Int {
        let users: [User] = try await sql.run(Self.unsearchable, [limit.sqlValue]).all()
        for user in users {
            try await write(of: user)
            try await sql.run(Self.markSearchable, [user.id.sqlValue])
        }
        return users.count
    }

    /// The words of a name, the address as a whole and its domain, and the digits of the telephone number.
    static func words(of user: User) -> Set<String> {
        var words = Set(split(user.name).prefix(most))
        if let email = user.emailKey {
            words.insert(cut(email))
            if let at = email.lastIndex(of: "@") { words.insert(cut(String(email[email.index(after: at)...]))) }
        }
        let digits = (user.phone ?? "").filter { ("0"..."9").contains($0) }
        if !digits.isEmpty { words.insert(cut(digits)) }
        return words
    }

    /// What somebody looks for, as words that can stand in the table.
    public static func split(_ text: String) -> [String] {
        text.lowercased().split { $0.isWhitespace }.map { cut(String($0)) }
    }

    private static func cut(_ word: String) -> String { String(word.unicodeScalars.prefix(longestWord)) }
}
