import Ground
import HTTP
import Services

/// Passkeys (Web Authentication): making them, and the caller's own.
enum PasskeyHandler {
    static let refusals: [ProblemCode] = [.passkeyMalformed, .passkeyRefused, .challengeInvalid]

    static let beginRegistration = Operation(
        "beginPasskeyRegistration", "Tells the browser how to make a passkey",
        detail: """
            Hand `public_key` to `PublicKeyCredential.parseCreationOptionsFromJSON` and the result to \
            `navigator.credentials.create`, and send what comes of it to `POST /auth/passkeys`. The challenge is good for one \
            registration by this session within five minutes.
            """,
        takes: PasskeyUseInput.self, answers: .json(PasskeyCreationAnswer.self, "What the browser is to be given."),
        problems: [.tooMany, .insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        let options = try await call.services.passkeys.beginRegistration(for: input.use, by: try call.caller)
        return .answer(PasskeyCreationAnswer(options: options))
    }

    static let register = Operation(
        "registerPasskey", "Keeps a passkey that the browser has made",
        detail: """
            Without a name it gets that of its authenticator's model, where that is known. The first second factor of an \
            account comes with recovery codes, which are shown here once.
            """,
        takes: PasskeyInput.self, answers: .json(RegisteredPasskeyAnswer.self, status: .created, "Kept."),
        problems: refusals + [.passkeyTaken, .tooMany, .insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        let registered = try await call.services.passkeys.finishRegistration(
            input.credential, name: input.name, by: try call.caller, from: call.client)
        return .answer(RegisteredPasskeyAnswer(registered: registered), status: .created)
    }

    static let list = Operation(
        "listPasskeys", "Lists the caller's passkeys, the oldest first",
        answers: .json(PageAnswer<PasskeyAnswer>.self, "All of them.")
    ) { call in
        let passkeys = try await call.services.passkeys.list(by: try call.caller)
        return .answer(PageAnswer(items: passkeys.map { PasskeyAnswer(passkey: $0) }, next: nil))
    }

    static let rename = Operation(
        "renamePasskey", "Gives one of the caller's passkeys another name", takes: PasskeyNameInput.self,
        answers: .json(PasskeyAnswer.self, "The passkey as it is now."), problems: [.notFound]
    ) { input, call in
        let passkey = try await call.services.passkeys.rename(
            try call.request.uuid(), to: input.name, by: try call.caller, from: call.client)
        return .answer(PasskeyAnswer(passkey: passkey))
    }

    static let delete = Operation(
        "deletePasskey", "Deletes one of the caller's passkeys",
        detail: """
            Refused where nobody could sign in to the account any more, and where it is the last second factor and one is \
            required. The authenticator keeps its half; a browser can be told with `PublicKeyCredential.signalUnknownCredential`.
            """,
        answers: .json(DoneAnswer.self, "Deleted."),
        problems: [.notFound, .lastWayIn, .lastSecondFactor, .insufficientUserAuthentication, .companyBotSession]
    ) { call in
        try await call.services.passkeys.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }
}

/// Proving oneself with a passkey.
enum PasskeySignInHandler {
    private static let refusals = PasskeyHandler.refusals + [.passkeyUnknown]
    private static let asking = """
        Hand `public_key` to `PublicKeyCredential.parseRequestOptionsFromJSON` and the result to `navigator.credentials.get`. \
        The challenge is good once, for five minutes
        """

    static let begin = Operation(
        "beginPasskeySignIn", "Tells the browser how to ask for any passkey",
        detail: asking + ", and for the browser that asked: it is known by its cookie.",
        answers: .json(PasskeyRequestAnswer.self, "What the browser is to be given.")
    ) { call in
        let device = SignInHandler.deviceToken(of: call)
        let options = call.services.passkeys.beginSignIn(device: device)
        return Response.answer(PasskeyRequestAnswer(options: options)).setting(DeviceCookie.holding(device, for: call))
    }

    static let signIn = Operation(
        "signInWithPasskey", "Signs in with a passkey alone",
        detail: """
            Where the authenticator has verified the person by a PIN, a finger or a face, it counts as two factors. \
            Otherwise whoever has a second factor is asked for it.
            """,
        takes: PasskeySignInInput.self,
        answers: .json(TokenAnswer.self, or: SecondFactorAnswer.self, "Signed in, or a second factor is asked for."),
        problems: refusals + [.accountBlocked, .accessEnded, .companySuspended, .notMember, .addressNotAllowed]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.passkeys.signIn(
            with: input.assertion, to: input.company, from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call)
    }

    static let beginSecondFactor = Operation(
        "beginPasskeySecondFactor", "Tells the browser how to ask for a passkey as the second factor",
        detail: asking + ", and for this sign-in.",
        takes: ChallengeInput.self, answers: .json(PasskeyRequestAnswer.self, "What the browser is to be given."),
        problems: [.tokenMissing, .tokenInvalid, .tokenExpired, .secondFactorUnavailable, .originNotAllowed]
    ) { input, call in
        let options = try await call.services.passkeys.beginSecondFactor(
            try SecondFactorHandler.token(input.token, call), from: call.client)
        return .answer(PasskeyRequestAnswer(options: options))
    }

    static let finishSecondFactor = Operation(
        "finishPasskeySecondFactor", "Completes a sign-in with a passkey",
        takes: PasskeySecondFactorInput.self,
        answers: .json(TokenAnswer.self, or: PasswordChangeAnswer.self, "Signed in, or a new password is asked for."),
        problems: PasskeyHandler.refusals + SecondFactorHandler.refusals + [.tokenMissing, .originNotAllowed]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.passkeys.finishSecondFactor(
            try SecondFactorHandler.token(input.token, call), with: input.assertion, remembers: input.remembers,
            from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call).setting(DoorCookie.secondFactor.cleared(call))
    }

    static let beginStepUp = Operation(
        "beginPasskeyStepUp", "Tells the browser how to ask for one of the caller's passkeys once more",
        detail: asking + ", and for this session.",
        answers: .json(PasskeyRequestAnswer.self, "What the browser is to be given."), problems: [.notFound]
    ) { call in
        .answer(PasskeyRequestAnswer(options: try await call.services.passkeys.beginStepUp(by: try call.caller)))
    }

    static let finishStepUp = Operation(
        "finishPasskeyStepUp", "Proves with a passkey once more who the caller is",
        detail: "The answer has an access token that says so. A passkey that has verified the person is enough for everybody.",
        takes: PasskeyStepUpInput.self, answers: .json(MovedSessionAnswer.self, "Proved."),
        problems: PasskeyHandler.refusals + [.codeInvalid, .secondFactorRequired, .accountLocked]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let moved = try await call.services.passkeys.finishStepUp(
            with: input.assertion, by: try call.caller, from: call.client(device: device))
        return .answer(MovedSessionAnswer(moved: moved))
    }
}
