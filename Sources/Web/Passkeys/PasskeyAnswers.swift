import Ground
import Services
import Store

/// A passkey, as its owner sees it.
struct PasskeyAnswer: ValueAnswer {
    let passkey: Passkey

    static let schemaName = "Passkey"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "credential_id", "name", "use", "model", "aaguid", "transports", "backup_eligible", "backed_up",
            "created_at", "last_used_at",
        ],
        "properties": [
            "id": ["type": "string", "format": "uuid"],
            "credential_id": ["type": "string", "description": "By what the authenticator knows it, in base64url."],
            "name": ["type": "string"],
            "use": ["enum": ["sign_in", "second_factor"]],
            "model": ["type": ["string", "null"], "description": "Of the authenticator, as far as it says; for people."],
            "aaguid": ["type": "string", "format": "uuid"],
            "transports": ["type": "array", "items": ["type": "string"]],
            "backup_eligible": ["type": "boolean", "description": "Whether it may be copied to other devices of the person."],
            "backed_up": ["type": "boolean", "description": "Whether it has been."],
            "created_at": ["type": "string", "format": "date-time"],
            "last_used_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "credential_id": "AZijs1wde6uMPU5fYHGCkw", "name": "Ada's laptop",
        "use": "sign_in", "model": "Apple Passwords", "aaguid": "fbfc3007-154e-4ecc-8c0b-6e020557d7bd",
        "transports": ["internal", "hybrid"], "backup_eligible": true, "backed_up": true,
        "created_at": "2027-01-15T08:00:00.000Z", "last_used_at": nil,
    ]

    var json: JSON {
        [
            "id": JSON(passkey.id), "credential_id": .string(Base64URL.encode(passkey.credentialID)),
            "name": .string(passkey.name), "use": passkey.isSecondFactor ? "second_factor" : "sign_in",
            "model": JSON(AuthenticatorModels.name(of: passkey.aaguid)), "aaguid": JSON(passkey.aaguid),
            "transports": .array(passkey.transports.map { .string($0) }),
            "backup_eligible": .bool(passkey.isBackupEligible), "backed_up": .bool(passkey.isBackedUp),
            "created_at": JSON(passkey.createdAt), "last_used_at": JSON(passkey.lastUsedAt),
        ]
    }

    /// How the browser is told of one.
    static func descriptor(of passkey: Passkey) -> JSON {
        [
            "type": "public-key", "id": .string(Base64URL.encode(passkey.credentialID)),
            "transports": .array(passkey.transports.map { .string($0) }),
        ]
    }
}

/// A passkey that was kept.
struct RegisteredPasskeyAnswer: ValueAnswer {
    let registered: PasskeyService.Registered

    static let schemaName = "RegisteredPasskey"
    static let schema: JSON = [
        "type": "object", "required": ["passkey", "recovery_codes"],
        "properties": [
            "passkey": ["$ref": "#/components/schemas/Passkey"],
            "recovery_codes": [
                "type": ["array", "null"], "items": ["type": "string"],
                "description": "Where it is the first second factor: each good once instead of one. Not shown again.",
            ],
        ],
    ]
    static let example: JSON = ["passkey": PasskeyAnswer.example, "recovery_codes": nil]

    var json: JSON {
        [
            "passkey": PasskeyAnswer(passkey: registered.passkey).json,
            "recovery_codes": registered.recoveryCodes.map { .array($0.map { .string($0) }) } ?? .null,
        ]
    }
}

/// `PublicKeyCredentialCreationOptionsJSON`.
struct PasskeyCreationAnswer: ValueAnswer {
    let options: PasskeyCreationOptions

    static let schemaName = "PasskeyCreation"
    static let schema: JSON = [
        "type": "object", "required": ["public_key"],
        "properties": [
            "public_key": [
                "type": "object", "description": "`PublicKeyCredentialCreationOptionsJSON` of Web Authentication.",
                "required": ["rp", "user", "challenge", "pubKeyCredParams"],
            ]
        ],
    ]
    static let example: JSON = [
        "public_key": [
            "rp": ["id": "auth.example.com", "name": "Gatehouse"],
            "user": ["id": "AZijs1wde6uMPU5fYHGCkw", "name": "ada@example.com", "displayName": "Ada Lovelace"],
            "challenge": "AwBqmHqAc2Vjb25kcw", "pubKeyCredParams": [["type": "public-key", "alg": -8], ["type": "public-key", "alg": -7]],
            "timeout": 300000, "excludeCredentials": [],
            "authenticatorSelection": ["residentKey": "required", "requireResidentKey": true, "userVerification": "required"],
            "attestation": "none", "extensions": ["credProps": true],
        ]
    ]

    var json: JSON {
        [
            "public_key": [
                "rp": ["id": .string(options.partyID), "name": .string(options.partyName)],
                "user": [
                    "id": .string(Base64URL.encode(options.userHandle)), "name": .string(options.userName),
                    "displayName": .string(options.user.name),
                ],
                "challenge": .string(Base64URL.encode(options.challenge)),
                "pubKeyCredParams": .array(options.algorithms.map { ["type": "public-key", "alg": .integer($0)] }),
                "timeout": .integer(options.lifetime.milliseconds),
                "excludeCredentials": .array(options.existing.map(PasskeyAnswer.descriptor)),
                "authenticatorSelection": [
                    "residentKey": options.isDiscoverable ? "required" : "discouraged",
                    "requireResidentKey": .bool(options.isDiscoverable),
                    "userVerification": .string(options.verification.rawValue),
                ],
                "attestation": "none", "extensions": ["credProps": true],
            ]
        ]
    }
}

/// `PublicKeyCredentialRequestOptionsJSON`.
struct PasskeyRequestAnswer: ValueAnswer {
    let options: PasskeyRequestOptions

    static let schemaName = "PasskeyRequest"
    static let schema: JSON = [
        "type": "object", "required": ["public_key"],
        "properties": [
            "public_key": [
                "type": "object", "description": "`PublicKeyCredentialRequestOptionsJSON` of Web Authentication.",
                "required": ["challenge", "rpId"],
            ]
        ],
    ]
    static let example: JSON = [
        "public_key": [
            "challenge": "AwBqmHqAc2Vjb25kcw", "timeout": 300000, "rpId": "auth.example.com", "allowCredentials": [],
            "userVerification": "required",
        ]
    ]

    var json: JSON {
        [
            "public_key": [
                "challenge": .string(Base64URL.encode(options.challenge)), "timeout": .integer(options.lifetime.milliseconds),
                "rpId": .string(options.partyID), "allowCredentials": .array(options.allowed.map(PasskeyAnswer.descriptor)),
                "userVerification": .string(options.verification.rawValue),
            ]
        ]
    }
}
