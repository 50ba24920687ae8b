import Ground
import Services

/// What every reader of the audit log may ask for.
enum AuditFilterFields {
    static let from = Field<Timestamp>.moment("from", "Rows of this moment and after it.").optional
    static let to = Field<Timestamp>.moment("to", "Rows before this moment.").optional
    static let event = Field<AuditEvent.Kind>.choice("event", "Rows of this event.").optional
    static let severity = Field<AuditSeverity>.choice("severity", "Rows of this severity.").optional
    static let outcome = Field<AuditOutcome>.choice("outcome", "Rows of this outcome.").optional
    static let user = Field<UUID>.id("user_id", "Rows about this person.").optional
    static let actor = Field<UUID>.id("actor_id", "Rows of what this person did.").optional
    static let company = Field<UUID>.id("company_id", "Rows of this company.").optional
    static let session = Field<UUID>.id("session_id", "Rows of this session.").optional
    static let ip = Field<IPAddress>.address("ip", "Rows of requests from this address.").optional
    static let request = Field<String>.sought(
        "request_id", 1...128, example: "6f1d0c2b3a495867", "Rows of this request.").optional
    static let text = Field<String>.sought(
        "text", 1...128, example: "firefox",
        "Rows that contain this in event, address, user agent or metadata, whatever the case of its letters.").optional

    static let all: [any AnyField] = [
        from, to, event, severity, outcome, user, actor, company, session, ip, request, text,
    ]

    static func filter(_ values: InputValues) throws(AuthError) -> AuditFilter {
        var filter = AuditFilter()
        filter.from = try values[optional: from]
        filter.to = try values[optional: to]
        filter.event = try values[optional: event]?.rawValue
        filter.severity = try values[optional: severity]?.rawValue
        filter.outcome = try values[optional: outcome]?.rawValue
        filter.user = try values[optional: user]
        filter.actor = try values[optional: actor]
        filter.company = try values[optional: company]
        filter.session = try values[optional: session]
        filter.ip = try values[optional: ip]?.description
        filter.request = try values[optional: request]
        filter.text = try values[optional: text]
        return filter
    }
}

/// `GET /audit-logs?…`.
struct AuditListQuery: Input {
    static let refreshes = Field<YesOrNo>.choice(
        "refreshes", "Whether refreshes are listed too, which are most rows; they always are where event asks for them. "
            + "No by default.").optional
    static let fields = PageQuery.fields + AuditFilterFields.all + [refreshes]

    let page: PageQuery
    let filter: AuditFilter

    init(_ values: InputValues) throws(AuthError) {
        page = try PageQuery(values)
        var filter = try AuditFilterFields.filter(values)
        filter.includesRefreshes = try values[optional: Self.refreshes] == .yes
        self.filter = filter
    }
}

/// `GET /audit-logs/export?…`.
struct AuditExportQuery: Input {
    enum Format: String, CaseIterable, Sendable { case jsonl, csv }

    static let format = Field<Format>.choice("format", "JSON lines, which is the default, or CSV.").optional
    static let refreshes = Field<YesOrNo>.choice(
        "refreshes", "Whether refreshes are among the rows. Yes by default: an export leaves nothing out unless told to.").optional
    static let fields = [format] + AuditFilterFields.all + [refreshes]

    let format: Format
    let filter: AuditFilter
    /// What was asked for, for the record.
    let facts: [JSON.Member]

    init(_ values: InputValues) throws(AuthError) {
        format = try values[optional: Self.format] ?? .jsonl
        var filter = try AuditFilterFields.filter(values)
        filter.includesRefreshes = try values[optional: Self.refreshes] != .no
        self.filter = filter
        facts = [.init("format", .string(format.rawValue)), .init("filters", .object(values.given))]
    }
}

enum YesOrNo: String, CaseIterable, Sendable { case yes, no }
