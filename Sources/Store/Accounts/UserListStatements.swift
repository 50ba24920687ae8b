import SQL

/// The texts of the lists of people, one for each shape.
///
/// None of them leaves the order of the work to a guess. `e` is an entry of what is gone along or gathered: an id and
/// what is sorted by. All that can be told of an id is told before its person `u` is looked up. Questions about one
/// person are scalar: no planner turns them into a hash of everybody.
enum UserListStatements {
    static let all: [UserList.Shape: Statement] = {
        var statements: [UserList.Shape: Statement] = [:]
        for order in UserList.Order.allCases {
            for way in ways(in: order) {
                for isDescending in order == .word ? [false] : [false, true] {
                    for start in UserList.Start.allCases {
                        let shape = UserList.Shape(way: way, order: order, isDescending: isDescending, start: start)
                        statements[shape] = Statement(
                            sqlite: text(of: shape, in: .sqlite), postgres: text(of: shape, in: .postgres))
                    }
                }
            }
        }
        return statements
    }()

    private static func ways(in order: UserList.Order) -> [UserList.Way] {
        let filters = UserList.Filter.allCases.filter { order == .word || !UserList.Filter.words.contains($0) }
        return [.alongOrder] + UserList.Stretch.allCases.map(UserList.Way.alongStartOfOrder)
            + filters.filter { $0.isOrdered(by: order) }.map(UserList.Way.along) + filters.map(UserList.Way.gathering)
    }

    /// How many people each filter leaves; 0 for those that are not asked for.
    static let sizes = Statement(
        "SELECT "
            + UserList.Filter.allCases.map { filter in
                """
                CASE WHEN \(isAsked(filter)) THEN (SELECT count(*) FROM (\(left(by: filter))
                    LIMIT \(UserListRepository.mostGathered)) n) ELSE 0 END
                """
            }.joined(separator: ", "))

    // MARK: The text

    private enum Dialect { case sqlite, postgres }

    private static func text(of shape: UserList.Shape, in dialect: Dialect) -> String {
        let parts = Parts(shape, dialect)
        let key = shape.order == .lastLogin ? "CAST(\(parts.key) AS text)" : parts.key
        return """
            SELECT \(User.qualifiedColumns), \(key) FROM \(parts.entries) \(parts.arePeople ? "" : person(parts.id, in: dialect))
            WHERE 1 = 1\(parts.conditions)\(UserListConditions.filters(of: parts.id, leftBy: shape.way.filter))
            ORDER BY \(parts.sorting(shape.start)) LIMIT $3
            """
    }

    /// One person for each entry, looked up by the id.
    private static func person(_ id: String, in dialect: Dialect) -> String {
        switch dialect {
        case .sqlite: "CROSS JOIN users u ON u.id = \(id)"
        case .postgres: "CROSS JOIN LATERAL (SELECT * FROM users p WHERE p.id = \(id) OFFSET 0) u"
        }
    }

    /// What differs between the ways.
    private struct Parts {
        let shape: UserList.Shape
        let dialect: Dialect
        var entries = "users u"
        /// Whether the entries are people already.
        var arePeople = true
        var id = "u.id"
        var key: String
        var conditions = ""

        init(_ shape: UserList.Shape, _ dialect: Dialect) {
            (self.shape, self.dialect) = (shape, dialect)
            key = UserListStatements.key(of: shape.order)
            switch shape.way {
            case .alongOrder:
                if shape.order == .word { go(along: "user_words e", "e.user_id") }
                conditions = start(shape.start)
            case .alongStartOfOrder(let stretch):
                if shape.order == .word { go(along: "user_words e", "e.user_id") }
                go(along: "(\(first(stretch))) e", "e.id")
                key = "e.sort_key"
            case .along(let filter):
                if filter == .role { go(along: "user_roles e", "e.user_id") }
                if filter == .company { go(along: "memberships e", "e.user_id") }
                conditions = UserListStatements.condition(of: filter) + start(shape.start)
            case .gathering(let filter):
                go(along: "(SELECT DISTINCT n.id FROM (\(left(by: filter))) n) e", "e.id")
                if shape.order == .word { key = UserListConditions.firstWord }
                conditions = start(shape.start)
            }
            guard shape.order == .word else { return }
            if case .gathering = shape.way {} else { conditions += UserListConditions.isFirst(key, of: id) }
            conditions += UserListConditions.words(of: id)
        }

        private mutating func go(along entries: String, _ id: String) {
            (self.entries, self.id, arePeople) = (entries, id, false)
        }

        func sorting(_ start: UserList.Start) -> String {
            let order = shape.isDescending ? " DESC" : ""
            // SQLite sorts by a key of an expression even where it is the same for all.
            let isByID = shape.order == .id || start == .amongEquals && dialect == .sqlite
            return (isByID ? "" : "\(key)\(order), ") + id + order
        }

        /// The first entries of the order from where the page starts.
        private func first(_ stretch: UserList.Stretch) -> String {
            let starts: [UserList.Start] =
                shape.start == .after && shape.order.isOfExpression ? [.amongEquals, .afterEquals] : [shape.start]
            let parts = starts.map { start in
                """
                SELECT * FROM (SELECT \(id) AS id, \(key) AS sort_key FROM \(entries) WHERE 1 = 1\(self.start(start))
                    ORDER BY \(sorting(start)) LIMIT \(stretch.rawValue)) s
                """
            }
            let order = shape.isDescending ? " DESC" : ""
            return parts.joined(separator: " UNION ALL ") + " ORDER BY sort_key\(order), id\(order) LIMIT \(stretch.rawValue)"
        }

        /// From where to where the order is followed.
        private func start(_ start: UserList.Start) -> String {
            let sign = shape.isDescending ? "<" : ">"
            var text: String =
                switch start {
                case .beginning: ""
                case .after where shape.order == .id: " AND \(id) \(sign) $2"
                case .after: " AND (\(key), \(id)) \(sign) ($1, $2)"
                // Told that the key is the same for all, PostgreSQL may walk all ids instead of the index.
                case .amongEquals where dialect == .postgres:
                    " AND (\(key), \(id)) \(sign) ($1, $2) AND \(key) \(sign == ">" ? "<" : ">")= $1"
                case .amongEquals: " AND \(key) = $1 AND \(id) \(sign) $2"
                case .afterEquals: " AND \(key) \(sign) $1"
                }
            switch shape.order {
            case .lastLogin: text += shape.isDescending ? " AND \(key) >= $7" : " AND \(key) < $8"
            case .word: text += (start == .beginning ? " AND \(key) >= $11" : "") + " AND \(key) < $12"
            default: break
            }
            return text
        }
    }

    /// As the indexes have it.
    private static func key(of order: UserList.Order) -> String {
        switch order {
        case .id: "''"
        case .name: "lower(u.name)"
        case .email: "COALESCE(u.email_key, '')"
        case .lastLogin: "COALESCE(u.last_login_at, 0)"
        case .word: "e.word"
        }
    }

    // MARK: Filters

    private static func condition(of filter: UserList.Filter) -> String {
        switch filter {
        case .role:
            // Whoever has the role in several places is one person.
            """
             AND e.role_id = $6 AND \(UserListConditions.hasNotEnded("e")) AND (SELECT 1 FROM user_roles o
                WHERE o.user_id = e.user_id AND o.role_id = e.role_id AND o.id < e.id
                    AND \(UserListConditions.hasNotEnded("o")) LIMIT 1) IS NULL
            """
        case .company: " AND e.company_id = $5"
        case .deleted: " AND u.deleted_at IS NOT NULL"
        default: " AND u.status <> 'ACTIVE'"
        }
    }

    /// Whom a filter leaves, as ids, some of them more than once.
    private static func left(by filter: UserList.Filter) -> String {
        switch filter {
        case .role: "SELECT user_id AS id FROM user_roles WHERE role_id = $6"
        case .company: "SELECT user_id AS id FROM memberships WHERE company_id = $5"
        case .deleted: "SELECT id FROM users WHERE deleted_at IS NOT NULL"
        case .status: "SELECT id FROM users WHERE status <> 'ACTIVE'"
        case .lastLogin:
            "SELECT id FROM users WHERE COALESCE(last_login_at, 0) >= $7 AND COALESCE(last_login_at, 0) < $8"
        case .firstWord: having(0)
        case .secondWord: having(1)
        case .thirdWord: having(2)
        case .fourthWord: having(3)
        }
    }

    private static func having(_ word: Int) -> String {
        "SELECT user_id AS id FROM user_words WHERE word >= $\(11 + word * 2) AND word < $\(12 + word * 2)"
    }

    private static func isAsked(_ filter: UserList.Filter) -> String {
        // The casts tell PostgreSQL a type before the first use does.
        switch filter {
        case .role: "CAST($6 AS uuid) IS NOT NULL"
        case .company: "CAST($5 AS uuid) IS NOT NULL"
        case .deleted: "$9 = 1"
        case .status: "CAST($4 AS text) <> 'ACTIVE'"
        case .lastLogin: "$7 > 0 OR $8 < \(Int64.max)"
        case .firstWord: "$11 <> ''"
        case .secondWord: "$13 <> ''"
        case .thirdWord: "$15 <> ''"
        case .fourthWord: "$17 <> ''"
        }
    }
}
