import Ground
import Services

/// `{"success": true, "data": …}`.
struct MiniAppSuccess<Content: ValueAnswer>: ValueAnswer {
    let content: Content

    init(_ content: Content) { self.content = content }

    static var schemaName: String { "\(Content.schemaName)Success" }
    static var schema: JSON {
        ["type": "object", "required": ["success", "data"], "properties": ["success": ["const": true], "data": Content.schema]]
    }
    static var example: JSON { ["success": true, "data": Content.example] }

    var json: JSON { ["success": true, "data": content.json] }
}

/// A person, as a Mini App knows them; the first five are in the token too.
enum MiniAppPerson {
    static let schema: JSON = [
        "type": "object",
        "required": ["userId", "telegram_id", "username", "first_name", "ref_code", "last_name", "name", "photo_url", "language"],
        "properties": [
            "userId": ["type": "string", "format": "uuid"], "telegram_id": ["type": ["integer", "null"]],
            "username": ["type": ["string", "null"]], "first_name": ["type": "string"],
            "ref_code": ["type": "string", "description": "What the person brings others in by."],
            "last_name": ["type": ["string", "null"]],
            "name": ["type": "string", "description": "What the person is called here."],
            "photo_url": ["type": ["string", "null"]], "language": ["type": ["string", "null"]],
        ],
    ]
    static let example: JSON = [
        "userId": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304", "telegram_id": 279058397, "username": "vdkfrost",
        "first_name": "Vladislav", "ref_code": "7Q2M0XKZ9A", "last_name": "Kibenko", "name": "Vladislav Kibenko",
        "photo_url": nil, "language": "ru",
    ]

    static func json(_ profile: MiniAppService.Profile) -> JSON {
        let identity = profile.identity
        return [
            "userId": JSON(profile.userID), "telegram_id": identity.map { .integer($0.telegramID) } ?? .null,
            "username": JSON(identity?.username), "first_name": .string(identity?.firstName ?? profile.name),
            "ref_code": .string(profile.referralCode), "last_name": JSON(identity?.lastName), "name": .string(profile.name),
            "photo_url": JSON(identity?.photoURL), "language": JSON(identity?.language),
        ]
    }
}

/// The answer to signing in and to refreshing.
struct MiniAppTokens: ValueAnswer {
    let entrance: MiniAppService.Entrance

    static let schemaName = "MiniAppTokens"
    static let schema: JSON = [
        "type": "object",
        "required": ["token", "refresh_token", "token_type", "expires_in", "refresh_expires_at", "session_id", "user"],
        "properties": [
            "token": ["type": "string", "description": "A JWT for the Authorization header, with the person in it."],
            "refresh_token": ["type": "string", "description": "Good for one refresh."], "token_type": ["const": "Bearer"],
            "expires_in": ["type": "integer", "description": "The life of the token, in seconds."],
            "refresh_expires_at": ["type": "string", "format": "date-time"],
            "session_id": ["type": "string", "format": "uuid"], "user": MiniAppPerson.schema,
        ],
    ]
    static let example: JSON = [
        "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
        "refresh_token": "ghr_AQGOzXqAAHAAgAAAAAAAAAAAAAAAAABmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "token_type": "Bearer", "expires_in": 900, "refresh_expires_at": "2027-01-22T08:00:00.000Z",
        "session_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "user": MiniAppPerson.example,
    ]

    var json: JSON {
        let signedIn = entrance.signedIn
        return [
            "token": .string(entrance.token), "refresh_token": .string(signedIn.refreshToken), "token_type": "Bearer",
            "expires_in": .integer(signedIn.expiresIn.milliseconds / 1000),
            "refresh_expires_at": JSON(signedIn.refreshExpiresAt), "session_id": JSON(signedIn.session.id),
            "user": MiniAppPerson.json(entrance.profile),
        ]
    }
}

/// The same with the recovery codes of a second factor that was set up on the way.
struct MiniAppEnrolled: ValueAnswer {
    let tokens: MiniAppTokens
    let codes: [String]

    private static let name = "recovery_codes"

    static let schemaName = "MiniAppEnrolled"
    static let schema: JSON = [
        "allOf": [
            MiniAppTokens.schema,
            ["type": "object", "required": [.string(name)], "properties": .object([.init(name, RecoveryCodesAnswer.list)])],
        ]
    ]
    static let example = adding(["7Q2M-0XKZ-9A4B", "K3TD-88VN-W1RC"], to: MiniAppTokens.example)

    var json: JSON { Self.adding(codes, to: tokens.json) }

    private static func adding(_ codes: [String], to tokens: JSON) -> JSON {
        .object((tokens.members ?? []) + [.init(name, JSON(codes))])
    }
}

/// A token that is good, and whom it stands for.
struct MiniAppCheck: ValueAnswer {
    let token: AccessToken
    let profile: MiniAppService.Profile

    static let schemaName = "MiniAppCheck"
    static let schema: JSON = [
        "type": "object", "required": ["valid", "user", "session_id", "expires_at"],
        "properties": [
            "valid": ["const": true], "user": MiniAppPerson.schema, "session_id": ["type": "string", "format": "uuid"],
            "expires_at": ["type": "string", "format": "date-time", "description": "When the token ends."],
        ],
    ]
    static let example: JSON = [
        "valid": true, "user": MiniAppPerson.example, "session_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293",
        "expires_at": "2027-01-15T08:15:00.000Z",
    ]

    var json: JSON {
        [
            "valid": true, "user": MiniAppPerson.json(profile), "session_id": JSON(token.sessionID),
            "expires_at": JSON(token.expiresAt),
        ]
    }
}

/// The session of a token, and how many the person has.
struct MiniAppSession: ValueAnswer {
    let subject: Subject
    let profile: MiniAppService.Profile
    let active: Int

    static let schemaName = "MiniAppSession"
    static let schema: JSON = [
        "type": "object", "required": ["session", "active_sessions", "user"],
        "properties": [
            "session": ["$ref": "#/components/schemas/Session"],
            "active_sessions": ["type": "integer", "minimum": 0, "description": "How many sessions of the person live."],
            "user": MiniAppPerson.schema,
        ],
    ]
    static let example: JSON = ["session": SessionAnswer.example, "active_sessions": 2, "user": MiniAppPerson.example]

    var json: JSON {
        [
            "session": SessionAnswer(session: subject.session, current: subject.session.id).json,
            "active_sessions": .integer(Int64(active)), "user": MiniAppPerson.json(profile),
        ]
    }
}

/// There is nothing to tell.
struct MiniAppDone: ValueAnswer {
    static let schemaName = "MiniAppDone"
    static let schema: JSON = ["type": "object"]
    static let example: JSON = [:]
    var json: JSON { [:] }
}
