import Credentials
import Ground
import HTTP
import Services

/// "It was not me".
enum DisownHandler {
    static let disown = Operation(
        "disown", "Says that it was somebody else",
        detail: """
            By the link of a mail that told of a sign-in or a change. Every session ends, devices are no longer known, recovery \
            codes are void, what was added in the day before the mail or since is taken away (a link to Telegram, an app for \
            codes, passkeys), and the password opens nothing any more, where the account has a confirmed address by which \
            another can be had; otherwise another must be chosen at the next sign-in. \
            The answer has a token for `POST /auth/password-reset/confirm`, unless the account has another address by now. \
            The link works once, for a week, and whatever was done to the account since.
            """,
        takes: DisownInput.self, answers: .json(DisownedAnswer.self, "Whoever was in the account is out."),
        problems: [.linkInvalid]
    ) { input, call in
        .answer(DisownedAnswer(disowned: try await call.services.disowned.disown(input.token, from: call.client)))
    }
}

struct DisownInput: Input {
    static let token = Field<String>.secret("token", 1...128, example: "ghnm_AZijs1wefi…", "What stands behind # in the link.")
    static let fields: [any AnyField] = [token]

    let token: String

    init(_ values: InputValues) throws(AuthError) { token = try values[Self.token] }
}

struct DisownedAnswer: ValueAnswer {
    let disowned: DisownService.Disowned

    static let schemaName = "Disowned"
    static let schema: JSON = [
        "type": "object", "required": ["sessions_ended", "password_reset_token", "expires_at"],
        "properties": [
            "sessions_ended": ["type": "integer"],
            "password_reset_token": [
                "type": ["string", "null"], "description": "Chooses another password; null where the account has another address by now.",
            ],
            "expires_at": ["type": ["string", "null"], "format": "date-time", "description": "When that token does."],
        ],
    ]
    static let example: JSON = [
        "sessions_ended": 2, "password_reset_token": "ghpr_AZijs1wefi…", "expires_at": "2027-01-15T09:00:00.000Z",
    ]

    var json: JSON {
        [
            "sessions_ended": .integer(Int64(disowned.sessionsEnded)),
            "password_reset_token": JSON(disowned.reset?.token), "expires_at": JSON(disowned.reset?.expiresAt),
        ]
    }
}
