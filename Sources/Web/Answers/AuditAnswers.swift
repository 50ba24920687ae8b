import Ground
import Services

/// One row of the audit log.
struct AuditAnswer: Answer {
    let row: AuditRow

    static let schemaName = "AuditLog"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "at", "event", "severity", "outcome", "user_id", "actor_id", "company_id", "session_id", "ip",
            "user_agent", "request_id", "metadata", "redacted_at",
        ],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "at": ["type": "string", "format": "date-time"],
            "event": ["type": "string", "description": "A newer version may know more of them."],
            "severity": ["enum": ["info", "warning", "critical"]], "outcome": ["enum": ["success", "failure"]],
            "user_id": nullableID("Whom it is about."), "actor_id": nullableID("Who did it."),
            "company_id": nullableID("In which company."), "session_id": nullableID("In which session."),
            "ip": ["type": ["string", "null"]], "user_agent": ["type": ["string", "null"]],
            "request_id": ["type": ["string", "null"], "description": "The X-Request-ID of the request."],
            "metadata": ["type": "object", "description": "Small facts, none of them secret."],
            "redacted_at": [
                "type": ["string", "null"], "format": "date-time",
                "description": "When address, user agent and metadata were taken away, as the person was erased.",
            ],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1f-7b4c-9d5e-6f708192a3b4", "at": "2027-01-15T08:00:00.000Z", "event": "sign_in.succeeded",
        "severity": "info", "outcome": "success", "user_id": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304",
        "actor_id": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304", "company_id": "0198a3f4-5c1d-7c4d-8e5f-607182930415",
        "session_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "ip": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "request_id": "6f1d0c2b3a495867",
        "metadata": ["method": "pwd"], "redacted_at": nil,
    ]

    private static func nullableID(_ description: String) -> JSON {
        ["type": ["string", "null"], "format": "uuid", "description": .string(description)]
    }

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", row.id.description)
            writer.member("at", row.at.rfc3339)
            writer.member("event", row.event)
            writer.member("severity", row.severity)
            writer.member("outcome", row.outcome)
            writer.member("user_id", JSON(row.userID))
            writer.member("actor_id", JSON(row.actorID))
            writer.member("company_id", JSON(row.companyID))
            writer.member("session_id", JSON(row.sessionID))
            writer.member("ip", JSON(row.ip))
            writer.member("user_agent", JSON(row.userAgent))
            writer.member("request_id", JSON(row.requestID))
            // Read and written anew: somebody may have put into the database what is no JSON.
            writer.member("metadata", (try? JSON.parse(Array(row.metadata.utf8))) ?? [:])
            writer.member("redacted_at", JSON(row.redactedAt))
        }
    }
}

/// How far the audit log is sealed.
struct AuditHeadAnswer: Answer {
    let head: AuditHead
    let key: JSON

    static let schemaName = "AuditHead"
    static let schema: JSON = [
        "type": "object", "required": ["sequence", "hash", "at", "head", "key"],
        "properties": [
            "sequence": ["type": "integer", "description": "How many rows were ever sealed."],
            "hash": ["type": "string"], "at": ["type": "string", "format": "date-time"],
            "head": ["type": "string", "description": "The same as a compact JWS (RFC 7515)."],
            "key": ["type": "object", "description": "The JWK that verifies it (RFC 8037)."],
        ],
    ]
    static let example: JSON = [
        "sequence": 1204, "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "at": "2027-01-15T08:00:00.000Z", "head": "eyJhbGciOiJFZERTQSIs….eyJpc3MiOi….c2lnbmF0dXJl",
        "key": ["kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("sequence", head.sequence)
            writer.member("hash", Hex.encode(head.hash))
            writer.member("at", head.at.rfc3339)
            writer.member("head", head.token)
            writer.member("key", key)
        }
    }
}

/// One event of the caller's own account.
struct HistoryItemAnswer: Answer {
    let item: HistoryItem
    /// The caller's own session.
    let current: UUID

    static let schemaName = "SignInHistoryItem"
    static let schema: JSON = [
        "type": "object",
        "required": ["id", "at", "event", "outcome", "session_id", "current", "ip", "user_agent", "device"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "at": ["type": "string", "format": "date-time"],
            "event": ["type": "string"], "outcome": ["enum": ["success", "failure"]],
            "session_id": ["type": ["string", "null"], "format": "uuid"],
            "current": ["type": "boolean", "description": "Whether it is of the caller's own session."],
            "ip": ["type": ["string", "null"]], "user_agent": ["type": ["string", "null"]],
            "device": DeviceSchema.schema,
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1f-7b4c-9d5e-6f708192a3b4", "at": "2027-01-15T08:00:00.000Z", "event": "sign_in.succeeded",
        "outcome": "success", "session_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "current": true, "ip": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "device": DeviceSchema.example,
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", item.row.id.description)
            writer.member("at", item.row.at.rfc3339)
            writer.member("event", item.row.event)
            writer.member("outcome", item.row.outcome)
            writer.member("session_id", JSON(item.row.sessionID))
            writer.member("current", item.row.sessionID == current)
            writer.member("ip", JSON(item.row.ip))
            writer.member("user_agent", JSON(item.row.userAgent))
            DeviceSchema.write(item.device, into: &writer)
        }
    }
}
