import Ground
import Services

/// What a token stands for: the answer to `GET /auth/validate`.
struct ValidationAnswer: Answer {
    let subject: Subject

    static let schemaName = "Validation"
    static let schema: JSON = [
        "type": "object", "required": ["valid", "user", "company", "session", "app_data"],
        "properties": [
            "valid": ["const": true],
            "user": ["$ref": "#/components/schemas/User"],
            "company": CompanyAnswer.nullableReference,
            "session": [
                "type": "object", "required": ["id", "created_at", "device", "methods", "acr", "auth_time"],
                "properties": [
                    "id": ["type": "string", "format": "uuid"],
                    "created_at": ["type": "string", "format": "date-time"],
                    "device": DeviceSchema.schema,
                    "methods": ["type": "array", "items": ["type": "string"], "description": "`amr` (RFC 8176)."],
                    "acr": LevelSchema.schema, "auth_time": LevelSchema.time,
                ],
            ],
            "app_data": ["type": "object", "description": "What other services keep about the person."],
        ],
    ]
    static let example: JSON = [
        "valid": true, "user": UserAnswer.example, "company": CompanyAnswer.example,
        "session": [
            "id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "created_at": "2027-01-15T08:00:00.000Z",
            "device": DeviceSchema.example, "methods": ["pwd", "otp", "mfa"], "acr": "aal2",
            "auth_time": "2027-01-15T08:00:00.000Z",
        ],
        "app_data": [:],
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("valid", true)
            writer.name("user")
            UserAnswer(person: subject.person).write(into: &writer)
            writer.name("company")
            CompanyAnswer.write(subject.company, into: &writer)
            writer.member("session") { writer in
                writer.member("id", subject.session.id.description)
                writer.member("created_at", subject.session.createdAt.rfc3339)
                DeviceSchema.write(subject.session.device, into: &writer)
                writer.name("methods")
                writer.array { writer in
                    for method in subject.session.methods.spaceSeparated { writer.string(method) }
                }
                writer.member("acr", subject.session.level.rawValue)
                writer.member("auth_time", subject.session.authenticatedAt.rfc3339)
            }
            writer.member("app_data", raw: Array(subject.appData.utf8))
        }
    }
}

enum LevelSchema {
    static let schema: JSON = [
        "enum": ["aal1", "aal2"], "description": "`acr`: aal2 where two factors were shown.",
    ]
    static let time: JSON = [
        "type": "string", "format": "date-time", "description": "When the person last proved who they are.",
    ]
}

enum DeviceSchema {
    static let schema: JSON = [
        "type": "object", "required": ["type", "name", "os", "browser"],
        "properties": [
            "type": ["type": "string"], "name": ["type": "string"], "os": ["type": "string"],
            "browser": ["type": "string"],
        ],
    ]
    static let example: JSON = ["type": "desktop", "name": "Firefox on Linux", "os": "Linux", "browser": "Firefox"]

    static func json(_ device: Session.Device) -> JSON {
        [
            "type": .string(device.type), "name": .string(device.name), "os": .string(device.os),
            "browser": .string(device.browser),
        ]
    }

    static func write(_ device: Session.Device, into writer: inout JSONWriter) {
        writer.member("device") { writer in
            writer.member("type", device.type)
            writer.member("name", device.name)
            writer.member("os", device.os)
            writer.member("browser", device.browser)
        }
    }
}

/// A session, as its owner sees it.
struct SessionAnswer: ValueAnswer {
    let session: Session
    /// The caller's own.
    let current: UUID

    static let schemaName = "Session"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "current", "device", "ip", "user_agent", "methods", "acr", "auth_time", "created_at", "last_used_at",
            "expires_at", "ended_at", "end_reason",
        ],
        "properties": [
            "id": ["type": "string", "format": "uuid"],
            "current": ["type": "boolean", "description": "Whether it is the caller's own."],
            "device": DeviceSchema.schema, "ip": ["type": "string"], "user_agent": ["type": "string"],
            "methods": ["type": "array", "items": ["type": "string"], "description": "`amr` (RFC 8176)."],
            "acr": LevelSchema.schema, "auth_time": LevelSchema.time,
            "created_at": ["type": "string", "format": "date-time"],
            "last_used_at": ["type": "string", "format": "date-time"],
            "expires_at": ["type": "string", "format": "date-time"],
            "ended_at": ["type": ["string", "null"], "format": "date-time"],
            "end_reason": ["type": ["string", "null"]],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "current": true, "device": DeviceSchema.example, "ip": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
        "methods": ["pwd"], "acr": "aal1", "auth_time": "2027-01-15T08:00:00.000Z",
        "created_at": "2027-01-15T08:00:00.000Z", "last_used_at": "2027-01-15T08:14:00.000Z",
        "expires_at": "2027-01-22T08:14:00.000Z", "ended_at": nil, "end_reason": nil,
    ]

    var json: JSON {
        [
            "id": JSON(session.id), "current": .bool(session.id == current), "device": DeviceSchema.json(session.device),
            "ip": .string(session.ip), "user_agent": .string(session.userAgent),
            "methods": JSON(session.methods.spaceSeparated),
            "acr": .string(session.level.rawValue), "auth_time": JSON(session.authenticatedAt), "created_at": JSON(session.createdAt),
            "last_used_at": JSON(session.lastUsedAt), "expires_at": JSON(session.expiresAt),
            "ended_at": JSON(session.endedAt), "end_reason": JSON(session.endReason?.rawValue),
        ]
    }
}

/// How many sessions were ended.
struct EndedAnswer: Answer {
    let count: Int

    static let schemaName = "SessionsEnded"
    static let schema: JSON = [
        "type": "object", "required": ["sessions_ended"],
        "properties": ["sessions_ended": ["type": "integer", "minimum": 0]],
    ]
    static let example: JSON = ["sessions_ended": 2]

    func write(into writer: inout JSONWriter) {
        writer.object { $0.member("sessions_ended", Int64(count)) }
    }
}

/// That it is done.
struct DoneAnswer: Answer {
    static let schemaName = "Done"
    static let schema: JSON = [
        "type": "object", "required": ["success"], "properties": ["success": ["const": true]],
    ]
    static let example: JSON = ["success": true]

    func write(into writer: inout JSONWriter) { writer.object { $0.member("success", true) } }
}

/// The caller's account.
struct ProfileAnswer: Answer {
    let subject: Subject

    static let schemaName = "Profile"
    static let schema: JSON = [
        "type": "object", "required": ["user", "company"],
        "properties": ["user": ["$ref": "#/components/schemas/User"], "company": CompanyAnswer.nullableReference],
    ]
    static let example: JSON = ["user": UserAnswer.example, "company": CompanyAnswer.example]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("user")
            UserAnswer(person: subject.person).write(into: &writer)
            writer.name("company")
            CompanyAnswer.write(subject.company, into: &writer)
        }
    }
}
