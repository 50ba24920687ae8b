import Ground
import HTTP
import Services
import Store

/// Coming in through Telegram.
enum TelegramHandler {
    static let refusals: [ProblemCode] = [
        .telegramDataMalformed, .telegramDataNotSigned, .telegramDataExpired, .telegramDataInFuture,
        .telegramDataReplayed, .telegramNotConfigured, .doorClosed, .signInNotBegun, .telegramUnreachable,
    ]

    static let signIn = Operation(
        "signInWithTelegram", "Signs in with what Telegram has signed",
        detail: """
            Takes what the Login Widget hands over (its object, its query, or `tgAuthResult`), what a Mini App is \
            opened with (`init_data`) and an `id_token` of Log In With Telegram, and tells them apart by what is sent. Names that Telegram may add are taken. The \
            first time makes the account, where the bot makes accounts; later ones bring name, username and photo up to \
            date. Each signature is good for one sign-in.
            """,
        asks: BotQuery.self, takesWhole: TelegramBody.kinds,
        answers: .json(TokenAnswer.self, or: SecondFactorAnswer.self, "Signed in, or a second factor is asked for."),
        problems: refusals + [
            .malformedBody, .accessRequired, .accountBlocked, .accessEnded, .companySuspended, .addressNotAllowed, .tooMany,
        ]
    ) { query, call in
        let body = try TelegramBody(call)
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.telegram.signIn(
            with: body.evidence, for: query.bot, referral: body.referral, from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call)
    }

    static let signInWithCode = Operation(
        "signInWithTelegramCode", "Signs in with a one-time code of the bot",
        detail: """
            `/code` in the bot answers with twelve digits, good for one sign-in within five minutes. Five wrong guesses at \
            a code end it.
            """,
        takes: CodeInput.self, answers: .json(TokenAnswer.self, or: SecondFactorAnswer.self, "Signed in, or a second factor is asked for."),
        problems: [
            .codeInvalid, .telegramNotConfigured, .doorClosed, .accessRequired, .accountBlocked, .companySuspended,
            .addressNotAllowed,
        ]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.signInCodes.signIn(with: input.code, from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call)
    }

    static let link = Operation(
        "linkTelegram", "Binds the caller's account to a person of Telegram",
        detail: "Takes the same as `POST /auth/telegram`. An account belongs to one person of Telegram, and a person has one account.",
        asks: BotQuery.self, takesWhole: TelegramBody.kinds,
        answers: .json(TelegramIdentityAnswer.self, "Bound."),
        problems: refusals + [.malformedBody, .telegramTaken, .telegramLinked, .insufficientUserAuthentication, .companyBotSession]
    ) { query, call in
        let body = try TelegramBody(call)
        let identity = try await call.services.telegram.link(
            body.evidence, for: query.bot, by: try call.caller, from: call.client)
        return .answer(TelegramIdentityAnswer(identity: identity))
    }

    static let read = Operation(
        "readTelegram", "Shows the person of Telegram that the caller's account belongs to",
        answers: .json(TelegramIdentityAnswer.self, "The person."), problems: [.notFound]
    ) { call in
        guard let identity = try await call.services.telegram.identity(of: try call.caller) else { throw AuthError.notFound }
        return .answer(TelegramIdentityAnswer(identity: identity))
    }

    static let unlink = Operation(
        "unlinkTelegram", "Unbinds the caller's account from Telegram",
        detail: "Refused where nobody could sign in to the account any more.",
        answers: .json(DoneAnswer.self, "Unbound."),
        problems: [.notFound, .lastWayIn, .insufficientUserAuthentication, .companyBotSession, .secondFactorEnabled]
    ) { call in
        try await call.services.telegram.unlink(by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }
}

struct CodeInput: Input {
    static let code = Field<String>(
        "code", schema: [.init("type", "string"), .init("pattern", #"^[0-9]([ -]?[0-9]){11}$"#)], example: "1234 5678 9012",
        "As the bot shows it; spaces and dashes between the digits do not count."
    ) { value in
        let digits = value.string?.filter { $0 != " " && $0 != "-" }
        guard let text = value.string, let digits, text.utf8.count <= 23, digits.utf8.count == 12,
            digits.utf8.allSatisfy({ (48...57).contains($0) })
        else { return .failure(.init("not_a_code", "This must be the twelve digits of a code.")) }
        return .success(digits)
    }
    static let fields: [any AnyField] = [code]

    let code: String

    init(_ values: InputValues) throws(AuthError) { code = try values[Self.code] }
}

/// For which bot something is.
struct BotQuery: Input {
    static let bot = Field<Int64>(
        "bot_id", schema: [.init("type", "integer"), .init("minimum", 1)], example: 110201543,
        "For which bot; without it, for whichever of this server's it was signed."
    ) { value in
        guard let id = value.integer, (1...9_999_999_999_999_999).contains(id) else {
            return .failure(.init("not_a_bot", "This must be the number of a bot."))
        }
        return .success(id)
    }.readingNumbers.optional
    static let fields: [any AnyField] = [bot]

    let bot: Int64?

    init(_ values: InputValues) throws(AuthError) { bot = try values[optional: Self.bot] }
}

/// A person of Telegram, as the interface shows them.
struct TelegramIdentityAnswer: ValueAnswer {
    let identity: TelegramIdentity

    static let schemaName = "TelegramIdentity"
    static let schema: JSON = [
        "type": "object",
        "required": ["telegram_id", "first_name", "last_name", "username", "photo_url", "language", "linked_at"],
        "properties": [
            "telegram_id": ["type": "integer"], "first_name": ["type": "string"],
            "last_name": ["type": ["string", "null"]], "username": ["type": ["string", "null"]],
            "photo_url": ["type": ["string", "null"]], "language": ["type": ["string", "null"]],
            "linked_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "telegram_id": 279058397, "first_name": "Vladislav", "last_name": "Kibenko", "username": "vdkfrost",
        "photo_url": nil, "language": "ru", "linked_at": "2027-01-15T08:00:00.000Z",
    ]

    var json: JSON {
        [
            "telegram_id": .integer(identity.telegramID), "first_name": .string(identity.firstName),
            "last_name": JSON(identity.lastName), "username": JSON(identity.username),
            "photo_url": JSON(identity.photoURL), "language": JSON(identity.language),
            "linked_at": JSON(identity.linkedAt),
        ]
    }
}
