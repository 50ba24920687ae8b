import Ground
import Store

/// What webhooks are told: one message for one event.
enum WebhookMessage {
    static let kind = "webhook"

    static func lane(_ webhook: UUID) -> String { "\(kind):\(webhook)" }

    static func webhook(ofLane lane: String) -> UUID? { UUID(lane.dropFirst(kind.utf8.count + 1)) }

    /// The body that tells of a row of the audit log.
    static func body(_ row: AuditRow) -> String {
        body(id: row.id, type: row.event, at: row.at, company: row.companyID) { data in
            data.member("severity", row.severity)
            data.member("outcome", row.outcome)
            data.member("user_id", JSON(row.userID))
            data.member("actor_id", JSON(row.actorID))
            data.member("session_id", JSON(row.sessionID))
            data.member("ip", JSON(row.ip))
            data.member("user_agent", JSON(row.userAgent))
            data.member("request_id", JSON(row.requestID))
            data.member("facts", raw: Array(row.metadata.utf8))
        }
    }

    static func body(
        id: UUID, type: String, at moment: Timestamp, company: UUID?, _ data: (inout JSONWriter) -> Void
    ) -> String {
        var writer = JSONWriter(capacity: 640)
        writer.object { writer in
            writer.member("id", id.description)
            writer.member("type", type)
            writer.member("created_at", moment.rfc3339)
            writer.member("company_id", JSON(company))
            writer.member("data", data)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
