import Ground
import HTTP
import Services
import Store

/// How long people have access, and whether they still need it.
enum AccessHandler {
    static let setEnd = Operation(
        "setAccessEnd", "Sets when somebody's access ends",
        detail: "What was over goes on, with the sessions that had not expired. Nobody does this for themselves.",
        takes: AccessEndInput.self, answers: .json(AccessAnswer.self, "The access as it is now."),
        problems: [.notFound, .lastSuperAdmin]
    ) { input, call in
        let user = try await call.services.access.setEnd(
            of: try call.request.uuid(), to: input.end, by: try call.caller, from: call.client)
        return .answer(AccessAnswer(user: user))
    }

    static let reviews = Operation(
        "listAccessReviews", "Lists people whose access is to be reviewed, the longest first",
        detail: """
            Those whose access nobody has confirmed for `ACCESS_REVIEW_EVERY`; nobody where that is not set. Whoever stands \
            in a company sees its members.
            """,
        asks: AccessReviewQuery.self, answers: .json(PageAnswer<AccessReviewAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.access.due(after: query.after, limit: query.limit, by: try call.caller)
        return .answer(
            PageAnswer(
                items: page.items.map(AccessReviewAnswer.init), next: page.next.map { AccessReviewQuery.text(of: $0) }))
    }

    static let confirm = Operation(
        "confirmAccess", "Confirms that somebody still needs access",
        answers: .json(DoneAnswer.self, "Confirmed, until the next review."), problems: [.notFound]
    ) { call in
        try await call.services.access.confirm(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let withdraw = Operation(
        "withdrawAccess", "Withdraws somebody's access",
        detail: "The person is blocked, and every session ends at once, access tokens too.",
        answers: .json(DoneAnswer.self, "Withdrawn."), problems: [.notFound, .lastSuperAdmin]
    ) { call in
        try await call.services.access.withdraw(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }
}

struct AccessEndInput: Input {
    static let end = Field<Timestamp>.moment("expires_at", "When the access ends by itself; null: never.").nullable
    static let fields: [any AnyField] = [end]

    let end: Timestamp?

    init(_ values: InputValues) throws(AuthError) { end = try values[Self.end] }
}

struct AccessReviewQuery: Input {
    static let after = Field<AccessReview.Position>(
        "after", schema: [.init("type", "string"), .init("maxLength", 64)], example: "AAAA", "The `next` of the page before."
    ) { value in
        value.string.flatMap { position(of: $0) }.map { .success($0) }
            ?? .failure(.init("not_a_page", "This must be the `next` of the page before."))
    }.optional
    static let fields: [any AnyField] = [PageQuery.limit, after]

    let limit: Int
    let after: AccessReview.Position?

    init(_ values: InputValues) throws(AuthError) {
        limit = try values[optional: PageQuery.limit] ?? PageQuery.standardLimit
        after = try values[optional: Self.after]
    }

    static func text(of position: AccessReview.Position) -> String { "\(position.since.milliseconds).\(position.id)" }

    private static func position(of text: String) -> AccessReview.Position? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count <= 15, let since = Int64(parts[0]), let id = UUID(parts[1]) else { return nil }
        return AccessReview.Position(since: Timestamp(milliseconds: since), id: id)
    }
}

/// How long somebody has access.
struct AccessAnswer: ValueAnswer {
    let user: User

    static let schemaName = "Access"
    static let schema: JSON = [
        "type": "object", "required": ["user_id", "access_ends_at"],
        "properties": [
            "user_id": ["type": "string", "format": "uuid"],
            "access_ends_at": ["type": ["string", "null"], "format": "date-time", "description": "null: never."],
        ],
    ]
    static let example: JSON = [
        "user_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "access_ends_at": "2027-07-01T00:00:00.000Z",
    ]

    var json: JSON { ["user_id": JSON(user.id), "access_ends_at": JSON(user.accessEndsAt)] }
}

/// Somebody whose access is to be reviewed.
struct AccessReviewAnswer: ValueAnswer {
    let review: AccessReview

    static let schemaName = "AccessReview"
    static let schema: JSON = [
        "type": "object",
        "required": ["user_id", "name", "email", "access_since", "access_ends_at", "last_login_at"],
        "properties": [
            "user_id": ["type": "string", "format": "uuid"], "name": ["type": "string"],
            "email": ["type": ["string", "null"]],
            "access_since": [
                "type": "string", "format": "date-time", "description": "When access was last confirmed, or given.",
            ],
            "access_ends_at": ["type": ["string", "null"], "format": "date-time"],
            "last_login_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "user_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", "name": "Grace Hopper", "email": "grace@example.com",
        "access_since": "2027-01-15T08:00:00.000Z", "access_ends_at": nil, "last_login_at": "2027-02-01T08:00:00.000Z",
    ]

    var json: JSON {
        let user = review.user
        return [
            "user_id": JSON(user.id), "name": .string(user.name), "email": JSON(user.email),
            "access_since": JSON(review.since), "access_ends_at": JSON(user.accessEndsAt),
            "last_login_at": JSON(user.lastLoginAt),
        ]
    }
}
