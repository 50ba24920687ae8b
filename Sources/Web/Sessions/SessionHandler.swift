import Ground
import HTTP
import Services

/// Staying signed in, and being signed out.
enum SessionHandler {
    static let refresh = Operation(
        "refresh", "Trades a refresh token for a new pair",
        detail: """
            The old refresh token is dead afterwards. Used again within a few seconds it gets the same successor, so \
            that several tabs and lost answers do no harm; later it ends the session.
            """,
        takes: RefreshInput.self, answers: .json(TokenAnswer.self, "The new pair."),
        problems: [.tokenReused, .sessionEnded, .accountBlocked, .accessEnded, .secondFactorRequired, .companySuspended, .addressNotAllowed], run: refreshed)

    static let refreshByCookie = Operation(
        "refreshByCookie", "Trades the refresh token of the cookie for a new pair",
        detail: "As `POST /auth/refresh`, for browsers: the token comes in the `refreshToken` cookie and goes there.",
        takes: RefreshInput.self, answers: .json(TokenAnswer.self, "The new pair."),
        problems: [.tokenReused, .sessionEnded, .accountBlocked, .accessEnded, .secondFactorRequired, .companySuspended, .addressNotAllowed], run: refreshed)

    /// A refusal never clears the cookie: it may hold the token of whoever won the race.
    @Sendable private static func refreshed(_ input: RefreshInput, _ call: Call) async throws -> Response {
        guard let token = call.refreshToken else { throw AuthError.tokenMissing }
        let signedIn = try await call.services.sessions.refresh(token, from: call.client)
        return SignInHandler.answer(signedIn, status: .ok, device: nil, for: call)
    }

    static let logout = Operation(
        "logout", "Ends the session",
        detail: """
            Takes the refresh token from the body or the cookie, or the access token from the header. Answers success \
            whatever it is given, and reveals nothing.
            """,
        takesLeniently: LogoutInput.self,
        answers: .json(DoneAnswer.self, "No token of that session is good any more."), problems: [.originNotAllowed]
    ) { input, call in
        var refreshToken = input.refreshToken
        if refreshToken == nil, let cookie = RefreshCookie.token(in: call.request) {
            try OriginCheck.check(call)
            refreshToken = cookie
        }
        try await call.services.sessions.logout(
            refreshToken: refreshToken, accessToken: call.request.withBearerToken { Array($0) },
            everywhere: input.everywhere || call.application.configuration.signIn.logoutEverywhere, from: call.client)
        return Response.answer(DoneAnswer()).setting(RefreshCookie.cleared(for: call))
    }

    static let validate = Operation(
        "validate", "Tells whom an access token stands for",
        answers: .json(ValidationAnswer.self, "The token is good.")
    ) { call in
        let body = try call.identified.rendered { subject in
            var writer = JSONWriter(capacity: 1024)
            ValidationAnswer(subject: subject).write(into: &writer)
            return writer.bytes
        }
        return Response.json(body).header("Cache-Control", "no-store")
    }

    static let list = Operation(
        "listSessions", "Lists the caller's live sessions, the newest first", asks: PageQuery.self,
        answers: .json(PageAnswer<SessionAnswer>.self, "One page."), run: { try await page($0, $1, includesEnded: false) })

    static let listAll = Operation(
        "listAllSessions", "Lists the caller's sessions, those that ended included, the newest first", asks: PageQuery.self,
        answers: .json(PageAnswer<SessionAnswer>.self, "One page."), run: { try await page($0, $1, includesEnded: true) })

    private static func page(_ query: PageQuery, _ call: Call, includesEnded: Bool) async throws -> Response {
        let token = try call.caller
        let page = try await call.services.sessions.list(
            of: token, after: query.after, limit: query.limit, includesEnded: includesEnded)
        return .answer(PageAnswer(page) { SessionAnswer(session: $0, current: token.sessionID) })
    }

    static let move = Operation(
        "changeSessionCompany", "Makes the session stand in another company of the caller's",
        detail: """
            What the caller may do, and from where, is what holds there, with every token of the session, from the next \
            request on. The access token of the answer names the company; the refresh token stays as it is.
            """,
        takes: SessionInput.self, answers: .json(MovedSessionAnswer.self, "The session stands there."),
        problems: [.notMember, .companySuspended, .addressNotAllowed, .accountBlocked, .accessEnded, .secondFactorRequired]
    ) { input, call in
        .answer(MovedSessionAnswer(moved: try await call.services.sessions.move(
            to: input.company, by: try call.caller, from: call.client)))
    }

    static let revoke = Operation(
        "revokeSession", "Ends one of the caller's sessions",
        detail: "A session of somebody else does not exist for the caller.",
        answers: .json(DoneAnswer.self, "The session has ended."), problems: [.notFound]
    ) { call in
        try await call.services.sessions.revoke(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let revokeOthers = Operation(
        "revokeOtherSessions", "Ends the caller's sessions but this one",
        answers: .json(EndedAnswer.self, "The others have ended.")
    ) { call in
        let count = try await call.services.sessions.revokeOthers(try call.caller, from: call.client)
        return .answer(EndedAnswer(count: count))
    }

    static let revokeAll = Operation(
        "revokeAllSessions", "Ends every session of the caller, this one too",
        answers: .json(EndedAnswer.self, "All have ended.")
    ) { call in
        let count = try await call.services.sessions.revokeAll(try call.caller, from: call.client)
        return Response.answer(EndedAnswer(count: count)).setting(RefreshCookie.cleared(for: call))
    }
}

struct SessionInput: Input {
    static let company = Field<UUID>.id("company_id", "The company that the session shall stand in.")
    static let fields: [any AnyField] = [company]

    let company: UUID

    init(_ values: InputValues) throws(AuthError) { company = try values[Self.company] }
}

struct RefreshInput: Input {
    static let refreshToken = Field<String>.secret(
        "refresh_token", 1...512, example: "ghr_AQGOzXqAAHAA…", "The refresh token, where it comes in no cookie."
    ).alias("refreshToken").optional
    static let fields: [any AnyField] = [refreshToken]

    let refreshToken: String?

    init(_ values: InputValues) throws(AuthError) { refreshToken = try values[optional: Self.refreshToken] }
}

struct LogoutInput: LenientInput {
    static let everywhere = Field<Bool>.flag("everywhere", example: false, "Whether every session ends.").optional
    static let fields: [any AnyField] = [RefreshInput.refreshToken, everywhere]

    let refreshToken: String?
    let everywhere: Bool

    /// Nothing that can be read.
    init() {
        refreshToken = nil
        everywhere = false
    }

    init(_ values: InputValues) throws(AuthError) {
        refreshToken = try values[optional: RefreshInput.refreshToken]
        everywhere = try values[optional: Self.everywhere] ?? false
    }
}
