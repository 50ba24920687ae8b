import Ground
import HTTP
import Services

/// Setting second factors up, switching them off, and proving oneself again.
enum EnrolmentHandler {
    static let status = Operation(
        "readSecondFactors", "Tells which second factors the caller has set up",
        answers: .json(SecondFactorStatusAnswer.self, "As it is.")
    ) { call in
        .answer(SecondFactorStatusAnswer(status: try await call.services.secondFactorEnrolment.status(of: try call.caller)))
    }

    // MARK: Setting up

    static let setup = Operation(
        "beginSecondFactor", "Begins to set a second factor up",
        detail: """
            `totp` makes a secret for an authenticator app, shown once: enter it, or scan the QR code, within 15 minutes. \
            `email` and `telegram` send a code; none goes the way by which the caller came in. Nothing is in force before \
            `POST /auth/2fa/enable`. Who has proved themselves too long ago does so first at `POST /auth/step-up`.
            """,
        takes: FactorInput.self, answers: .json(SetupAnswer.self, "Begun."),
        problems: [.insufficientUserAuthentication, .companyBotSession, .secondFactorEnabled, .secondFactorUnavailable]
    ) { input, call in
        .answer(
            SetupAnswer(
                offer: try await call.services.secondFactorEnrolment.begin(
                    input.method, by: try call.caller, from: call.client)))
    }

    static let enable = Operation(
        "enableSecondFactor", "Puts a second factor in force",
        detail: """
            With a code of it. The first factor brings ten recovery codes, shown once. The session has shown two factors \
            now, and the access token of the answer says so.
            """,
        takes: EnableInput.self, answers: .json(EnabledAnswer.self, "In force."),
        problems: [
            .codeInvalid, .secondFactorEnabled, .secondFactorUnavailable, .insufficientUserAuthentication, .accountLocked,
            .accountBlocked, .companySuspended,
        ]
    ) { input, call in
        .answer(
            EnabledAnswer(
                method: input.method,
                enabled: try await call.services.secondFactorEnrolment.enable(
                    input.method, code: input.code, by: try call.caller, from: call.client)))
    }

    static let disable = Operation(
        "disableSecondFactor", "Switches a second factor off",
        detail: """
            With the password, where there is one, and a code of any factor; in a session that has shown a second factor of \
            late. Where a role or a company requires one, the last stays.
            """,
        takes: DisableInput.self, answers: .json(DoneAnswer.self, "Off."),
        problems: [
            .insufficientUserAuthentication, .companyBotSession, .credentialsInvalid, .codeInvalid, .secondFactorUnavailable,
            .lastSecondFactor, .accountLocked, .accountBlocked, .companySuspended, .overloaded,
        ]
    ) { input, call in
        try await call.services.secondFactorEnrolment.disable(
            input.factor, showing: input.evidence, by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let recoveryCodes = Operation(
        "makeRecoveryCodes", "Makes new recovery codes",
        detail: "Ten, shown once. The old ones are worthless from then on.",
        answers: .json(RecoveryCodesAnswer.self, status: .created, "The codes."),
        problems: [.insufficientUserAuthentication, .companyBotSession, .secondFactorUnavailable]
    ) { call in
        let codes = try await call.services.secondFactorEnrolment.makeRecoveryCodes(by: try call.caller, from: call.client)
        return .answer(RecoveryCodesAnswer(codes: codes), status: .created)
    }

    // MARK: Setting up at sign-in

    static let setupAtSignIn = Operation(
        "beginRequiredSecondFactor", "Begins to set an authenticator app up that is required",
        detail: "For a sign-in that was answered with `enrolment_required`.",
        takes: ChallengeInput.self, answers: .json(SetupAnswer.self, "Begun."),
        problems: [
            .tokenMissing, .tokenInvalid, .tokenExpired, .secondFactorUnavailable, .secondFactorEnabled, .originNotAllowed,
        ]
    ) { input, call in
        let token = try SecondFactorHandler.token(input.token, call)
        return .answer(
            SetupAnswer(offer: try await call.services.secondFactorEnrolment.begin(at: token, from: call.client)))
    }

    static let enableAtSignIn = Operation(
        "enableRequiredSecondFactor", "Puts the authenticator app in force, and signs in",
        takes: EnrolmentInput.self,
        answers: .json(
            EnrolledAnswer<TokenAnswer>.self, or: EnrolledAnswer<PasswordChangeAnswer>.self,
            "In force, and signed in or asked for a new password; with the recovery codes."),
        problems: SecondFactorHandler.refusals + [.tokenMissing, .secondFactorEnabled, .originNotAllowed]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let (outcome, codes) = try await call.services.secondFactorEnrolment.enable(
            code: input.code, at: try SecondFactorHandler.token(input.token, call), from: call.client(device: device))
        let response: Response
        switch outcome {
        case .signedIn(let signedIn):
            response = Response.answer(EnrolledAnswer(signedIn: TokenAnswer(signedIn: signedIn), codes: codes))
                .setting(RefreshCookie.holding(signedIn.refreshToken, until: signedIn.refreshExpiresAt, for: call))
        case .passwordChange(let token, let reason, let expiresIn):
            let answer = PasswordChangeAnswer(token: token, reason: reason, expiresIn: expiresIn)
            response = Response.answer(EnrolledAnswer(signedIn: answer, codes: codes))
        case .secondFactor: throw AuthError.secondFactorRequired
        }
        return response.setting(DeviceCookie.holding(device, for: call)).setting(DoorCookie.secondFactor.cleared(call))
    }

    // MARK: Proving oneself again

    private static let stepUpRefusals: [ProblemCode] = [
        .credentialsInvalid, .codeInvalid, .secondFactorRequired, .secondFactorUnavailable, .accountLocked, .accountBlocked,
        .companySuspended, .overloaded,
    ]

    static let stepUp = Operation(
        "stepUp", "Proves again who the caller is",
        detail: """
            For routes that answered `insufficient_user_authentication` (RFC 9470). Whoever has a second factor shows a \
            code; the others show the password; who has neither signs in again. `auth_time` of the session is now, and the \
            access token of the answer says so; the refresh token stays as it is.
            """,
        takes: StepUpInput.self, answers: .json(MovedSessionAnswer.self, "Proved."), problems: stepUpRefusals
    ) { input, call in
        let stepUps = call.services.stepUps
        let session =
            switch input.evidence {
            case .password(let password):
                try await stepUps.prove(password: password, by: try call.caller, from: call.client)
            case .code(let code, let method):
                try await stepUps.prove(method, code: code, by: try call.caller, from: call.client)
            }
        return .answer(MovedSessionAnswer(moved: session))
    }

    static let verify = Operation(
        "verifySecondFactor", "Proves a second factor in a session",
        detail: "As `POST /auth/step-up` with a code.",
        takes: VerifyInput.self, answers: .json(MovedSessionAnswer.self, "Proved."), problems: stepUpRefusals
    ) { input, call in
        .answer(
            MovedSessionAnswer(
                moved: try await call.services.stepUps.prove(
                    input.method, code: input.code, by: try call.caller, from: call.client)))
    }

    static let sendStepUp = Operation(
        "sendStepUpCode", "Sends the caller a code to prove themselves with",
        takes: FactorInput.self, answers: .json(DoneAnswer.self, status: .accepted, "It is on its way."),
        problems: [.secondFactorUnavailable]
    ) { input, call in
        try await call.services.stepUps.send(by: input.method, to: try call.caller, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }
}
