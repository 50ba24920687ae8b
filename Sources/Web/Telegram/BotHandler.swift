import Ground
import HTTP
import Services
import Store

/// The bots that people come in through.
enum BotHandler {
    static let list = Operation(
        "listBots", "Lists the bots, the oldest first",
        detail: "For who has `telegram:manage` everywhere, as all of this: the token of a bot signs in as anybody.",
        answers: .json(BotListAnswer.self, "All of them.")
    ) { call in
        .answer(BotListAnswer(bots: try await call.services.botAdministration.list(by: try call.caller)))
    }

    static let create = Operation(
        "createBot", "Lets people come in through a bot",
        detail: "Telegram is asked whose token it is. Token and client secret are kept encrypted, and never shown.",
        takes: NewBotInput.self, answers: .json(BotAnswer.self, status: .created, "Added."),
        problems: [.botTokenRefused, .telegramUnreachable, .botTaken, .tooMany, .notFound]
    ) { input, call in
        let bot = try await call.services.botAdministration.create(
            input.change, for: input.company, by: try call.caller, from: call.client)
        return .answer(BotAnswer(bot: bot), status: .created)
    }

    static let read = Operation("readBot", "Shows a bot", answers: .json(BotAnswer.self, "The bot.")) { call in
        .answer(BotAnswer(bot: try await call.services.botAdministration.read(try id(of: call), by: try call.caller)))
    }

    static let update = Operation(
        "updateBot", "Changes a bot", detail: "A new token must be of the same bot.",
        takes: BotInput.self, answers: .json(BotAnswer.self, "The bot as it is now."),
        problems: [.botTokenRefused, .telegramUnreachable]
    ) { input, call in
        let bot = try await call.services.botAdministration.update(
            try id(of: call), input.change, by: try call.caller, from: call.client)
        return .answer(BotAnswer(bot: bot))
    }

    static let delete = Operation(
        "deleteBot", "Lets nobody come in through a bot any more",
        detail: "Who came in through it keeps account and session.", answers: .json(DoneAnswer.self, "Forgotten.")
    ) { call in
        try await call.services.botAdministration.delete(try id(of: call), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    /// What Telegram calls where `TELEGRAM_UPDATES` is `webhook`.
    static let hear: Operation = {
        var operation = Operation(
            "hearTelegram", "Takes an update from Telegram",
            detail: """
                For Telegram alone, which shows the secret that it was given with `setWebhook` in \
                `X-Telegram-Bot-Api-Secret-Token`. To anybody else there is nothing here.
                """,
            files: [
                FileKind(
                    contentType: "application/json",
                    schema: ["type": "object", "required": ["update_id"], "properties": ["update_id": ["type": "integer"]]],
                    example: ["update_id": 10000])
            ],
            answers: .json(DoneAnswer.self, "Handled, now or before.")
        ) { call in
            guard case .bytes(let body) = call.request.body else { throw AuthError.notFound }
            try await call.services.botUpdates.hear(
                body, for: try id(of: call), showing: call.request.headers["x-telegram-bot-api-secret-token"])
            return .answer(DoneAnswer())
        }
        operation.readsWhole = true
        return operation
    }()

    private static func id(of call: Call) throws -> Int64 {
        guard let text = try? call.request.text(0), text.utf8.allSatisfy({ (48...57).contains($0) }), let id = Int64(text)
        else { throw AuthError.notFound }
        return id
    }
}

struct NewBotInput: Input {
    static let token = Field<BotToken>.botToken("token", "As BotFather gives it.")
    static let clientSecret = Field<ClientSecret>.clientSecret(
        "client_secret", "Of the bot as a client of OpenID Connect; null for none."
    ).nullable.optional
    static let doors = Field<[TelegramDoor]>.doors("doors", "The ways in that it opens; all, if left out.").optional
    static let autoCreates = Field<Bool>.flag(
        "auto_create", example: true, "Whether a stranger who comes in through it gets an account; false, if left out."
    ).optional
    static let enabled = Field<Bool>.flag("enabled", example: true, "Whether anybody comes in through it.").optional
    static let company = Field<UUID>.id("company_id", "Whose people come in through it; null for everybody.").nullable.optional
    static let fields: [any AnyField] = [token, clientSecret, doors, autoCreates, enabled, company]

    let change: BotChange
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        change = BotChange(
            token: try values[Self.token], clientSecret: try values[optional: Self.clientSecret],
            doors: try values[optional: Self.doors], autoCreates: try values[optional: Self.autoCreates],
            isEnabled: try values[optional: Self.enabled])
        company = try values[optional: Self.company] ?? nil
    }
}

struct BotInput: Input {
    static let token = NewBotInput.token.optional
    static let fields: [any AnyField] = [
        token, NewBotInput.clientSecret, NewBotInput.doors, NewBotInput.autoCreates, NewBotInput.enabled,
    ]

    let change: BotChange

    init(_ values: InputValues) throws(AuthError) {
        change = BotChange(
            token: try values[optional: Self.token], clientSecret: try values[optional: NewBotInput.clientSecret],
            doors: try values[optional: NewBotInput.doors], autoCreates: try values[optional: NewBotInput.autoCreates],
            isEnabled: try values[optional: NewBotInput.enabled])
    }
}

extension Field where Value == BotToken {
    static func botToken(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("pattern", #"^[1-9][0-9]{0,15}:[A-Za-z0-9_-]{20,128}$"#)],
            example: "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", summary
        ) { value in
            guard let token = value.string.flatMap({ BotToken($0) }) else {
                return .failure(Refusal("not_a_bot_token", "This must be a token as BotFather gives it."))
            }
            return .success(token)
        }
    }
}

extension Field where Value == ClientSecret {
    static func clientSecret(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("pattern", #"^[!-~]{8,256}$"#)], example: "vPzNk0b8q2RsU4wX", summary
        ) { value in
            guard let secret = value.string.flatMap({ ClientSecret($0) }) else {
                return .failure(Refusal("not_a_secret", "This must be a client secret as BotFather gives it."))
            }
            return .success(secret)
        }
    }
}

extension Field where Value == [TelegramDoor] {
    static func doors(_ name: String, _ summary: String) -> Field {
        let names = TelegramDoor.allCases.map { JSON.string($0.rawValue) }
        return Field(
            name,
            schema: [
                .init("type", "array"), .init("items", ["enum": .array(names)]), .init("uniqueItems", true),
                .init("minItems", 1), .init("maxItems", .integer(Int64(names.count))),
            ], example: ["mini_app"], summary
        ) { value in
            let doors = (value.array ?? []).map { $0.string.flatMap { TelegramDoor(rawValue: $0) } }
            let known = doors.compactMap { $0 }
            guard !doors.isEmpty, known.count == doors.count, Set(known).count == known.count else {
                return .failure(Refusal("not_doors", "These must be different ones of widget, mini_app, oidc and bot."))
            }
            return .success(known)
        }
    }
}

/// A bot, as the interface shows it: without anything secret.
struct BotAnswer: ValueAnswer {
    let bot: TelegramBot

    static let schemaName = "TelegramBot"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "name", "username", "company_id", "doors", "auto_create", "enabled", "has_client_secret", "created_at",
            "updated_at",
        ],
        "properties": [
            "id": ["type": "integer"], "name": ["type": "string"], "username": ["type": "string"],
            "company_id": ["type": ["string", "null"], "format": "uuid", "description": "null: for everybody."],
            "doors": ["type": "array", "items": ["enum": ["widget", "mini_app", "oidc", "bot"]]],
            "auto_create": ["type": "boolean"], "enabled": ["type": "boolean"], "has_client_secret": ["type": "boolean"],
            "created_at": ["type": "string", "format": "date-time"],
            "updated_at": ["type": "string", "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": 110201543, "name": "Gatehouse", "username": "gatehouse_bot", "company_id": nil, "doors": ["mini_app"],
        "auto_create": true, "enabled": true, "has_client_secret": false, "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
    ]

    var json: JSON {
        [
            "id": .integer(bot.id), "name": .string(bot.name), "username": .string(bot.username),
            "company_id": JSON(bot.companyID), "doors": .array(bot.doors.map { .string($0.rawValue) }),
            "auto_create": .bool(bot.autoCreates), "enabled": .bool(bot.isEnabled),
            "has_client_secret": .bool(bot.clientSecret != nil), "created_at": JSON(bot.createdAt),
            "updated_at": JSON(bot.updatedAt),
        ]
    }
}

struct BotListAnswer: ValueAnswer {
    let bots: [TelegramBot]

    static let schemaName = "TelegramBotList"
    static let schema: JSON = [
        "type": "object", "required": ["items"],
        "properties": ["items": ["type": "array", "items": ["$ref": "#/components/schemas/TelegramBot"]]],
    ]
    static let example: JSON = ["items": [BotAnswer.example]]

    var json: JSON { ["items": .array(bots.map { BotAnswer(bot: $0).json })] }
}
