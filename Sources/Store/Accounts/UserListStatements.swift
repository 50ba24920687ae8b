import SQL

/// The texts of the lists of people, one for each shape.
///
/// None of them leaves the order of the work to a guess: what narrows stands first in the join and is looked up row by
/// row from there, and questions about one person are scalar, which no planner turns into a hash of everybody.
enum UserListStatements {
    static let all: [UserList.Shape: Statement] = {
        var statements: [UserList.Shape: Statement] = [:]
        for order in UserList.Order.allCases {
            for way in ways(in: order) {
                for isDescending in order == .word ? [false] : [false, true] {
                    for isContinued in [false, true] {
                        let shape = UserList.Shape(
                            way: way, order: order, isDescending: isDescending, isContinued: isContinued)
                        statements[shape] = Statement(
                            sqlite: text(of: shape, sqliteJoin), postgres: text(of: shape, postgresJoin))
                    }
                }
            }
        }
        return statements
    }()

    private static func ways(in order: UserList.Order) -> [UserList.Way] {
        let ordered = order == .id ? UserList.Filter.ordered.map(UserList.Way.along) : []
        return [.alongOrder, .alongStartOfOrder] + ordered + UserList.Filter.allCases.map(UserList.Way.gathering)
    }

    /// How many people each filter leaves, those that are not asked for aside.
    static let sizes = Statement(
        "SELECT "
            + UserList.Filter.allCases.map { filter in
                """
                CASE WHEN \(isAsked(filter)) THEN (SELECT count(*) FROM (\(left(by: filter))
                    LIMIT \(UserListRepository.mostGathered)) n) ELSE 0 END
                """
            }.joined(separator: ", "))

    // MARK: The parts of a text

    private static func text(of shape: UserList.Shape, _ join: (String) -> String) -> String {
        let (start, key) = (start(of: shape), key(of: shape))
        let table: String
        var conditions = filters
        switch shape.way {
        case .alongOrder where shape.order == .word:
            table = "user_words w \(join("w.user_id"))"
            conditions = start + firstOfWords + otherWords + filters
        case .alongOrder:
            table = "users u"
            conditions = start + filters
        case .alongStartOfOrder where shape.order == .word:
            table = "(\(few("user_words w", where: "1 = 1" + start, shape))) w \(join("w.user_id"))"
            conditions = firstOfWords + otherWords + filters
        case .alongStartOfOrder:
            table = "(\(few("users u", where: "1 = 1" + start, shape))) u"
        case .along(let filter):
            (table, conditions) = ordered(by: filter, join)
            conditions += start + filters
        case .gathering(let filter):
            let isOften = filter == .role || UserList.Filter.words.contains(filter)
            table = "(SELECT \(isOften ? "DISTINCT " : "")n.id FROM (\(left(by: filter))) n) d \(join("d.id"))"
            conditions = start + (shape.order == .word ? words + filters : filters)
        }
        return """
            SELECT \(User.qualifiedColumns), \(shape.order == .lastLogin ? "CAST(\(key) AS text)" : key) FROM \(table)
            WHERE 1 = 1\(conditions) ORDER BY \(sorting(of: shape)) LIMIT $3
            """
    }

    /// The people of another table, one by one.
    private static func sqliteJoin(_ id: String) -> String { "CROSS JOIN users u ON u.id = \(id)" }
    private static func postgresJoin(_ id: String) -> String {
        "CROSS JOIN LATERAL (SELECT * FROM users p WHERE p.id = \(id) OFFSET 0) u"
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
        "SELECT user_id AS id FROM user_words WHERE word >= $\(10 + word * 2) AND word < $\(11 + word * 2)"
    }

    private static func isAsked(_ filter: UserList.Filter) -> String {
        // The casts tell PostgreSQL a type before the first use does.
        switch filter {
        case .role: "CAST($6 AS uuid) IS NOT NULL"
        case .company: "CAST($5 AS uuid) IS NOT NULL"
        case .deleted: "$9 = 1"
        case .status: "CAST($4 AS text) <> 'ACTIVE'"
        case .lastLogin: "$7 > 0 OR $8 < \(Int64.max)"
        case .firstWord: "$10 <> ''"
        case .secondWord: "$12 <> ''"
        case .thirdWord: "$14 <> ''"
        case .fourthWord: "$16 <> ''"
        }
    }

    /// The people whom a filter leaves, in the order of their ids.
    private static func ordered(by filter: UserList.Filter, _ join: (String) -> String) -> (String, String) {
        switch filter {
        case .role:
            // Whoever has the role in several places is one person.
            (
                "user_roles d \(join("d.user_id"))",
                """
                 AND d.role_id = $6 AND (SELECT 1 FROM user_roles e
                    WHERE e.user_id = d.user_id AND e.role_id = d.role_id AND e.id < d.id LIMIT 1) IS NULL
                """
            )
        case .company: ("memberships d \(join("d.user_id"))", " AND d.company_id = $5")
        case .deleted: ("users u", " AND u.deleted_at IS NOT NULL")
        default: ("users u", " AND u.status <> 'ACTIVE'")
        }
    }

    /// Some of a table from where the page starts.
    private static func few(_ table: String, where condition: String, _ shape: UserList.Shape) -> String {
        "SELECT * FROM \(table) WHERE \(condition) ORDER BY \(sorting(of: shape)) LIMIT \(stretch)"
    }

    /// So many are looked at before another way is tried.
    private static let stretch = 500

    // MARK: Order

    private static func key(of shape: UserList.Shape) -> String {
        switch shape.order {
        case .id: "''"
        case .name: "lower(u.name)"
        case .email: "COALESCE(u.email_key, '')"
        case .lastLogin: "COALESCE(u.last_login_at, 0)"
        case .word:
            if case .gathering = shape.way {
                // Whoever has several words that fit is shown at the first of them.
                "(SELECT min(o.word) FROM user_words o WHERE o.user_id = u.id AND o.word >= $10 AND o.word < $11)"
            } else { "w.word" }
        }
    }

    private static func id(of shape: UserList.Shape) -> String {
        switch shape.way {
        case .along(.role), .along(.company): "d.user_id"
        case .alongOrder where shape.order == .word: "w.user_id"
        case .alongStartOfOrder where shape.order == .word: "w.user_id"
        default: "u.id"
        }
    }

    private static func sorting(of shape: UserList.Shape) -> String {
        let order = shape.isDescending ? " DESC" : ""
        return (shape.order == .id ? "" : "\(key(of: shape))\(order), ") + id(of: shape) + order
    }

    /// From where to where the order is followed.
    private static func start(of shape: UserList.Shape) -> String {
        let sign = shape.isDescending ? "<" : ">"
        let (key, id) = (key(of: shape), id(of: shape))
        var start = ""
        if shape.isContinued { start = shape.order == .id ? " AND \(id) \(sign) $2" : " AND (\(key), \(id)) \(sign) ($1, $2)" }
        switch shape.order {
        case .lastLogin: start += shape.isDescending ? " AND \(key) >= $7" : " AND \(key) < $8"
        case .word where key == "w.word": start += (shape.isContinued ? "" : " AND w.word >= $10") + " AND w.word < $11"
        default: break
        }
        return start
    }

    // MARK: Conditions

    // The sign keeps SQLite from the index of the last sign-ins, which has another order.
    private static let filters = """
         AND (u.status = $4 OR $4 IS NULL)
            AND (CAST($5 AS uuid) IS NULL
                OR (SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.company_id = $5) = 1)
            AND (CAST($6 AS uuid) IS NULL OR (SELECT 1 FROM user_roles g WHERE g.user_id = u.id AND g.role_id = $6
                AND (g.company_id = $5 OR $5 IS NULL) LIMIT 1) = 1)
            AND +COALESCE(u.last_login_at, 0) >= $7 AND +COALESCE(u.last_login_at, 0) < $8
            AND ((u.deleted_at IS NULL) = ($9 = 0))
        """

    private static let firstOfWords = """
         AND (SELECT 1 FROM user_words o
            WHERE o.user_id = w.user_id AND o.word >= $10 AND o.word < w.word LIMIT 1) IS NULL
        """

    private static let otherWords = (1..<UserListRepository.mostWords).map { word($0, of: "w.user_id") }.joined()
    private static let words = (0..<UserListRepository.mostWords).map { word($0, of: "u.id") }.joined()

    private static func word(_ number: Int, of id: String) -> String {
        """
         AND ($\(10 + number * 2) = '' OR (SELECT 1 FROM user_words o WHERE o.user_id = \(id)
            AND o.word >= $\(10 + number * 2) AND o.word < $\(11 + number * 2) LIMIT 1) = 1)
        """
    }
}
