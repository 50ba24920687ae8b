import Ground
import SQL

/// What a list of people is asked for.
public struct UserQuery: Sendable {
    public enum Sort: String, Sendable, CaseIterable {
        case created = "created_at"
        case name
        case email
        case lastLogin = "last_login_at"
    }

    /// Where a page ends: what it is sorted by, and whose it is.
    public struct Position: Sendable, Hashable {
        public let key: String
        public let id: UUID
        public init(key: String, id: UUID) {
            self.key = key
            self.id = id
        }
    }

    /// The beginnings of words, each of which a person must have. Then the order is that of the longest.
    public var words: [String] = []
    public var status: User.Status?
    public var company: UUID?
    public var role: UUID?
    public var lastLoginAfter: Timestamp?
    public var lastLoginBefore: Timestamp?
    public var isDeleted = false
    public var sort = Sort.created
    public var isDescending = false
    public var after: Position?
    public var limit: Int

    public init(limit: Int) { self.limit = limit }
}

/// The table of users, page by page. Each kind of list walks one index in its order, and a page costs what is on it.
public struct UserListRepository: Sendable {
    let sql: any StatementRunner

    /// Words that are looked for at once.
    public static let mostWords = 4

    /// - Parameter now: a role that ended before it counts for nothing.
    public func page(_ query: UserQuery, at now: Timestamp) async throws(DatabaseError) -> [(user: User, key: String)] {
        let shape = Shape(query)
        guard let statement = Self.statements[shape] else { return [] }
        var page: [(User, String)] = []
        for var row in try await sql.run(statement, Self.values(of: query, shape, at: now)) {
            let user = try User(row: &row)
            page.append((user, try row.next()))
        }
        return page
    }

    /// What decides the text of the statement.
    private struct Shape: Hashable {
        enum Source: CaseIterable { case all, deleted, status, company, role, words }

        var source: Source
        var sort: UserQuery.Sort
        var isDescending: Bool
        var isContinued: Bool

        init(source: Source, sort: UserQuery.Sort, isDescending: Bool, isContinued: Bool) {
            self.source = source
            self.sort = sort
            self.isDescending = isDescending
            self.isContinued = isContinued
        }

        init(_ query: UserQuery) {
            isContinued = query.after != nil
            isDescending = query.isDescending
            sort = query.sort
            source =
                if !query.words.isEmpty { .words }
                else if query.sort != .created { .all }
                else if query.role != nil { .role }
                else if query.company != nil { .company }
                else if query.isDeleted { .deleted }
                else if query.status != nil && query.status != .active { .status }
                else { .all }
            if source == .words {
                sort = .created
                isDescending = false
            }
        }
    }

    private static let statements: [Shape: Statement] = {
        var statements: [Shape: Statement] = [:]
        for source in Shape.Source.allCases {
            for sort in source == .all ? UserQuery.Sort.allCases : [.created] {
                for isDescending in source == .words ? [false] : [false, true] {
                    for isContinued in [false, true] {
                        let shape = Shape(source: source, sort: sort, isDescending: isDescending, isContinued: isContinued)
                        statements[shape] = Statement(text(of: shape))
                    }
                }
            }
        }
        return statements
    }()

    private static func text(of shape: Shape) -> String {
        let (table, condition, id): (String, String, String) =
            switch shape.source {
            case .all: ("users u", "1 = 1", "u.id")
            case .deleted: ("users u", "u.deleted_at IS NOT NULL", "u.id")
            case .status: ("users u", "u.status <> 'ACTIVE'", "u.id")
            case .company: ("memberships d JOIN users u ON u.id = d.user_id", "d.company_id = $5", "d.user_id")
            case .role:
                // Whoever has the role in several places is one person.
                (
                    "user_roles d JOIN users u ON u.id = d.user_id",
                    """
                    d.role_id = $6 AND \(hasNotEnded("d")) AND NOT EXISTS (SELECT 1 FROM user_roles e
                        WHERE e.user_id = d.user_id AND e.role_id = d.role_id AND e.id < d.id AND \(hasNotEnded("e")))
                    """, "d.user_id"
                )
            case .words:
                // Whoever has several words that fit is shown at the first of them.
                (
                    "user_words w JOIN users u ON u.id = w.user_id",
                    """
                    w.word >= $11 AND w.word < $12 AND NOT EXISTS (SELECT 1 FROM user_words o
                        WHERE o.user_id = w.user_id AND o.word >= $11 AND o.word < w.word)
                    """ + (1..<mostWords).map { number in
                        """
                         AND ($\(11 + number * 2) = '' OR EXISTS (SELECT 1 FROM user_words o WHERE o.user_id = w.user_id
                            AND o.word >= $\(11 + number * 2) AND o.word < $\(12 + number * 2)))
                        """
                    }.joined(), "w.user_id"
                )
            }
        let key: String =
            switch (shape.source, shape.sort) {
            case (.words, _): "w.word"
            case (_, .created): "''"
            case (_, .name): "lower(u.name)"
            case (_, .email): "COALESCE(u.email_key, '')"
            case (_, .lastLogin): "COALESCE(u.last_login_at, 0)"
            }
        let isByID = shape.source != .words && shape.sort == .created
        let sign = shape.isDescending ? "<" : ">"
        let order = shape.isDescending ? " DESC" : ""
        let start =
            !shape.isContinued ? "" : isByID ? " AND \(id) \(sign) $2" : " AND (\(key), \(id)) \(sign) ($1, $2)"
        return """
            SELECT \(User.qualifiedColumns), \(shape.sort == .lastLogin ? "CAST(\(key) AS text)" : key) FROM \(table)
            WHERE \(condition)\(start)\(filters)
            ORDER BY \(isByID ? "" : "\(key)\(order), ")\(id)\(order) LIMIT $3
            """
    }

    private static func hasNotEnded(_ grant: String) -> String {
        "(\(grant).expires_at > $10 OR \(grant).expires_at IS NULL)"
    }

    // The casts tell PostgreSQL a type before the first use does.
    private static let filters = """
         AND (u.status = $4 OR $4 IS NULL)
            AND (CAST($5 AS uuid) IS NULL OR EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.company_id = $5))
            AND (CAST($6 AS uuid) IS NULL OR EXISTS (SELECT 1 FROM user_roles g WHERE g.user_id = u.id AND g.role_id = $6
                AND (g.company_id = $5 OR $5 IS NULL) AND \(hasNotEnded("g"))))
            AND (u.last_login_at >= $7 OR $7 IS NULL) AND (u.last_login_at < $8 OR $8 IS NULL)
            AND ((u.deleted_at IS NULL) = ($9 = 0))
        """

    private static func values(of query: UserQuery, _ shape: Shape, at now: Timestamp) -> [SQLValue] {
        let after = query.after
        let isNumber = shape.source == .all && shape.sort == .lastLogin
        let key: SQLValue = isNumber ? .integer(Int64(after?.key ?? "") ?? 0) : .text(after?.key ?? "")
        var values: [SQLValue] = [
            key, (after?.id ?? UUID(high: 0, low: 0)).sqlValue, query.limit.sqlValue, (query.status?.rawValue).sqlValue,
            query.company.sqlValue, query.role.sqlValue, query.lastLoginAfter.sqlValue, query.lastLoginBefore.sqlValue,
            query.isDeleted.sqlValue, now.sqlValue,
        ]
        guard shape.source == .words else { return values }
        // The longest leads: the fewest people have it.
        let words = query.words.sorted { ($0.utf8.count, $1) > ($1.utf8.count, $0) }
        for index in 0..<Self.mostWords {
            let word = words.indices.contains(index) ? words[index] : ""
            values += [.text(word), .text(word.isEmpty ? "" : word + "\u{10ffff}")]
        }
        return values
    }
}
