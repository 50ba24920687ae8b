import Ground
import Services

/// What every reader of the audit log may ask for.
enum AuditFilterFields {
    static let from = QueryField<Timestamp>.moment("from", "Rows of this moment and after it.")
    static let to = QueryField<Timestamp>.moment("to", "Rows before this moment.")
    static let event = QueryField<AuditEvent.Kind>.choice("event", "Rows of this event.")
    static let severity = QueryField<AuditSeverity>.choice("severity", "Rows of this severity.")
    static let outcome = QueryField<AuditOutcome>.choice("outcome", "Rows of this outcome.")
    static let user = QueryField<UUID>.id("user_id", "Rows about this person.")
    static let actor = QueryField<UUID>.id("actor_id", "Rows of what this person did.")
    static let company = QueryField<UUID>.id("company_id", "Rows of this company.")
    static let session = QueryField<UUID>.id("session_id", "Rows of this session.")
    static let ip = QueryField<IPAddress>.address("ip", "Rows of requests from this address.")
    static let request = QueryField<String>.text(
        "request_id", 1...128, example: "6f1d0c2b3a495867", "Rows of this request.")
    static let text = QueryField<String>.text(
        "text", 1...128, example: "firefox",
        "Rows that contain this in event, address, user agent or metadata, whatever the case of its letters.")

    static let all: [any AnyQueryField] = [
        from, to, event, severity, outcome, user, actor, company, session, ip, request, text,
    ]

    static func filter(_ values: QueryValues) throws(AuthError) -> AuditFilter {
        var filter = AuditFilter()
        filter.from = try values[from]
        filter.to = try values[to]
        filter.event = try values[event]?.rawValue
        filter.severity = try values[severity]?.rawValue
        filter.outcome = try values[outcome]?.rawValue
        filter.user = try values[user]
        filter.actor = try values[actor]
        filter.company = try values[company]
        filter.session = try values[session]
        filter.ip = try values[ip]?.description
        filter.request = try values[request]
        filter.text = try values[text]
        return filter
    }
}

/// `GET /audit-logs?…`.
struct AuditListQuery: QueryInput {
    static let refreshes = QueryField<YesOrNo>.choice(
        "refreshes", "Whether refreshes are listed too, which are most rows; they always are where event asks for them. "
            + "No by default.")
    static let fields = PageQuery.fields + AuditFilterFields.all + [refreshes]

    let page: PageQuery
    let filter: AuditFilter

    init(_ values: QueryValues) throws(AuthError) {
        page = try PageQuery(values)
        var filter = try AuditFilterFields.filter(values)
        filter.includesRefreshes = try values[Self.refreshes] == .yes
        self.filter = filter
    }
}

/// `GET /audit-logs/export?…`.
struct AuditExportQuery: QueryInput {
    enum Format: String, CaseIterable, Sendable { case jsonl, csv }

    static let format = QueryField<Format>.choice("format", "JSON lines, which is the default, or CSV.")
    static let refreshes = QueryField<YesOrNo>.choice(
        "refreshes", "Whether refreshes are among the rows. Yes by default: an export leaves nothing out unless told to.")
    static let fields = [format] + AuditFilterFields.all + [refreshes]

    let format: Format
    let filter: AuditFilter
    /// What was asked for, for the record.
    let facts: [JSON.Member]

    init(_ values: QueryValues) throws(AuthError) {
        format = try values[Self.format] ?? .jsonl
        var filter = try AuditFilterFields.filter(values)
        filter.includesRefreshes = try values[Self.refreshes] != .no
        self.filter = filter
        facts = [.init("format", .string(format.rawValue)), .init("filters", .object(values.given))]
    }
}

enum YesOrNo: String, CaseIterable, Sendable { case yes, no }
