import Ground
import Services
import Store

/// A person, with all that an administrator sees of them.
struct UserDetailAnswer: ValueAnswer {
    let detail: PersonDetail

    static let schemaName = "UserDetail"
    static let schema: JSON = .object(
        (UserAnswer.schema.members ?? []).map { member in
            switch member.name {
            case "required": .init("required", .array((member.value.array ?? []) + more.map { .string($0.name) }))
            case "properties": .init("properties", .object((member.value.members ?? []) + more))
            default: member
            }
        })
    static let example: JSON = .object(
        (UserAnswer.example.members ?? []) + [
            .init("updated_at", "2027-01-15T08:00:00.000Z"), .init("email_verified_at", nil), .init("deleted_at", nil),
            .init("password_changed_at", "2027-01-15T08:00:00.000Z"), .init("requires_password_change", false),
            .init("locked_until", nil), .init("access_ends_at", nil), .init("ip_whitelist_enabled", false),
            .init("allowed_ips", []), .init("allowed_countries", []), .init("companies", [CompanyAnswer.example]),
            .init("grants", [GrantAnswer.example]), .init("telegram", TelegramIdentityAnswer.example),
        ])

    private static let more: [JSON.Member] = [
        .init("updated_at", ["type": "string", "format": "date-time"]),
        .init("email_verified_at", ["type": ["string", "null"], "format": "date-time"]),
        .init("deleted_at", ["type": ["string", "null"], "format": "date-time"]),
        .init(
            "password_changed_at",
            ["type": ["string", "null"], "format": "date-time", "description": "Null where there never was a password."]),
        .init("requires_password_change", ["type": "boolean"]),
        .init("locked_until", ["type": ["string", "null"], "format": "date-time"]),
        .init("access_ends_at", ["type": ["string", "null"], "format": "date-time"]),
        .init("ip_whitelist_enabled", ["type": "boolean"]),
        .init("allowed_ips", ["type": "array", "items": ["type": "string"]]),
        .init("allowed_countries", ["type": "array", "items": ["type": "string"]]),
        .init("companies", ["type": "array", "items": ["$ref": "#/components/schemas/Company"]]),
        .init("grants", ["type": "array", "items": ["$ref": "#/components/schemas/Grant"]]),
        .init("telegram", ["oneOf": [["$ref": "#/components/schemas/TelegramIdentity"], ["type": "null"]]]),
    ]

    var json: JSON {
        let (person, user) = (detail.person, detail.user)
        return [
            "id": JSON(person.id), "email": JSON(person.email), "name": .string(person.name), "phone": JSON(person.phone),
            "roles": JSON(person.roles), "status": .string(person.status.rawValue),
            "settings": (try? JSON.parse(Array(person.settings.utf8))) ?? [:], "created_at": JSON(person.createdAt),
            "last_login_at": JSON(person.lastLoginAt), "updated_at": JSON(user.updatedAt),
            "email_verified_at": JSON(user.emailVerifiedAt), "deleted_at": JSON(user.deletedAt),
            "password_changed_at": JSON(user.passwordChangedAt),
            "requires_password_change": .bool(user.requiresPasswordChange), "locked_until": JSON(user.lockedUntil),
            "access_ends_at": JSON(user.accessEndsAt),
            "ip_whitelist_enabled": .bool(user.rule.isEnabled), "allowed_ips": JSON(user.rule.addresses),
            "allowed_countries": JSON(user.rule.countries),
            "companies": .array(detail.companies.map { CompanyAnswer(company: $0).json }),
            "grants": .array(detail.grants.map { GrantAnswer(grant: $0).json }),
            "telegram": detail.telegram.map { TelegramIdentityAnswer(identity: $0).json } ?? .null,
        ]
    }
}

/// A person who was just created.
struct CreatedUserAnswer: ValueAnswer {
    let detail: PersonDetail
    let password: String?

    static let schemaName = "CreatedUser"
    static let schema: JSON = [
        "type": "object", "required": ["user", "initial_password"],
        "properties": [
            "user": ["$ref": "#/components/schemas/UserDetail"],
            "initial_password": ["type": ["string", "null"], "description": "Shown once, where one was made."],
        ],
    ]
    static let example: JSON = ["user": UserDetailAnswer.example, "initial_password": "qR8gTz0LwYc5mXv1uKpd-aB7"]

    var json: JSON { ["user": UserDetailAnswer(detail: detail).json, "initial_password": JSON(password)] }
}

/// A person to whom an administrator has given a password.
struct GivenPasswordAnswer: Answer {
    let person: Person
    let password: String?

    static let schemaName = "GivenPassword"
    static let schema: JSON = [
        "type": "object", "required": ["user", "password"],
        "properties": [
            "user": ["$ref": "#/components/schemas/User"],
            "password": ["type": ["string", "null"], "description": "Shown once, where one was made."],
        ],
    ]
    static let example: JSON = ["user": UserAnswer.example, "password": "qR8gTz0LwYc5mXv1uKpd-aB7"]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("user")
            UserAnswer(person: person).write(into: &writer)
            writer.member("password", JSON(password))
        }
    }
}

/// Everything that is kept about a person.
struct PersonalDataAnswer: ValueAnswer {
    let json: JSON

    static let schemaName = "PersonalData"
    static let schema: JSON = [
        "type": "object", "required": ["user", "companies", "roles", "sessions", "telegram", "referrals", "exported_at"],
        "properties": [
            "user": ["type": "object"], "companies": ["type": "array"], "roles": ["type": "array"],
            "sessions": ["type": "array"], "telegram": ["type": ["object", "null"]], "referrals": ["type": "object"],
            "exported_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "user": ["id": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304", "name": "Ada Lovelace"], "companies": [], "roles": [],
        "sessions": [], "telegram": nil, "referrals": ["code": nil, "brought_by": nil, "brought": 0],
        "exported_at": "2027-01-15T08:00:00.000Z",
    ]
}
