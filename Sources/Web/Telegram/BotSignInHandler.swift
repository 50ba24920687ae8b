import Ground
import QRCode
import Services

/// Signing in by a bot, as the page sees it.
enum BotSignInHandler {
    static let begin = Operation(
        "beginBotSignIn", "Begins a sign-in that is confirmed in a bot",
        detail: """
            Show the link, or its QR code, and the number. Whoever opens the link is asked by the bot which of three numbers \
            the page shows; another number, or no, ends it. Meanwhile ask `POST /auth/telegram/bot-sign-ins/session` every \
            two seconds, with the secret.
            """,
        asks: BotQuery.self,
        answers: .json(BotSignInAnswer.self, status: .created, "Begun."),
        problems: [.telegramNotConfigured, .doorClosed, .telegramUnreachable]
    ) { query, call in
        let offer = try await call.services.botSignIns.begin(through: query.bot, from: call.client)
        return .answer(BotSignInAnswer(offer: offer), status: .created)
    }

    static let finish = Operation(
        "finishBotSignIn", "Signs in, once somebody has confirmed in the bot",
        detail: "The session is given out once.",
        takes: BotSignInInput.self,
        answers: .json(
            TokenAnswer.self, or: SecondFactorAnswer.self, or: BotSignInWaitingAnswer.self,
            "Signed in, or a second factor is asked for, or nobody has answered yet."),
        problems: [
            .signInNotBegun, .signInRefused, .telegramNotConfigured, .doorClosed, .accessRequired, .accountBlocked,
            .companySuspended, .addressNotAllowed, .tooMany,
        ]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        guard let outcome = try await call.services.botSignIns.finish(input.secret, from: call.client(device: device)) else {
            return .answer(BotSignInWaitingAnswer())
        }
        return SignInHandler.answer(outcome, device: device, for: call)
    }
}

struct BotSignInInput: Input {
    static let secret = Field<String>.secret(
        "secret", 1...128, example: "q3ZcY7d0m1sY2v8bQ9tH6uX4wK5pR0eN7aJ3fL1gS8M", "What the page was given.")
    static let fields: [any AnyField] = [secret]

    let secret: String

    init(_ values: InputValues) throws(AuthError) { secret = try values[Self.secret] }
}

struct BotSignInAnswer: ValueAnswer {
    let offer: BotSignInService.Offer

    static let schemaName = "BotSignIn"
    static let schema: JSON = [
        "type": "object", "required": ["url", "qr", "qr_png", "match_number", "secret", "expires_at"],
        "properties": [
            "url": ["type": "string", "format": "uri", "description": "Opens the bot."],
            "qr": ["type": ["string", "null"], "description": "The same as a QR code: an SVG. null where the server makes none."],
            "qr_png": ["type": ["string", "null"], "description": "The same as a data URI with a PNG."],
            "match_number": ["type": "integer", "minimum": 10, "maximum": 99],
            "secret": ["type": "string", "description": "For the page alone."],
            "expires_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "url": "https://t.me/gatehouse_bot?start=in_3mXo2Pq7sT9vB4nK8cR5yW1zL6dF0hJg",
        "qr": "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 45 45\">…</svg>", "qr_png": "data:image/png;base64,iVBORw0KGgo…",
        "match_number": 42,
        "secret": "q3ZcY7d0m1sY2v8bQ9tH6uX4wK5pR0eN7aJ3fL1gS8M", "expires_at": "2027-01-15T08:05:00.000Z",
    ]

    var json: JSON {
        let code = QRCode(offer.url)
        return [
            "url": .string(offer.url), "qr": JSON(code?.svg), "qr_png": JSON(code?.dataURI), "match_number": .integer(Int64(offer.matchNumber)),
            "secret": .string(offer.secret), "expires_at": JSON(offer.expiresAt),
        ]
    }
}

extension QRCode {
    /// The PNG, as an address that holds it.
    var dataURI: String { "data:image/png;base64,\(Base64.encode(png))" }
}

struct BotSignInWaitingAnswer: ValueAnswer {
    static let schemaName = "BotSignInWaiting"
    static let schema: JSON = [
        "type": "object", "required": ["status"], "properties": ["status": ["const": "waiting"]],
        "additionalProperties": false,
    ]
    static let example: JSON = ["status": "waiting"]

    var json: JSON { Self.example }
}
