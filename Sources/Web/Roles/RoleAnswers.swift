import Ground
import Services
import Store

/// A role, as the interface shows it.
struct RoleAnswer: ValueAnswer {
    let detail: RoleDetail

    static let schemaName = "Role"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "name", "description", "is_system", "permissions", "includes", "effective_permissions",
            "ip_whitelist_enabled", "allowed_ips", "allowed_countries", "requires_second_factor", "created_at",
            "updated_at",
        ],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "name": ["type": "string"], "description": ["type": "string"],
            "is_system": ["type": "boolean", "description": "Whether it comes with the system."],
            "permissions": ["type": "array", "items": ["type": "string"]],
            "includes": ["type": "array", "items": ["type": "string"], "description": "The names of other roles."],
            "effective_permissions": [
                "type": "array", "items": ["type": "string"], "description": "With those of the roles that it includes.",
            ],
            "ip_whitelist_enabled": ["type": "boolean"],
            "allowed_ips": ["type": "array", "items": ["type": "string"]],
            "allowed_countries": ["type": "array", "items": ["type": "string"]],
            "requires_second_factor": ["type": "boolean", "description": "Of whoever has it."],
            "created_at": ["type": "string", "format": "date-time"],
            "updated_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7d2b-8c3d-4e5f60718293", "name": "Fleet", "description": "Looks after machines.",
        "is_system": false, "permissions": ["machines:*"], "includes": ["Viewer"],
        "effective_permissions": ["companies:read", "machines:*", "roles:read", "users:read"],
        "ip_whitelist_enabled": false, "allowed_ips": [], "allowed_countries": [], "requires_second_factor": false,
        "created_at": "2027-01-15T08:00:00.000Z", "updated_at": "2027-01-15T08:00:00.000Z",
    ]

    var json: JSON {
        let role = detail.role
        return [
            "id": JSON(role.id), "name": .string(role.name), "description": .string(role.description),
            "is_system": .bool(role.isSystem), "permissions": JSON(detail.permissions), "includes": JSON(detail.includes),
            "effective_permissions": JSON(detail.effective), "ip_whitelist_enabled": .bool(role.rule.isEnabled),
            "allowed_ips": JSON(role.rule.addresses), "allowed_countries": JSON(role.rule.countries),
            "requires_second_factor": .bool(role.secondFactorSince != nil),
            "created_at": JSON(role.createdAt), "updated_at": JSON(role.updatedAt),
        ]
    }
}

/// A role that somebody has.
struct GrantAnswer: ValueAnswer {
    let grant: GrantedRole

    static let schemaName = "Grant"
    static let schema: JSON = [
        "type": "object",
        "required": ["id", "role", "role_id", "company_id", "granted_by", "granted_at", "expires_at"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "role": ["type": "string"],
            "role_id": ["type": "string", "format": "uuid"],
            "company_id": ["type": ["string", "null"], "format": "uuid", "description": "null: everywhere."],
            "granted_by": ["type": ["string", "null"], "format": "uuid"],
            "granted_at": ["type": "string", "format": "date-time"],
            "expires_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7e2b-8c3d-4e5f60718293", "role": "Viewer", "role_id": "0198a3f4-5c1e-7d2b-8c3d-4e5f60718293",
        "company_id": nil, "granted_by": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304",
        "granted_at": "2027-01-15T08:00:00.000Z", "expires_at": "2027-07-01T00:00:00.000Z",
    ]

    var json: JSON {
        [
            "id": JSON(grant.id), "role": .string(grant.name), "role_id": JSON(grant.role), "company_id": JSON(grant.company),
            "granted_by": JSON(grant.grantedBy), "granted_at": JSON(grant.grantedAt), "expires_at": JSON(grant.expiresAt),
        ]
    }
}

/// The permissions that there are.
struct PermissionListAnswer: ValueAnswer {
    let permissions: [(name: String, summary: String?)]

    static let schemaName = "PermissionList"
    static let schema: JSON = [
        "type": "object", "required": ["items", "next"],
        "properties": [
            "items": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["name", "description", "is_system"],
                    "properties": [
                        "name": ["type": "string"], "description": ["type": ["string", "null"]],
                        "is_system": ["type": "boolean", "description": "Whether the server itself asks for it."],
                    ],
                ],
            ],
            "next": ["type": "null"],
        ],
    ]
    static let example: JSON = [
        "items": [["name": "users:read", "description": "See people.", "is_system": true]], "next": nil,
    ]

    var json: JSON {
        let items: [JSON] = permissions.map {
            ["name": .string($0.name), "description": JSON($0.summary), "is_system": .bool($0.summary != nil)]
        }
        return ["items": .array(items), "next": nil]
    }
}

/// What the caller may do.
struct EffectiveAnswer: ValueAnswer {
    let authority: Authority
    let roles: [String]

    static let schemaName = "EffectivePermissions"
    static let schema: JSON = [
        "type": "object", "required": ["roles", "everywhere", "company_id", "in_company"],
        "properties": [
            "roles": ["type": "array", "items": ["type": "string"]],
            "everywhere": ["type": "array", "items": ["type": "string"]],
            "company_id": ["type": ["string", "null"], "format": "uuid", "description": "The company of the session."],
            "in_company": [
                "type": "array", "items": ["type": "string"], "description": "In that company, beside what holds everywhere.",
            ],
        ],
    ]
    static let example: JSON = [
        "roles": ["Admin"], "everywhere": [], "company_id": "0198a3f4-5c1d-7c4d-8e5f-607182930415",
        "in_company": ["audit:read", "users:*"],
    ]

    var json: JSON {
        [
            "roles": JSON(roles), "everywhere": JSON(authority.everywhere.names), "company_id": JSON(authority.company),
            "in_company": JSON(authority.here.names),
        ]
    }
}

/// Whether somebody may do something.
struct DecisionAnswer: ValueAnswer {
    let allowed: Bool

    static let schemaName = "Decision"
    static let schema: JSON = [
        "type": "object", "required": ["allowed"], "properties": ["allowed": ["type": "boolean"]],
    ]
    static let example: JSON = ["allowed": true]

    var json: JSON { ["allowed": .bool(allowed)] }
}

/// The answers to several questions, in their order.
struct DecisionListAnswer: ValueAnswer {
    let decisions: [PermissionDecision]

    static let schemaName = "DecisionList"
    static let schema: JSON = [
        "type": "object", "required": ["decisions"],
        "properties": [
            "decisions": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["allowed", "code"],
                    "properties": [
                        "allowed": ["type": "boolean"],
                        "code": [
                            "enum": [.string(ProblemCode.notFound.rawValue), nil],
                            "description": "Why there is no answer; null where there is one.",
                        ],
                    ],
                ],
            ]
        ],
    ]
    static let example: JSON = [
        "decisions": [["allowed": true, "code": nil], ["allowed": false, "code": nil], ["allowed": false, "code": "not_found"]]
    ]

    var json: JSON {
        let items = decisions.map { decision -> JSON in
            let code = decision == .notFound ? ProblemCode.notFound.rawValue : nil
            return ["allowed": .bool(decision == .allowed), "code": JSON(code)]
        }
        return ["decisions": .array(items)]
    }
}

extension JSON {
    init(_ names: [String]) { self = .array(names.map { .string($0) }) }
}
