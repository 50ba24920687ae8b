import Ground
import HTTP
import Services

/// `/api/v2`: the same accounts and sessions for clients that keep one token, in the answers that they know.
enum MiniAppHandler {
    private static let refusals: [ProblemCode] = [
        .telegramDataMalformed, .telegramDataNotSigned, .telegramDataExpired, .telegramDataInFuture,
        .telegramDataReplayed, .telegramNotConfigured, .doorClosed, .accessRequired, .accessEnded, .accountBlocked,
        .companySuspended, .addressNotAllowed, .tooMany,
    ]

    static let signIn = Operation(
        "signInMiniApp", "Signs in with what opened a Mini App",
        detail: """
            The first time makes the account, where the bot makes accounts. `ref_code`, or else the `start_param` of the \
            link, tells who brought a new person in.
            """,
        takes: MiniAppInput.self,
        answers: .json(
            MiniAppSuccess<MiniAppTokens>.self, or: MiniAppSuccess<SecondFactorAnswer>.self,
            "Signed in, or a second factor is asked for."),
        problems: refusals
    ) { input, call in
        try await enter(call) { client throws(AuthError) in
            try await call.services.miniApps.signIn(initData: input.initData, referral: input.referral, from: client)
        }
    }

    static let register = Operation(
        "registerMiniApp", "Makes an account of who opened a Mini App, and signs in",
        detail: """
            As `POST /api/v2/auth/telegram`: who has an account is signed in. `direct_registration`, without any proof, is \
            refused unless a setting for development allows it.
            """,
        takes: MiniAppRegistration.self,
        answers: .json(
            MiniAppSuccess<MiniAppTokens>.self, or: MiniAppSuccess<SecondFactorAnswer>.self,
            "Signed in, or a second factor is asked for."),
        problems: refusals
    ) { input, call in
        try await enter(call) { client throws(AuthError) in
            switch input.who {
            case .signed(let data):
                try await call.services.miniApps.signIn(initData: data, referral: input.referral, from: client)
            case .unverified(let person):
                try await call.services.miniApps.signIn(unverified: person, referral: input.referral, from: client)
            }
        }
    }

    static func enter(
        _ call: Call, _ way: (Client) async throws(AuthError) -> MiniAppService.Outcome
    ) async throws -> Response {
        let device = SignInHandler.deviceToken(of: call)
        let response =
            switch try await way(call.client(device: device)) {
            case .entered(let entrance): answer(entrance, for: call)
            case .secondFactor(let challenge): Response.answer(MiniAppSuccess(SecondFactorAnswer(challenge: challenge)))
            }
        return response.setting(DeviceCookie.holding(device, at: MiniAppCookies.path, for: call))
    }

    static func answer(_ entrance: MiniAppService.Entrance, for call: Call) -> Response {
        Response.answer(MiniAppSuccess(MiniAppTokens(entrance: entrance))).setting(MiniAppCookies.holding(entrance, for: call))
    }

    static let check = Operation(
        "checkMiniAppToken", "Tells whether a token is good, and whom it stands for",
        answers: .json(MiniAppSuccess<MiniAppCheck>.self, "The token is good."), run: checked)

    static let validate = Operation(
        "validateMiniAppToken", "Tells whether the token in the body is good, and whom it stands for",
        takes: AccessTokenInput.self, answers: .json(MiniAppSuccess<MiniAppCheck>.self, "The token is good.")
    ) { _, call in try await checked(call) }

    @Sendable private static func checked(_ call: Call) async throws -> Response {
        let profile = try await call.services.miniApps.profile(of: try call.identified)
        return .answer(MiniAppSuccess(MiniAppCheck(token: try call.caller, profile: profile)))
    }

    static let refresh = Operation(
        "refreshMiniAppToken", "Trades a refresh token for a new pair",
        detail: """
            The refresh token comes as `refresh_token`, as `token`, or in the cookie that signing in has set; then `token` \
            may be the access token, which clients send that keep one token only. An access token alone renews nothing. \
            The old refresh token is dead afterwards, as with `POST /auth/refresh`.
            """,
        takes: RenewalInput.self, answers: .json(MiniAppSuccess<MiniAppTokens>.self, "The new pair."),
        problems: [.tokenReused, .sessionEnded, .accessEnded, .secondFactorRequired, .accountBlocked, .companySuspended, .addressNotAllowed]
    ) { _, call in
        guard let token = call.refreshToken else { throw AuthError.tokenMissing }
        return answer(try await call.services.miniApps.refresh(token, from: call.client), for: call)
    }

    static let logout = Operation(
        "logoutMiniApp", "Ends the session",
        detail: "Takes either token from the body, the cookie or the header. Answers success whatever it is given.",
        takesLeniently: MiniAppLogout.self,
        answers: .json(MiniAppSuccess<MiniAppDone>.self, "No token of that session is good any more."),
        problems: [.originNotAllowed]
    ) { input, call in
        var refreshToken = input.tokens.refreshToken
        if refreshToken == nil, let cookie = RefreshCookie.token(in: call.request) {
            try OriginCheck.check(call)
            refreshToken = cookie
        }
        let accessToken = call.request.withBearerToken { Array($0) } ?? input.tokens.token.map { Array($0.utf8) }
        try await call.services.sessions.logout(
            refreshToken: refreshToken, accessToken: accessToken,
            everywhere: input.everywhere || call.application.configuration.signIn.logoutEverywhere, from: call.client)
        return Response.answer(MiniAppSuccess(MiniAppDone()))
            .setting(RefreshCookie.cleared(at: MiniAppCookies.path, for: call))
    }

    static let session = Operation(
        "readMiniAppSession", "Shows the session of the token, and how many the person has",
        answers: .json(MiniAppSuccess<MiniAppSession>.self, "The session.")
    ) { call in
        let subject = try call.identified
        let profile = try await call.services.miniApps.profile(of: subject)
        let active = try await call.services.sessions.count(of: try call.caller)
        return .answer(MiniAppSuccess(MiniAppSession(subject: subject, profile: profile, active: active)))
    }
}

enum MiniAppCookies {
    /// Apart from those of `/auth`: each client is sent its own.
    static let path = "/api/v2/auth"

    /// The refresh token.
    static func holding(_ entrance: MiniAppService.Entrance, for call: Call) -> Cookie {
        RefreshCookie.holding(
            entrance.signedIn.refreshToken, until: entrance.signedIn.refreshExpiresAt, at: path, for: call)
    }
}
