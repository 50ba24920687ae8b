import Ground
import HTTP
import Services

/// The second half of signing in below `/api/v2`: what `/auth/2fa` does, in the answers that those clients know. Whoever
/// comes is known by the cookie of these paths.
enum MiniAppFactorHandler {
    private static let refusals = SecondFactorHandler.refusals + [.tokenMissing, .originNotAllowed, .passwordChangeRequired]
    private static let waiting: [ProblemCode] = [
        .tokenMissing, .tokenInvalid, .tokenExpired, .secondFactorUnavailable, .originNotAllowed,
    ]

    static let finish = Operation(
        "finishMiniAppSignIn", "Signs in with the second factor",
        detail: "As `POST /auth/2fa/login`, for who was asked by these routes; the browser is known by their cookie.",
        takes: SecondFactorInput.self, answers: .json(MiniAppSuccess<MiniAppTokens>.self, "Signed in."), problems: refusals
    ) { input, call in
        let token = try SecondFactorHandler.token(input.token, call)
        return try await finish(call) { client throws(AuthError) in
            try await call.services.secondFactors.signIn(
                token, with: input.method, code: input.code, remembers: input.remembers, from: client)
        }
    }

    private static func finish(
        _ call: Call, _ way: (Client) async throws(AuthError) -> SignInOutcome
    ) async throws -> Response {
        try await MiniAppHandler.enter(call) { client throws(AuthError) in
            try await call.services.miniApps.outcome(of: try await way(client))
        }.setting(DoorCookie.secondFactor.cleared(call))
    }

    static let send = Operation(
        "sendMiniAppSignInCode", "Sends a code for a sign-in", detail: "As `POST /auth/2fa/code`.",
        takes: SentCodeInput.self,
        answers: .json(MiniAppSuccess<MiniAppDone>.self, status: .accepted, "It is on its way."), problems: waiting
    ) { input, call in
        try await call.services.secondFactors.send(
            by: input.method, for: try SecondFactorHandler.token(input.token, call), from: call.client)
        return .answer(MiniAppSuccess(MiniAppDone()), status: .accepted)
    }

    // MARK: Setting up

    static let setup = Operation(
        "beginMiniAppSecondFactor", "Begins to set an authenticator app up that is required",
        detail: "As `POST /auth/2fa/enrolment/setup`.",
        takes: ChallengeInput.self, answers: .json(MiniAppSuccess<SetupAnswer>.self, "Begun."),
        problems: waiting + [.secondFactorEnabled]
    ) { input, call in
        let offer = try await call.services.secondFactorEnrolment.begin(
            at: try SecondFactorHandler.token(input.token, call), from: call.client)
        return .answer(MiniAppSuccess(SetupAnswer(offer: offer)))
    }

    static let enrol = Operation(
        "enableMiniAppSecondFactor", "Puts the authenticator app in force, and signs in",
        detail: "As `POST /auth/2fa/enrolment`; the recovery codes stand beside the tokens.",
        takes: EnrolmentInput.self, answers: .json(MiniAppSuccess<MiniAppEnrolled>.self, "In force, and signed in."),
        problems: refusals + [.secondFactorEnabled]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let (outcome, codes) = try await call.services.secondFactorEnrolment.enable(
            code: input.code, at: try SecondFactorHandler.token(input.token, call), from: call.client(device: device))
        guard case .entered(let entrance) = try await call.services.miniApps.outcome(of: outcome) else {
            throw AuthError.secondFactorRequired
        }
        return Response.answer(MiniAppSuccess(MiniAppEnrolled(tokens: MiniAppTokens(entrance: entrance), codes: codes)))
            .setting(MiniAppCookies.holding(entrance, for: call))
            .setting(DeviceCookie.holding(device, at: MiniAppCookies.path, for: call))
            .setting(DoorCookie.secondFactor.cleared(call))
    }

    // MARK: Passkeys

    static let askPasskey = Operation(
        "beginMiniAppPasskey", "Tells the browser how to ask for a passkey as the second factor",
        detail: "As `POST /auth/passkeys/second-factor-options`.",
        takes: ChallengeInput.self,
        answers: .json(MiniAppSuccess<PasskeyRequestAnswer>.self, "What the browser is to be given."), problems: waiting
    ) { input, call in
        let options = try await call.services.passkeys.beginSecondFactor(
            try SecondFactorHandler.token(input.token, call), from: call.client)
        return .answer(MiniAppSuccess(PasskeyRequestAnswer(options: options)))
    }

    static let finishWithPasskey = Operation(
        "finishMiniAppSignInWithPasskey", "Signs in with a passkey as the second factor",
        detail: "As `POST /auth/passkeys/second-factor`.",
        takes: PasskeySecondFactorInput.self, answers: .json(MiniAppSuccess<MiniAppTokens>.self, "Signed in."),
        problems: PasskeyHandler.refusals + refusals
    ) { input, call in
        let token = try SecondFactorHandler.token(input.token, call)
        return try await finish(call) { client throws(AuthError) in
            try await call.services.passkeys.finishSecondFactor(
                token, with: input.assertion, remembers: input.remembers, from: client)
        }
    }
}
