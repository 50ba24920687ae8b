import Ground
import SQL

/// A list of people as the statements see it.
struct UserList {
    /// What leaves only some people, and has an index by which they are found. Of two that leave as many the better is that
    /// which has them in the list's order, else the first.
    enum Filter: Hashable, CaseIterable {
        case company, role, deleted, status, lastLogin
        /// By their place: the first is that of the order.
        case firstWord, secondWord, thirdWord, fourthWord

        static let words: [Filter] = [.firstWord, .secondWord, .thirdWord, .fourthWord]

        /// Whether an index has those whom it leaves in that order.
        func isOrdered(by order: Order) -> Bool {
            switch self {
            case .role, .company: order == .id
            case .deleted, .status: order != .word
            default: false
            }
        }
    }

    /// What a list is in the order of. People of one word, one name or one moment are in the order of their ids.
    enum Order: Hashable, CaseIterable {
        case id, name, email, lastLogin, word

        /// Whether its index is one of an expression. In such a one SQLite finds no pair of key and id, only the one or
        /// the other: a page goes on among those who have the same key, and then after them.
        var isOfExpression: Bool { self == .name || self == .email || self == .lastLogin }
    }

    /// From where a page goes on, in the order of keys and ids.
    enum Start: Hashable, CaseIterable {
        case beginning, after
        /// After the id, among those with the key.
        case amongEquals
        /// After all who have the key.
        case afterEquals
    }

    /// How a page is come by.
    enum Way: Hashable {
        /// Along the index of the order, past all whom a filter leaves out.
        case alongOrder
        /// The same, and not far: the page may be shorter than it ought to be.
        case alongStartOfOrder(Stretch)
        /// Along the index of a filter, which has them in order.
        case along(Filter)
        /// All that a filter leaves are sorted.
        case gathering(Filter)

        /// Whose people it leads to, and to nobody else.
        var filter: Filter? {
            switch self {
            case .alongOrder, .alongStartOfOrder: nil
            case .along(let filter), .gathering(let filter): filter
            }
        }
    }

    /// So many entries of the order are looked at before another way is tried.
    enum Stretch: Int, CaseIterable {
        case short = 100
        case long = 500
    }

    /// What decides the text of the statement.
    struct Shape: Hashable {
        let way: Way
        let order: Order
        let isDescending: Bool
        let start: Start
    }

    let order: Order
    let isDescending: Bool
    let isContinued: Bool
    let filters: Set<Filter>
    let limit: Int
    private let values: [SQLValue]

    init(_ query: UserQuery, at now: Timestamp) {
        // The longest leads: most often the fewest people have it.
        let words = query.words.sorted { ($0.utf8.count, $1) > ($1.utf8.count, $0) }
        let order: Order =
            if !words.isEmpty { .word } else {
                switch query.sort {
                case .created: .id
                case .name: .name
                case .email: .email
                case .lastLogin: .lastLogin
                }
            }
        let logins = Logins(query)
        limit = query.limit
        isDescending = query.isDescending && order != .word
        let position = Self.position(of: query, order, words.first, logins, isDescending: isDescending)
        self.order = order
        isContinued = position != nil
        filters = Self.filters(of: query, words: words.count, logins)
        values = Self.values(of: query, position, order, words, logins, at: now)
    }

    private static func filters(of query: UserQuery, words: Int, _ logins: Logins) -> Set<Filter> {
        var filters = Set(Filter.words.prefix(words))
        if query.role != nil { filters.insert(.role) }
        if query.company != nil { filters.insert(.company) }
        if query.isDeleted { filters.insert(.deleted) }
        if let status = query.status, status != .active { filters.insert(.status) }
        if logins.areBound { filters.insert(.lastLogin) }
        return filters
    }

    /// When people have signed in last whom a list shows; 0 stands for never.
    private struct Logins {
        let from: Int64
        let until: Int64
        var areBound: Bool { from > 0 || until < .max }

        init(_ query: UserQuery) {
            until = query.lastLoginBefore?.milliseconds ?? .max
            from = query.lastLoginAfter.map { max(1, $0.milliseconds) } ?? (query.lastLoginBefore == nil ? 0 : 1)
        }
    }

    // MARK: Ways

    /// The way of a list in which no filter stands against the order.
    var naturalWay: Way? {
        let others = filters.filter { !isOrder($0) }
        guard let only = others.first else { return .alongOrder }
        return others.count == 1 && filters.count == 1 && only.isOrdered(by: order) ? .along(only) : nil
    }

    /// The way along the index of a filter, where that has them in the list's order.
    func way(through filter: Filter) -> Way? {
        if isOrder(filter) { return .alongOrder }
        return filter.isOrdered(by: order) ? .along(filter) : nil
    }

    /// Whether it is the order itself that is bound.
    private func isOrder(_ filter: Filter) -> Bool {
        order == .word && filter == .firstWord || order == .lastLogin && filter == .lastLogin
    }

    /// What is asked, one after the other, until the page is full.
    func starts(on way: Way) -> [Start] {
        guard isContinued else { return [.beginning] }
        switch way {
        case .alongOrder, .along: return order.isOfExpression ? [.amongEquals, .afterEquals] : [.after]
        case .alongStartOfOrder, .gathering: return [.after]
        }
    }

    // MARK: Values

    /// Where a page starts; nil: at the start of the order.
    private static func position(
        of query: UserQuery, _ order: Order, _ word: String?, _ logins: Logins, isDescending: Bool
    ) -> UserQuery.Position? {
        switch (order, query.after) {
        case (.word, let after?):
            // Nobody before the first that begins with the word is looked at, whatever the page claims to go on from.
            let isBefore = after.key.utf8.lexicographicallyPrecedes((word ?? "").utf8)
            return isBefore ? UserQuery.Position(key: word ?? "", id: UUID(high: 0, low: 0)) : after
        case (.lastLogin, nil) where !isDescending && logins.from > 0:
            return UserQuery.Position(key: String(logins.from - 1), id: UUID(high: .max, low: .max))
        case (.lastLogin, nil) where isDescending && logins.until < .max:
            return UserQuery.Position(key: String(logins.until), id: UUID(high: 0, low: 0))
        case (_, let after): return after
        }
    }

    /// The values of a page of so many, the first or the rest of one.
    func values(limit: Int) -> [SQLValue] {
        var values = order == .word ? self.values : Array(self.values.prefix(Self.valuesWithoutWords))
        values[2] = limit.sqlValue
        return values
    }

    /// The values of ``UserListStatements/sizes``, which has no use for where a page starts. PostgreSQL keeps the types
    /// of the first values, so they are the same for every list.
    var valuesOfSizes: [SQLValue] { [.text("")] + values.dropFirst() }

    /// So many stand before those of words, which only texts that look for words have.
    private static let valuesWithoutWords = 10

    private static func values(
        of query: UserQuery, _ position: UserQuery.Position?, _ order: Order, _ words: [String], _ logins: Logins,
        at now: Timestamp
    ) -> [SQLValue] {
        let key = position?.key ?? ""
        var values: [SQLValue] = [
            order == .lastLogin ? .integer(Int64(key) ?? 0) : .text(key),
            (position?.id ?? UUID(high: 0, low: 0)).sqlValue, query.limit.sqlValue, (query.status?.rawValue).sqlValue,
            query.company.sqlValue, query.role.sqlValue, .integer(logins.from), .integer(logins.until),
            query.isDeleted.sqlValue, now.sqlValue,
        ]
        for index in 0..<UserListRepository.mostWords {
            let word = words.indices.contains(index) ? words[index] : ""
            values += [.text(word), .text(word.isEmpty ? "" : word + "\u{10ffff}")]
        }
        return values
    }
}
