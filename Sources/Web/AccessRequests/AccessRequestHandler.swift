import Ground
import HTTP
import Services
import Store

/// Requests for access.
enum AccessRequestHandler {
    private static let deciding: [ProblemCode] = [.notFound, .requestClosed]

    static let create = Operation(
        "askForAccess", "Asks for access",
        detail: """
            Takes what `POST /auth/telegram` takes: only who has proved who they are to Telegram asks. The answer is the \
            same whether a request was opened now, is open already, or was rejected a short while ago. What was shown is \
            not used up: once let in, the person signs in with it.
            """,
        asks: AccessRequestQuery.self, takesWhole: TelegramBody.kinds,
        answers: .json(DoneAnswer.self, status: .accepted, "Whoever decides will hear of it."),
        problems: TelegramHandler.refusals + [
            .malformedBody, .accessHeld, .accountBlocked, .companySuspended, .notFound,
        ]
    ) { query, call in
        let body = try TelegramBody(call)
        try await call.services.telegram.askForAccess(
            with: body.evidence, for: query.bot, to: query.company, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }

    static let list = Operation(
        "listAccessRequests", "Lists requests for access, the newest first",
        detail: "Whoever stands in a company sees those for it.", asks: AccessRequestListQuery.self,
        answers: .json(PageAnswer<AccessRequestAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.accessRequests.list(
            query.status, after: query.page.after, limit: query.page.limit, by: try call.caller)
        let now = call.services.clock.now
        return .answer(PageAnswer(page) { AccessRequestAnswer(request: $0, now: now) })
    }

    static let read = Operation(
        "readAccessRequest", "Shows a request for access", answers: .json(AccessRequestAnswer.self, "The request."),
        problems: [.notFound]
    ) { call in
        answer(try await call.services.accessRequests.find(try call.request.uuid(), by: try call.caller), for: call)
    }

    static let approve = Operation(
        "approveAccessRequest", "Lets somebody in",
        detail: """
            Makes the account, bound to the person's identity of Telegram, or adds to the one they have. Roles are granted \
            for the company, or everywhere where there is none; never more than whoever approves may grant. The person is \
            told in Telegram.
            """,
        takes: ApprovalInput.self, answers: .json(AccessRequestAnswer.self, "The person may sign in."),
        problems: deciding + [.companySuspended, .tooMany, .accountBlocked, .lastSuperAdmin]
    ) { input, call in
        answer(
            try await call.services.accessRequests.approve(
                try call.request.uuid(), input.approval, by: try call.caller, from: call.client), for: call)
    }

    static let reject = Operation(
        "rejectAccessRequest", "Turns somebody down",
        detail: "The person is told in Telegram, with the reason, and is not heard again for a day.",
        takes: RejectionInput.self, answers: .json(AccessRequestAnswer.self, "The request is rejected."), problems: deciding
    ) { input, call in
        answer(
            try await call.services.accessRequests.reject(
                try call.request.uuid(), because: input.reason, by: try call.caller, from: call.client), for: call)
    }

    static let delete = Operation(
        "deleteAccessRequest", "Deletes a request for access",
        detail: "Nobody is told, and what it has given stays. Only for whoever may do everything.",
        answers: .json(DoneAnswer.self, "Deleted."), problems: [.notFound]
    ) { call in
        try await call.services.accessRequests.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    private static func answer(_ request: AccessRequest, for call: Call) -> Response {
        .answer(AccessRequestAnswer(request: request, now: call.services.clock.now))
    }
}

/// Through which bot, and for which company, somebody asks.
struct AccessRequestQuery: Input {
    static let company = Field<UUID>.id(
        "company_id", "The company that is asked for, where the bot is no company's."
    ).optional
    static let fields: [any AnyField] = [BotQuery.bot, company]

    let bot: Int64?
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        bot = try values[optional: BotQuery.bot]
        company = try values[optional: Self.company]
    }
}

struct AccessRequestListQuery: Input {
    static let status = Field<AccessRequest.Status>.choice("status", "Only requests of this status.").optional
    static let fields: [any AnyField] = PageQuery.fields + [status]

    let page: PageQuery
    let status: AccessRequest.Status?

    init(_ values: InputValues) throws(AuthError) {
        page = try PageQuery(values)
        status = try values[optional: Self.status]
    }
}

struct ApprovalInput: Input {
    static let company = Field<UUID>.id(
        "company_id", "The company that the person joins, where the request is for none."
    ).nullable.optional
    static let end = Field<Timestamp>.moment(
        "expires_at", "When the access ends by itself; null or left out: never."
    ).nullable.optional
    static let fields: [any AnyField] = [RegisterInput.name.optional, NewUserInput.roles, company, end]

    let approval: AccessApproval

    init(_ values: InputValues) throws(AuthError) {
        approval = AccessApproval(
            name: try values[optional: RegisterInput.name], roles: try values[optional: NewUserInput.roles] ?? [],
            company: try values[optional: Self.company] ?? nil, end: try values[optional: Self.end] ?? nil)
    }
}

struct RejectionInput: Input {
    static let reason = Field<String>.text(
        "reason", 1...500, example: "We do not know you.", "Why; the person is told."
    ).optional
    static let fields: [any AnyField] = [reason]

    let reason: String?

    init(_ values: InputValues) throws(AuthError) { reason = try values[optional: Self.reason] }
}

/// A request for access, as the interface shows it.
struct AccessRequestAnswer: ValueAnswer {
    let request: AccessRequest
    let now: Timestamp

    static let schemaName = "AccessRequest"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "id", "status", "telegram_id", "first_name", "last_name", "username", "language", "bot_id", "company_id", "reason",
            "created_at", "expires_at", "decided_at", "decided_by", "user_id",
        ],
        "properties": [
            "id": ["type": "string", "format": "uuid"],
            "status": ["enum": .array(AccessRequest.Status.allCases.map { .string($0.rawValue) })],
            "telegram_id": ["type": "integer"], "first_name": ["type": "string"],
            "last_name": ["type": ["string", "null"]], "username": ["type": ["string", "null"]],
            "language": ["type": ["string", "null"]], "bot_id": ["type": "integer"],
            "company_id": ["type": ["string", "null"], "format": "uuid"], "reason": ["type": ["string", "null"]],
            "created_at": ["type": "string", "format": "date-time"],
            "expires_at": ["type": "string", "format": "date-time", "description": "Until when it may be decided."],
            "decided_at": ["type": ["string", "null"], "format": "date-time"],
            "decided_by": ["type": ["string", "null"], "format": "uuid"],
            "user_id": ["type": ["string", "null"], "format": "uuid", "description": "Whose account it has become."],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "status": "PENDING", "telegram_id": 279058397,
        "first_name": "Vladislav", "last_name": nil, "username": "vdkfrost", "language": "ru", "bot_id": 110201543,
        "company_id": nil, "reason": nil, "created_at": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-29T08:00:00.000Z", "decided_at": nil, "decided_by": nil, "user_id": nil,
    ]

    var json: JSON {
        [
            "id": JSON(request.id), "status": .string(request.status(at: now).rawValue),
            "telegram_id": .integer(request.telegramID), "first_name": .string(request.firstName),
            "last_name": JSON(request.lastName), "username": JSON(request.username), "language": JSON(request.language),
            "bot_id": .integer(request.bot), "company_id": JSON(request.company), "reason": JSON(request.reason),
            "created_at": JSON(request.createdAt), "expires_at": JSON(request.expiresAt),
            "decided_at": JSON(request.decidedAt), "decided_by": JSON(request.decidedBy), "user_id": JSON(request.user),
        ]
    }
}
