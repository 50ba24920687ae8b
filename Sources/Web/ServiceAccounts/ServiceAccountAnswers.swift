import Ground
import Services
import Store

/// A service account, as the interface shows it.
struct ServiceAccountAnswer: ValueAnswer {
    let account: ServiceAccount
    let keys: [APIKey]

    static let schemaName = "ServiceAccount"
    static let schema: JSON = [
        "type": "object",
        "required": ["id", "name", "description", "company_id", "enabled", "created_by", "created_at", "updated_at", "keys"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "name": ["type": "string"], "description": ["type": "string"],
            "company_id": ["type": ["string", "null"], "format": "uuid", "description": "null: for everybody."],
            "enabled": ["type": "boolean"], "created_by": ["type": "string", "format": "uuid"],
            "created_at": ["type": "string", "format": "date-time"],
            "updated_at": ["type": "string", "format": "date-time"],
            "keys": ["type": "array", "items": keySchema],
        ],
    ]
    static let keySchema: JSON = [
        "type": "object",
        "required": ["id", "name", "scopes", "created_by", "created_at", "expires_at", "last_used_at", "revoked_at"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "name": ["type": "string"],
            "scopes": ["type": "array", "items": ["type": "string"]], "created_by": ["type": "string", "format": "uuid"],
            "created_at": ["type": "string", "format": "date-time"],
            "expires_at": ["type": ["string", "null"], "format": "date-time"],
            "last_used_at": ["type": ["string", "null"], "format": "date-time", "description": "To the minute."],
            "revoked_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let keyExample: JSON = [
        "id": "0198a3f4-5c1e-7a3b-8c3d-4e5f60718293", "name": "Production", "scopes": ["app_data:balance"],
        "created_by": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304", "created_at": "2027-01-15T08:00:00.000Z", "expires_at": nil,
        "last_used_at": nil, "revoked_at": nil,
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7a4b-8c3d-4e5f60718293", "name": "Billing", "description": "Keeps balances.",
        "company_id": nil, "enabled": true, "created_by": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304",
        "created_at": "2027-01-15T08:00:00.000Z", "updated_at": "2027-01-15T08:00:00.000Z", "keys": [keyExample],
    ]

    var json: JSON {
        [
            "id": JSON(account.id), "name": .string(account.name), "description": .string(account.description),
            "company_id": JSON(account.company), "enabled": .bool(account.isEnabled), "created_by": JSON(account.createdBy),
            "created_at": JSON(account.createdAt), "updated_at": JSON(account.updatedAt),
            "keys": .array(keys.map(Self.json)),
        ]
    }

    static func json(of key: APIKey) -> JSON {
        [
            "id": JSON(key.id), "name": .string(key.name), "scopes": JSON(key.scopes), "created_by": JSON(key.createdBy),
            "created_at": JSON(key.createdAt), "expires_at": JSON(key.expiresAt), "last_used_at": JSON(key.lastUsedAt),
            "revoked_at": JSON(key.revokedAt),
        ]
    }
}

/// A key that was just made.
struct CreatedKeyAnswer: ValueAnswer {
    let key: APIKey
    let text: String

    static let schemaName = "CreatedAPIKey"
    static let schema: JSON = [
        "type": "object", "required": ["key", "api_key"],
        "properties": [
            "key": ServiceAccountAnswer.keySchema,
            "api_key": ["type": "string", "description": "Shown once; goes into the Authorization header as a bearer token."],
        ],
    ]
    static let example: JSON = ["key": ServiceAccountAnswer.keyExample, "api_key": "ghk_AZijs1wefjuMPU5fYHGCkw…"]

    var json: JSON { ["key": ServiceAccountAnswer.json(of: key), "api_key": .string(text)] }
}

/// What is kept about a person under a name.
struct AppDataAnswer: ValueAnswer {
    let data: JSON

    static let schemaName = "AppData"
    static let schema: JSON = ["type": "object", "required": ["data"], "properties": ["data": ["type": "object"]]]
    static let example: JSON = ["data": ["coins": 120]]

    var json: JSON { ["data": data] }
}
