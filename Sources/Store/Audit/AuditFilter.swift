import Ground
import SQL

/// Which rows of the audit log are wanted: those that meet everything that is given.
public struct AuditFilter: Sendable {
    /// The event that is most rows by far, and that no index holds.
    public static let refresh = "session.refreshed"
    /// The event that is most of the others, and that no index holds by its name.
    public static let signIn = "sign_in.succeeded"

    /// At this moment or after it.
    public var from: Timestamp?
    /// Before this moment.
    public var to: Timestamp?
    public var event: String?
    /// One of these; empty: any.
    public var events: [String] = []
    public var severity: String?
    public var outcome: String?
    public var user: UUID?
    public var actor: UUID?
    public var company: UUID?
    public var session: UUID?
    public var ip: String?
    public var request: String?
    /// What event, address, user agent or metadata must contain; the case of letters does not count.
    public var text: String?
    /// Whether refreshes belong to it though nothing asks for them by name.
    public var includesRefreshes = false
    /// The only company whose rows there are for the caller; nil: of every one, and of none.
    public var bound: UUID?

    public init() {}

    /// How the rows are gone through, from the newest on.
    enum Path: CaseIterable, Sendable {
        case everything, notable, grave, request, session, user, actor, ip, company, event

        /// - Parameter value: the place of the value that is looked for, such as `$4`.
        func condition(_ value: String) -> String {
            switch self {
            case .everything: "1 = 1"
            case .notable: Self.isNotable
            case .grave: "severity <> 'info'"
            case .request: "request_id = \(value) AND \(Self.isNotable)"
            case .session: "session_id = \(value) AND \(Self.isNotable)"
            case .user: "user_id = \(value) AND \(Self.isNotable)"
            case .actor: "actor_id = \(value) AND \(Self.isNotable)"
            case .ip: "ip = \(value) AND \(Self.isNotable)"
            case .company: "company_id = \(value) AND \(Self.isNotable)"
            case .event: "event = \(value) AND \(Self.isNotable) AND event <> '\(AuditFilter.signIn)'"
            }
        }

        /// The same for SQLite, each condition by an index of its own. What people did themselves is found by whom it is about.
        func conditions(_ value: String) -> [String] {
            guard self == .actor else { return [condition(value)] }
            let isActor = condition(value)
            return ["\(isActor) AND actor_id IS NOT user_id", "\(isActor) AND user_id = \(value)"]
        }

        private static let isNotable = "event <> '\(AuditFilter.refresh)'"

        var takesValue: Bool {
            switch self {
            case .everything, .notable, .grave: false
            default: true
            }
        }
    }

    /// The way that goes through the fewest rows, and the value that it looks for.
    var path: (Path, SQLValue) {
        if event == Self.refresh || includesRefreshes { return (.everything, .null) }
        if let request { return (.request, .text(request)) }
        if let session { return (.session, .uuid(session)) }
        if let user { return (.user, .uuid(user)) }
        if let actor { return (.actor, .uuid(actor)) }
        if let ip { return (.ip, .text(ip)) }
        // Nothing that failed is of severity info.
        if severity.map({ $0 != "info" }) ?? (outcome == "failure") { return (.grave, .null) }
        if let company = bound ?? company { return (.company, .uuid(company)) }
        if let event, event != Self.signIn { return (.event, .text(event)) }
        return (.notable, .null)
    }

    /// What a row must be besides: `$5` and on.
    static func condition(contains function: String) -> String {
        let haystack = "event || ' ' || COALESCE(ip, '') || ' ' || COALESCE(user_agent, '') || ' ' || metadata"
        return """
            (event = $5 OR $5 IS NULL) AND (\(function)($6, ',' || event || ',') > 0 OR $6 IS NULL)
            AND (severity = $7 OR $7 IS NULL) AND (outcome = $8 OR $8 IS NULL) AND (user_id = $9 OR $9 IS NULL)
            AND (actor_id = $10 OR $10 IS NULL) AND (company_id = $11 OR $11 IS NULL)
            AND (session_id = $12 OR $12 IS NULL) AND (ip = $13 OR $13 IS NULL) AND (request_id = $14 OR $14 IS NULL)
            AND (\(function)(lower(\(haystack)), lower($15)) > 0 OR $15 IS NULL)
            AND (company_id = $16 OR $16 IS NULL)
            """
    }

    var values: [SQLValue] {
        [
            event.sqlValue, events.isEmpty ? .null : .text("," + events.joined(separator: ",") + ","),
            severity.sqlValue, outcome.sqlValue, user.sqlValue, actor.sqlValue, company.sqlValue, session.sqlValue,
            ip.sqlValue, request.sqlValue, text.sqlValue, bound.sqlValue,
        ]
    }
}

extension AuditRepository {
    /// Rows that one page goes through at most, so that what is seldom found costs no more than what is not.
    static let mostScanned = 5000

    private static func scan(_ columns: String, where conditions: [String]) -> String {
        conditions.map { "SELECT \(columns) FROM audit_logs WHERE \($0) AND id < $1 AND id >= $2" }
            .joined(separator: " UNION ALL ") + " ORDER BY id DESC"
    }

    private static func find(_ conditions: [String], contains function: String) -> String {
        """
        SELECT \(AuditRow.columns), (SELECT r.at FROM audit_redactions r WHERE r.row_id = scanned.id) FROM (
            \(scan(AuditRow.columns, where: conditions)) LIMIT $3) AS scanned
        WHERE \(AuditFilter.condition(contains: function)) ORDER BY id DESC LIMIT $4
        """
    }
    private static let finds = statements { path in
        let value = path.takesValue ? "$17" : ""
        return Statement(
            sqlite: find(path.conditions(value), contains: "instr"),
            postgres: find([path.condition(value)], contains: "strpos"))
    }
    private static let ends = statements { path in
        let page = " LIMIT 1 OFFSET $3"
        return Statement(
            sqlite: scan("id", where: path.conditions("$4")) + page, postgres: scan("id", where: [path.condition("$4")]) + page)
    }

    private static func statements(_ make: (AuditFilter.Path) -> Statement) -> [AuditFilter.Path: Statement] {
        Dictionary(uniqueKeysWithValues: AuditFilter.Path.allCases.map { ($0, make($0)) })
    }

    /// The newest rows first that meet the filter, so many at most.
    /// - Returns: the rows, and where to go on; nil at the end. A page may have fewer rows than there is room for, and
    ///   none, and still not be the last.
    public func page(_ filter: AuditFilter, after: UUID?, limit: Int) async throws(DatabaseError)
        -> (rows: [AuditRow], next: UUID?)
    {
        let (path, value) = filter.path
        guard let find = Self.finds[path], let end = Self.ends[path] else { throw .unexpected("no statement") }
        let top = UUID(high: .max, low: .max)
        let upper = min(after ?? top, filter.to.map { UUID.least(at: $0) } ?? top)
        let lower = filter.from.map { UUID.least(at: $0) } ?? UUID(high: 0, low: 0)
        let bounds = [upper.sqlValue, lower.sqlValue]
        let own = path.takesValue ? [value] : []
        let found = try await sql.run(
            find, bounds + [Self.mostScanned.sqlValue, (limit + 1).sqlValue] + filter.values + own)
        var rows: [AuditRow] = []
        for var row in found {
            var entity = try AuditRow(row: &row)
            entity.redactedAt = try row.next()
            rows.append(entity)
        }
        if rows.count > limit {
            rows.removeLast()
            return (rows, rows.last?.id)
        }
        return (rows, try await sql.run(end, bounds + [(Self.mostScanned - 1).sqlValue] + own).value())
    }
}
