import Ground
import SQL

/// The table of users, page by page.
///
/// A list that nothing narrows down against its order walks one index, and a page costs what is on it. Where a filter
/// and an order, or several filters, meet, the way depends on how many people each filter leaves: few of them are
/// taken together and sorted; many are met soon enough on the walk along the order.
public struct UserListRepository: Sendable {
    let sql: any StatementRunner

    /// Words that are looked for at once.
    public static let mostWords = 4
    /// So many are sorted without looking any further.
    static let handful = 200
    /// So many are the most that are sorted, and the most that are counted.
    static let mostGathered = 2_000

    /// - Parameter now: a role that ended before it counts for nothing.
    public func page(_ query: UserQuery, at now: Timestamp) async throws(DatabaseError) -> [(user: User, key: String)] {
        let list = UserList(query, at: now)
        if let way = list.naturalWay { return try await page(list, way) }
        guard let (narrowest, size) = try await narrowest(of: list) else { return try await page(list, .alongOrder) }
        if let way = list.way(through: narrowest) { return try await page(list, way) }
        if size <= Self.handful { return try await page(list, .gathering(narrowest)) }
        // A short one where it may well hold the page.
        for stretch in UserList.Stretch.allCases where stretch.rawValue >= 2 * (query.limit - 1) {
            let start = try await page(list, .alongStartOfOrder(stretch))
            if start.count == query.limit { return start }
        }
        return try await page(list, size < Self.mostGathered ? .gathering(narrowest) : .alongOrder)
    }

    /// The filter that leaves the fewest people, and how many: ``mostGathered`` stands for any number from there on. Of
    /// several that leave as many it is one that has them in order.
    private func narrowest(of list: UserList) async throws(DatabaseError) -> (UserList.Filter, Int)? {
        guard var row = try await sql.run(UserListStatements.sizes, list.valuesOfSizes).first else { return nil }
        var narrowest: (filter: UserList.Filter, size: Int)?
        for filter in UserList.Filter.allCases {
            let size: Int = try row.next()
            guard list.filters.contains(filter) else { continue }
            if let (best, fewest) = narrowest {
                let isBetter = size == fewest && list.way(through: best) == nil && list.way(through: filter) != nil
                guard size < fewest || isBetter else { continue }
            }
            narrowest = (filter, size)
        }
        return narrowest
    }

    private func page(_ list: UserList, _ way: UserList.Way) async throws(DatabaseError) -> [(user: User, key: String)] {
        var page: [(User, String)] = []
        for start in list.starts(on: way) where page.count < list.limit {
            let shape = UserList.Shape(way: way, order: list.order, isDescending: list.isDescending, start: start)
            guard let statement = UserListStatements.all[shape] else { return [] }
            for var row in try await sql.run(statement, list.values(limit: list.limit - page.count)) {
                let user = try User(row: &row)
                page.append((user, try row.next()))
            }
        }
        return page
    }
}
