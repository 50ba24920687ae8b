import Ground
import SQL

/// The words by which people are found.
public struct UserWordRepository: Sendable {
    let sql: any StatementRunner

    /// Longer ones are cut: who types more than this finds no fewer people.
    private static let longestWord = 64
    private static let most = 24

    /// What a person is called, here and by Telegram.
    private struct Names: RowDecodable {
        let id: UUID
        let name: String
        let emailKey: String?
        let phone: String?
        let telegram: [String?]

        static let columns = "u.id, u.name, u.email_key, u.phone, t.first_name, t.last_name, t.username"
        static let people = "users u LEFT JOIN telegram_identities t ON t.user_id = u.id"

        init(row: inout Row) throws(DatabaseError) {
            id = try row.next()
            name = try row.next()
            emailKey = try row.next()
            phone = try row.next()
            telegram = [try row.next(), try row.next(), try row.next()]
        }

        init(of user: User) {
            (id, name, emailKey, phone, telegram) = (user.id, user.name, user.emailKey, user.phone, [])
        }
    }

    // MARK: Writing

    private static let insertWord = Statement(
        "INSERT INTO user_words (word, user_id) VALUES ($1, $2) ON CONFLICT (word, user_id) DO NOTHING")

    /// Writes the words of somebody new, whom Telegram has no name for yet.
    func write(ofNew user: User) async throws(DatabaseError) { try await add(Self.words(of: Names(of: user)), of: user.id) }

    /// Adds what Telegram calls a person.
    func add(of identity: TelegramIdentity) async throws(DatabaseError) {
        try await add(Self.words(of: identity), of: identity.userID)
    }

    private func add(_ words: Set<String>, of user: UUID) async throws(DatabaseError) {
        for word in words { try await sql.run(Self.insertWord, [word.sqlValue, user.sqlValue]) }
    }

    private static let namesOf = Statement("SELECT \(Names.columns) FROM \(Names.people) WHERE u.id = $1")

    /// Replaces the words of a person by those of what they are called now.
    public func rewrite(_ user: UUID) async throws(DatabaseError) {
        guard let names: Names = try await sql.run(Self.namesOf, [user.sqlValue]).first() else { return }
        try await replace(names)
    }

    private static let forget = Statement("DELETE FROM user_words WHERE user_id = $1")

    private func replace(_ names: Names) async throws(DatabaseError) {
        try await sql.run(Self.forget, [names.id.sqlValue])
        try await add(Self.words(of: names), of: names.id)
    }

    // MARK: Writing what was never written

    private static let unsearchable = Statement(
        "SELECT \(Names.columns) FROM \(Names.people) WHERE u.is_searchable = 0 ORDER BY u.id LIMIT $1")
    private static let anyUnsearchable = Statement("SELECT 1 FROM users WHERE is_searchable = 0 LIMIT 1")

    /// Whether everybody's words are there.
    public func areComplete() async throws(DatabaseError) -> Bool { try await sql.run(Self.anyUnsearchable, []).isEmpty }

    private static let markSearchable = Statement("UPDATE users SET is_searchable = 1 WHERE id = $1")

    /// Writes the words of some people whose words were never written.
    /// - Returns: how many.
    public func writeMissing(limit: Int) async throws(DatabaseError) -> Int {
        let people: [Names] = try await sql.run(Self.unsearchable, [limit.sqlValue]).all()
        for names in people {
            try await replace(names)
            try await sql.run(Self.markSearchable, [names.id.sqlValue])
        }
        return people.count
    }

    private static let usersOfTelegram = Statement(
        "SELECT telegram_id, user_id FROM telegram_identities WHERE telegram_id > $1 ORDER BY telegram_id LIMIT $2")

    /// Replaces the words of some people whom Telegram knows, in the order of its numbers.
    /// - Returns: how many, and the last of their numbers.
    public func rewriteOfTelegram(after start: Int64, limit: Int) async throws(DatabaseError) -> (count: Int, last: Int64) {
        var (count, last) = (0, start)
        for var row in try await sql.run(Self.usersOfTelegram, [start.sqlValue, limit.sqlValue]) {
            last = try row.next()
            try await rewrite(try row.next())
            count += 1
        }
        return (count, last)
    }

    // MARK: The words

    /// The words of every name, the address as a whole and its domain, and the digits of the telephone number.
    private static func words(of names: Names) -> Set<String> {
        var words = Set(split(names.name).prefix(most)).union(self.words(of: names.telegram))
        if let email = names.emailKey {
            words.insert(cut(email))
            if let at = email.lastIndex(of: "@") { words.insert(cut(String(email[email.index(after: at)...]))) }
        }
        let digits = (names.phone ?? "").filter { ("0"..."9").contains($0) }
        if !digits.isEmpty { words.insert(cut(digits)) }
        return words
    }

    /// The words of what Telegram calls a person.
    static func words(of identity: TelegramIdentity) -> Set<String> {
        words(of: [identity.firstName, identity.lastName, identity.username])
    }

    private static func words(of telegram: [String?]) -> Set<String> {
        Set(telegram.compactMap { $0 }.flatMap { split($0).prefix(most) })
    }

    /// What somebody looks for, as words that can stand in the table. The `@` before a name of Telegram's is not a part of it;
    /// where nothing else is looked for, it is not everybody that is found.
    public static func split(_ text: String) -> [String] {
        let words = text.lowercased().split { $0.isWhitespace }
        let names = words.map { $0.drop { $0 == "@" } }.filter { !$0.isEmpty }
        return (names.isEmpty ? Array(words.prefix(1)) : names).map { cut(String($0)) }
    }

    private static func cut(_ word: String) -> String { String(word.unicodeScalars.prefix(longestWord)) }
}
