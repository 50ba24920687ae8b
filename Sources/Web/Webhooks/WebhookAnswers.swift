import Ground
import Services

/// A webhook, as the interface shows it: without its secret.
struct WebhookAnswer: Answer {
    let webhook: Webhook

    static let schemaName = "Webhook"
    static let properties: [JSON.Member] = [
        .init("id", ["type": "string", "format": "uuid"]),
        .init("company_id", ["type": ["string", "null"], "format": "uuid", "description": "Whose events; null: everywhere."]),
        .init("url", ["type": "string"]), .init("events", ["type": "array", "items": ["type": "string"]]),
        .init("description", ["type": "string"]), .init("enabled", ["type": "boolean"]),
        .init("disabled_reason", [
            "enum": ["gone", "failing", nil], "description": "Why the server disabled it; null where it did not.",
        ]),
        .init("failing_since", [
            "type": ["string", "null"], "format": "date-time", "description": "Since when nothing but failures.",
        ]),
        .init("former_secret_until", [
            "type": ["string", "null"], "format": "date-time", "description": "Until when the former secret signs too.",
        ]),
        .init("created_at", ["type": "string", "format": "date-time"]),
        .init("updated_at", ["type": "string", "format": "date-time"]),
    ]
    static func object(_ properties: [JSON.Member]) -> JSON {
        [
            "type": "object", "required": .array(properties.map { .string($0.name) }),
            "properties": .object(properties),
        ]
    }
    static let schema = object(properties)
    static let exampleMembers: [JSON.Member] = [
        .init("id", "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293"),
        .init("company_id", "0198a3f4-5c1d-7c4d-8e5f-607182930415"),
        .init("url", "https://example.com/hooks/gatehouse"), .init("events", ["user.*", "sign_in.failed"]),
        .init("description", "The billing service"), .init("enabled", true), .init("disabled_reason", nil),
        .init("failing_since", nil), .init("former_secret_until", nil),
        .init("created_at", "2027-01-15T08:00:00.000Z"), .init("updated_at", "2027-01-15T08:00:00.000Z"),
    ]
    static let example = JSON.object(exampleMembers)

    func write(into writer: inout JSONWriter) { writer.object { Self.write(webhook, into: &$0) } }

    static func write(_ webhook: Webhook, into writer: inout JSONWriter) {
        writer.member("id", webhook.id.description)
        writer.member("company_id", JSON(webhook.companyID))
        writer.member("url", webhook.url)
        writer.member("events", .array(webhook.events.map { .string($0) }))
        writer.member("description", webhook.description)
        writer.member("enabled", webhook.isEnabled)
        writer.member("disabled_reason", JSON(webhook.disabledReason?.rawValue))
        writer.member("failing_since", JSON(webhook.failingSince))
        writer.member("former_secret_until", JSON(webhook.formerUntil))
        writer.member("created_at", webhook.createdAt.rfc3339)
        writer.member("updated_at", webhook.updatedAt.rfc3339)
    }
}

/// A webhook with the secret that it was just given.
struct WebhookSecretAnswer: Answer {
    let webhook: Webhook
    let secret: String

    static let schemaName = "WebhookWithSecret"
    static let schema = WebhookAnswer.object(
        WebhookAnswer.properties + [.init("secret", ["type": "string", "description": "Told once."])])
    static let example = JSON.object(
        WebhookAnswer.exampleMembers + [.init("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")])

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            WebhookAnswer.write(webhook, into: &writer)
            writer.member("secret", secret)
        }
    }
}

/// A message on its way to a webhook.
struct DeliveryAnswer: Answer {
    let message: OutboxMessage

    static let schemaName = "WebhookDelivery"
    static let schema: JSON = WebhookAnswer.object([
        .init("id", ["type": "string", "format": "uuid"]),
        .init("message_id", [
            "type": "string", "format": "uuid", "description": "The `webhook-id` header; the same when it is sent again.",
        ]),
        .init("type", ["type": "string"]),
        .init("status", [
            "enum": ["pending", "delivered", "failed"], "description": "Failed: given up. Until then it is pending.",
        ]),
        .init("attempts", ["type": "integer", "minimum": 0]),
        .init("http_status", ["type": ["integer", "null"], "description": "What the last attempt was answered."]),
        .init("duration_ms", ["type": ["integer", "null"], "description": "How long the last attempt took."]),
        .init("error", ["type": ["string", "null"], "description": "Why the last attempt failed."]),
        .init("created_at", ["type": "string", "format": "date-time"]),
        .init("last_attempt_at", ["type": ["string", "null"], "format": "date-time"]),
        .init("next_attempt_at", ["type": ["string", "null"], "format": "date-time"]),
        .init("body", ["type": "object", "description": "What is sent."]),
    ])
    static let example: JSON = [
        "id": "0198a3f4-5c1f-7a2b-8c3d-4e5f60718293", "message_id": "0198a3f4-5c1e-7d2b-8c3d-4e5f60718293",
        "type": "sign_in.failed", "status": "pending", "attempts": 1, "http_status": 500, "duration_ms": 87,
        "error": "status_refused", "created_at": "2027-01-15T08:00:00.000Z",
        "last_attempt_at": "2027-01-15T08:00:00.100Z", "next_attempt_at": "2027-01-15T08:00:10.600Z",
        "body": [
            "id": "0198a3f4-5c1e-7d2b-8c3d-4e5f60718293", "type": "sign_in.failed",
            "created_at": "2027-01-15T08:00:00.000Z", "company_id": "0198a3f4-5c1d-7c4d-8e5f-607182930415",
            "data": ["outcome": "failure"],
        ],
    ]

    private var status: String {
        switch message.state {
        case .pending: "pending"
        case .sent: "delivered"
        case .dead: "failed"
        }
    }

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", message.id.description)
            writer.member("message_id", message.messageID.description)
            writer.member("type", message.topic)
            writer.member("status", status)
            writer.member("attempts", Int64(message.attempts))
            writer.member("http_status", message.lastStatus.map { .integer(Int64($0)) } ?? .null)
            writer.member("duration_ms", message.lastDuration.map { .integer($0.milliseconds) } ?? .null)
            writer.member("error", JSON(message.lastError))
            writer.member("created_at", message.createdAt.rfc3339)
            writer.member("last_attempt_at", JSON(message.lastAttemptAt))
            writer.member("next_attempt_at", JSON(message.state == .pending ? message.nextAttemptAt : nil))
            writer.member("body", raw: Array(message.payload.utf8))
        }
    }
}
