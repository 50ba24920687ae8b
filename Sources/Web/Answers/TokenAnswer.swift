import Ground
import Services

/// The answer to a login with a password that somebody else chose.
struct PasswordChangeAnswer: ValueAnswer {
    let token: String
    let reason: PasswordChangeReason
    let expiresIn: Duration

    static let schemaName = "PasswordChangeRequired"
    static let schema: JSON = [
        "type": "object", "required": ["requires_password_change", "reason", "password_change_token", "expires_in"],
        "properties": [
            "requires_password_change": ["const": true],
            "reason": [
                "type": "string", "enum": .array(PasswordChangeReason.allCases.map { .string($0.rawValue) }),
                "description": "required: somebody else chose the password, or has asked for another. expired: it has served too long.",
            ],
            "password_change_token": ["type": "string", "description": "Opens the way to a new password, and nothing else."],
            "expires_in": ["type": "integer", "description": "In seconds."],
        ],
    ]
    static let example: JSON = [
        "requires_password_change": true, "reason": "required", "password_change_token": "ghp_AZijs1wdez…", "expires_in": 600,
    ]

    var json: JSON {
        [
            "requires_password_change": true, "reason": .string(reason.rawValue), "password_change_token": .string(token),
            "expires_in": .integer(expiresIn.milliseconds / 1000),
        ]
    }
}

/// The answer to moving a session into another company: an access token that names it.
struct MovedSessionAnswer: Answer {
    let moved: MovedSession

    static let schemaName = "MovedSession"
    static let schema: JSON = [
        "type": "object",
        "required": ["access_token", "token_type", "expires_in", "session_id", "user", "company"],
        "properties": [
            "access_token": ["type": "string", "description": "A JWT for the Authorization header."],
            "token_type": ["const": "Bearer"],
            "expires_in": ["type": "integer", "description": "The life of the access token, in seconds."],
            "session_id": ["type": "string", "format": "uuid"],
            "user": ["$ref": "#/components/schemas/User"], "company": CompanyAnswer.nullableReference,
        ],
    ]
    static let example = JSON.object(
        (TokenAnswer.example.members ?? []).filter { !["refresh_token", "refresh_expires_at"].contains($0.name) })

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("access_token", moved.accessToken)
            writer.member("token_type", "Bearer")
            writer.member("expires_in", moved.expiresIn.milliseconds / 1000)
            writer.member("session_id", moved.subject.session.id.description)
            writer.name("user")
            UserAnswer(person: moved.subject.person).write(into: &writer)
            writer.name("company")
            CompanyAnswer.write(moved.subject.company, into: &writer)
        }
    }
}

/// `{access_token, refresh_token, …}`: the answer to signing in and to refreshing (RFC 6749, section 5.1).
struct TokenAnswer: Answer {
    let signedIn: SignedIn

    static let schemaName = "Tokens"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_at", "session_id", "user",
            "company",
        ],
        "properties": [
            "access_token": ["type": "string", "description": "A JWT for the Authorization header."],
            "refresh_token": ["type": "string", "description": "Good for one refresh."],
            "token_type": ["const": "Bearer"],
            "expires_in": ["type": "integer", "description": "The life of the access token, in seconds."],
            "refresh_expires_at": ["type": "string", "format": "date-time"],
            "session_id": ["type": "string", "format": "uuid"],
            "user": ["$ref": "#/components/schemas/User"],
            "company": CompanyAnswer.nullableReference,
        ],
    ]
    static let example: JSON = [
        "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
        "refresh_token": "ghr_AQGOzXqAAHAAgAAAAAAAAAAAAAAAAABmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "token_type": "Bearer", "expires_in": 900, "refresh_expires_at": "2027-01-22T08:00:00.000Z",
        "session_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "user": UserAnswer.example,
        "company": CompanyAnswer.example,
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("access_token", signedIn.accessToken)
            writer.member("refresh_token", signedIn.refreshToken)
            writer.member("token_type", "Bearer")
            writer.member("expires_in", signedIn.expiresIn.milliseconds / 1000)
            writer.member("refresh_expires_at", signedIn.refreshExpiresAt.rfc3339)
            writer.member("session_id", signedIn.session.id.description)
            writer.name("user")
            UserAnswer(person: signedIn.subject.person).write(into: &writer)
            writer.name("company")
            CompanyAnswer.write(signedIn.subject.company, into: &writer)
        }
    }
}
