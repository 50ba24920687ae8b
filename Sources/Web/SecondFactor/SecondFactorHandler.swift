import Ground
import HTTP
import Services

/// The second half of signing in, and the browsers that are remembered.
enum SecondFactorHandler {
    static let refusals: [ProblemCode] = [
        .tokenInvalid, .tokenExpired, .codeInvalid, .secondFactorUnavailable, .accountLocked, .accountBlocked, .accessEnded,
        .companySuspended, .notMember, .addressNotAllowed,
    ]

    static let login = Operation(
        "finishSignIn", "Signs in with the second factor",
        detail: """
            Takes the token of a sign-in that was answered with `second_factor_required`, in the browser that got it: it \
            is known by its cookie. The token is good for one sign-in within five minutes, and for five wrong codes, which \
            count to the lockout of the account. A code of an app works once, in its half minute and the ones beside it.
            """,
        takes: SecondFactorInput.self,
        answers: .json(TokenAnswer.self, or: PasswordChangeAnswer.self, "Signed in, or a new password is asked for."),
        problems: refusals + [.tokenMissing, .originNotAllowed]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.secondFactors.signIn(
            try token(input.token, call), with: input.method, code: input.code, remembers: input.remembers,
            from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call).setting(DoorCookie.secondFactor.cleared(call))
    }

    static let send = Operation(
        "sendSignInCode", "Sends a code for a sign-in", detail: "By e-mail or by a bot. A new code makes the one before worthless.",
        takes: SentCodeInput.self, answers: .json(DoneAnswer.self, status: .accepted, "It is on its way."),
        problems: [.tokenMissing, .tokenInvalid, .tokenExpired, .secondFactorUnavailable, .originNotAllowed]
    ) { input, call in
        try await call.services.secondFactors.send(
            by: input.method, for: try token(input.token, call), from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }

    /// From the body, or from the cookie of a browser that came back from another page.
    static func token(_ given: String?, _ call: Call) throws -> String {
        if let given { return given }
        guard let cookie = DoorCookie.secondFactor.value(in: call), !cookie.isEmpty else { throw AuthError.tokenMissing }
        try OriginCheck.check(call)
        return cookie
    }

    // MARK: Remembered browsers

    static let devices = Operation(
        "listRememberedDevices", "Lists the browsers from which no second factor is asked, the newest first",
        detail: "Few enough for one page. A change of the password forgets them.",
        answers: .json(PageAnswer<RememberedDeviceAnswer>.self, "All of them.")
    ) { call in
        let devices = try await call.services.secondFactors.devices(of: try call.caller)
        return .answer(PageAnswer(items: devices.map(RememberedDeviceAnswer.init), next: nil))
    }

    static let forget = Operation(
        "forgetDevice", "Forgets a browser", detail: "The next sign-in there asks for the second factor.",
        answers: .json(DoneAnswer.self, "Forgotten."), problems: [.notFound]
    ) { call in
        try await call.services.secondFactors.forget(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let forgetAll = Operation(
        "forgetAllDevices", "Forgets every browser", answers: .json(ForgottenAnswer.self, "Forgotten.")
    ) { call in
        let count = try await call.services.secondFactors.forget(nil, by: try call.caller, from: call.client)
        return .answer(ForgottenAnswer(count: count))
    }
}
