import Ground
import Services

/// A person, as the interface shows them.
struct UserAnswer: Answer {
    let person: Person

    static let schemaName = "User"
    static let schema: JSON = [
        "type": "object",
        "required": ["id", "email", "name", "phone", "roles", "status", "settings", "created_at", "last_login_at"],
        "properties": [
            "id": ["type": "string", "format": "uuid"],
            "email": ["type": ["string", "null"]],
            "name": ["type": "string"],
            "phone": ["type": ["string", "null"]],
            "roles": ["type": "array", "items": ["type": "string"]],
            "status": ["enum": ["ACTIVE", "INACTIVE", "SUSPENDED"]],
            "settings": ["type": "object"],
            "created_at": ["type": "string", "format": "date-time"],
            "last_login_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304", "email": "ada@example.com", "name": "Ada Lovelace",
        "phone": nil, "roles": ["Admin"], "status": "ACTIVE", "settings": [:],
        "created_at": "2027-01-15T08:00:00.000Z", "last_login_at": nil,
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", person.id.description)
            writer.member("email", JSON(person.email))
            writer.member("name", person.name)
            writer.member("phone", JSON(person.phone))
            writer.name("roles")
            writer.array { writer in for role in person.roles { writer.string(role) } }
            writer.member("status", person.status.rawValue)
            writer.member("settings", raw: Array(person.settings.utf8))
            writer.member("created_at", person.createdAt.rfc3339)
            writer.member("last_login_at", JSON(person.lastLoginAt))
        }
    }
}

/// A company, as the interface shows it.
struct CompanyAnswer: Answer {
    let company: Company

    static let schemaName = "Company"
    static let schema: JSON = [
        "type": "object", "required": ["id", "name", "domain", "status", "member_limit", "requires_second_factor"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "name": ["type": "string"],
            "domain": ["type": ["string", "null"]], "status": ["enum": ["ACTIVE", "SUSPENDED"]],
            "member_limit": ["type": ["integer", "null"], "description": "How many members it may have; null: any number."],
            "requires_second_factor": ["type": "boolean", "description": "Of its members."],
        ],
    ]
    static let nullableReference: JSON = ["oneOf": [["$ref": "#/components/schemas/Company"], ["type": "null"]]]
    static let example: JSON = [
        "id": "0198a3f4-5c1d-7c4d-8e5f-607182930415", "name": "Analytical Engines", "domain": "example.com",
        "status": "ACTIVE", "member_limit": nil, "requires_second_factor": false,
    ]

    var json: JSON {
        [
            "id": JSON(company.id), "name": .string(company.name), "domain": JSON(company.domain),
            "status": .string(company.status.rawValue), "member_limit": company.memberLimit.map { .integer(Int64($0)) } ?? .null,
            "requires_second_factor": .bool(company.secondFactorSince != nil),
        ]
    }

    func write(into writer: inout JSONWriter) { Self.write(company, into: &writer) }

    static func write(_ company: Company?, into writer: inout JSONWriter) {
        guard let company else { return writer.null() }
        writer.object { writer in
            writer.member("id", company.id.description)
            writer.member("name", company.name)
            writer.member("domain", JSON(company.domain))
            writer.member("status", company.status.rawValue)
            writer.member("member_limit", company.memberLimit.map { .integer(Int64($0)) } ?? .null)
            writer.member("requires_second_factor", company.secondFactorSince != nil)
        }
    }
}
