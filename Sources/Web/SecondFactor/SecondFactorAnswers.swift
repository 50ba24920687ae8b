import Ground
import QRCode
import Services
import Store

/// The answer to a sign-in that is not done yet.
struct SecondFactorAnswer: ValueAnswer {
    let challenge: SecondFactorChallenge

    static let schemaName = "SecondFactorRequired"
    static let schema: JSON = [
        "type": "object",
        "required": ["second_factor_required", "second_factor_token", "methods", "enrolment_required", "expires_in"],
        "properties": [
            "second_factor_required": ["const": true],
            "second_factor_token": [
                "type": "string", "description": "Opens the way to the second factor, and nothing else.",
            ],
            "methods": [
                "type": "array", "items": ["enum": JSON(SecondFactor.allCases.map(\.rawValue))],
                "description": "What may be shown, the surest first.",
            ],
            "enrolment_required": [
                "type": "boolean", "description": "Whether a factor must be set up first: POST /auth/2fa/enrolment/setup.",
            ],
            "expires_in": ["type": "integer", "description": "In seconds."],
        ],
    ]
    static let example: JSON = [
        "second_factor_required": true, "second_factor_token": "gh2_AZijs1wefi…", "methods": ["totp", "recovery_code"],
        "enrolment_required": false, "expires_in": 300,
    ]

    var json: JSON {
        [
            "second_factor_required": true, "second_factor_token": .string(challenge.token),
            "methods": JSON(challenge.methods.map(\.rawValue)), "enrolment_required": .bool(challenge.asksForEnrolment),
            "expires_in": .integer(challenge.expiresIn.milliseconds / 1000),
        ]
    }
}

/// What the caller has set up.
struct SecondFactorStatusAnswer: ValueAnswer {
    let status: SecondFactorStatus

    static let schemaName = "SecondFactors"
    static let schema: JSON = [
        "type": "object", "required": ["enabled", "factors", "recovery_codes_left", "due_at"],
        "properties": [
            "enabled": ["type": "boolean"], "factors": ["type": "array", "items": ["type": "string"]],
            "recovery_codes_left": ["type": "integer", "minimum": 0],
            "due_at": [
                "type": ["string", "null"], "format": "date-time",
                "description": "From when on one is asked for at sign-in; null where none is required, or one is set up.",
            ],
        ],
    ]
    static let example: JSON = [
        "enabled": true, "factors": ["totp"], "recovery_codes_left": 10, "due_at": nil,
    ]

    var json: JSON {
        [
            "enabled": .bool(!status.factors.isEmpty), "factors": JSON(status.factors.map(\.rawValue)),
            "recovery_codes_left": .integer(Int64(status.recoveryCodesLeft)), "due_at": JSON(status.dueAt),
        ]
    }
}

/// What somebody begins to set up.
struct SetupAnswer: ValueAnswer {
    let offer: SetupOffer

    static let schemaName = "SecondFactorSetup"
    static let schema: JSON = [
        "type": "object", "required": ["method", "secret", "otpauth_uri", "qr", "qr_png", "expires_in"],
        "properties": [
            "method": ["type": "string"],
            "secret": ["type": ["string", "null"], "description": "For an authenticator app: base 32. null where a code was sent."],
            "otpauth_uri": ["type": ["string", "null"], "description": "The same, as apps read it."],
            "qr": ["type": ["string", "null"], "description": "The same as a QR code: an SVG. null where the server makes none."],
            "qr_png": ["type": ["string", "null"], "description": "The same as a data URI with a PNG."],
            "expires_in": ["type": "integer", "description": "In seconds."],
        ],
    ]
    static let example: JSON = [
        "method": "totp", "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "otpauth_uri":
            "otpauth://totp/auth.example.com:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth.example.com&algorithm=SHA1&digits=6&period=30",
        "qr": "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 61 61\">…</svg>",
        "qr_png": "data:image/png;base64,iVBORw0KGgo…", "expires_in": 900,
    ]

    var json: JSON {
        switch offer {
        case .totp(let secret, let uri, let expiresIn):
            let code = QRCode(uri)
            return [
                "method": "totp", "secret": .string(secret), "otpauth_uri": .string(uri), "qr": JSON(code?.svg),
                "qr_png": JSON(code?.dataURI), "expires_in": .integer(expiresIn.milliseconds / 1000),
            ]
        case .sent(let factor, let expiresIn):
            return [
                "method": .string(factor.rawValue), "secret": nil, "otpauth_uri": nil, "qr": nil, "qr_png": nil,
                "expires_in": .integer(expiresIn.milliseconds / 1000),
            ]
        }
    }
}

/// A factor that is in force now.
struct EnabledAnswer: ValueAnswer {
    let method: SecondFactor
    let enabled: SecondFactorEnrolment.Enabled

    static let schemaName = "SecondFactorEnabled"
    static let schema: JSON = [
        "type": "object", "required": ["method", "recovery_codes", "access_token", "token_type", "expires_in"],
        "properties": [
            "method": ["type": "string"], "recovery_codes": RecoveryCodesAnswer.list,
            "access_token": ["type": "string", "description": "Of the same session, which has shown two factors now."],
            "token_type": ["const": "Bearer"],
            "expires_in": ["type": "integer", "description": "The life of the access token, in seconds."],
        ],
    ]
    static let example: JSON = [
        "method": "totp", "recovery_codes": ["7Q2M-0XKZ-9A4B", "K3TD-88VN-W1RC"],
        "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
        "token_type": "Bearer", "expires_in": 900,
    ]

    var json: JSON {
        [
            "method": .string(method.rawValue), "recovery_codes": JSON(enabled.recoveryCodes),
            "access_token": .string(enabled.session.accessToken), "token_type": "Bearer",
            "expires_in": .integer(enabled.session.expiresIn.milliseconds / 1000),
        ]
    }
}

struct RecoveryCodesAnswer: ValueAnswer {
    let codes: [String]

    static let schemaName = "RecoveryCodes"
    static let list: JSON = [
        "type": "array", "items": ["type": "string"], "description": "Shown once, each good once; empty where none are new.",
    ]
    static let schema: JSON = ["type": "object", "required": ["recovery_codes"], "properties": ["recovery_codes": list]]
    static let example: JSON = ["recovery_codes": ["7Q2M-0XKZ-9A4B", "K3TD-88VN-W1RC"]]

    var json: JSON { ["recovery_codes": JSON(codes)] }
}

/// The answer to signing in, with recovery codes beside.
struct EnrolledAnswer<Content: Answer>: Answer {
    let signedIn: Content
    let codes: [String]

    static var schemaName: String { "Enrolled\(Content.schemaName)" }
    static var schema: JSON {
        [
            "type": "object", "required": ["recovery_codes", "sign_in"],
            "properties": ["recovery_codes": RecoveryCodesAnswer.list, "sign_in": Content.schema],
        ]
    }
    static var example: JSON {
        ["recovery_codes": ["7Q2M-0XKZ-9A4B", "K3TD-88VN-W1RC"], "sign_in": Content.example]
    }

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("recovery_codes", JSON(codes))
            writer.name("sign_in")
            signedIn.write(into: &writer)
        }
    }
}

/// A browser that is remembered.
struct RememberedDeviceAnswer: ValueAnswer {
    let device: RememberedDevice

    static let schemaName = "RememberedDevice"
    static let schema: JSON = [
        "type": "object", "required": ["id", "name", "ip", "created_at", "expires_at"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "name": ["type": "string"], "ip": ["type": "string"],
            "created_at": ["type": "string", "format": "date-time"], "expires_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7c2b-8c3d-4e5f60718293", "name": "Firefox on Linux", "ip": "192.0.2.7",
        "created_at": "2027-01-15T08:00:00.000Z", "expires_at": "2027-02-14T08:00:00.000Z",
    ]

    var json: JSON {
        [
            "id": JSON(device.id), "name": .string(device.name), "ip": .string(device.ip),
            "created_at": JSON(device.createdAt), "expires_at": JSON(device.expiresAt),
        ]
    }
}

/// How many browsers were forgotten.
struct ForgottenAnswer: ValueAnswer {
    let count: Int

    static let schemaName = "DevicesForgotten"
    static let schema: JSON = [
        "type": "object", "required": ["devices_forgotten"],
        "properties": ["devices_forgotten": ["type": "integer", "minimum": 0]],
    ]
    static let example: JSON = ["devices_forgotten": 2]

    var json: JSON { ["devices_forgotten": .integer(Int64(count))] }
}
