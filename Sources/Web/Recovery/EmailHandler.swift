import Credentials
import Ground
import HTTP
import Services

/// The address of one's own account.
enum EmailHandler {
    static let requestVerification = Operation(
        "requestEmailVerification", "Has a link sent with which the address of the account is confirmed",
        detail: "Nothing is sent where it is confirmed already.",
        answers: .json(DoneAnswer.self, status: .accepted, "A link is sent."), problems: [.notFound, .mailNotConfigured]
    ) { call in
        try await call.services.emails.requestVerification(by: try call.caller, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }

    static let verify = Operation(
        "verifyEmail", "Confirms an address by such a link", takes: LinkInput.self,
        answers: .json(DoneAnswer.self, "Confirmed."), problems: [.linkInvalid]
    ) { input, call in
        try await call.services.emails.verify(input.token, from: call.client)
        return .answer(DoneAnswer())
    }

    static let requestChange = Operation(
        "requestEmailChange", "Has a link sent to a new address",
        detail: """
            The address stays as it is until the link is followed. Whether the new address has an account is not told; then no \
            link is sent.
            """,
        takes: NewAddressInput.self, answers: .json(DoneAnswer.self, status: .accepted, "A link is sent."),
        problems: [.mailNotConfigured, .insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        try await call.services.emails.requestChange(to: input.email, by: try call.caller, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }

    static let change = Operation(
        "changeEmail", "Changes the address by such a link",
        detail: """
            The former address is told. Where it had been confirmed, it has a week to take the change back, and until then is \
            nobody else's.
            """,
        takes: LinkInput.self,
        answers: .json(DoneAnswer.self, "Changed, and confirmed."), problems: [.linkInvalid, .accountBlocked, .emailTaken]
    ) { input, call in
        try await call.services.emails.change(input.token, from: call.client)
        return .answer(DoneAnswer())
    }

    static let undo = Operation(
        "undoEmailChange", "Takes a change of the address back",
        detail: """
            By the link that was sent to the former address. Every session ends, the password opens nothing any more, and \
            passkeys, an authenticator app and a link to Telegram that were added since are taken away: the answer has a token \
            for `POST /auth/password-reset/confirm`.
            """,
        takes: LinkInput.self, answers: .json(UndoneAnswer.self, "The former address is the account's again."),
        problems: [.linkInvalid, .emailTaken]
    ) { input, call in
        let undone = try await call.services.emails.undo(input.token, from: call.client)
        return .answer(UndoneAnswer(token: undone.token, expiresAt: undone.expiresAt))
    }
}

struct NewAddressInput: Input {
    static let email = Field<EmailAddress>.email("new_email", "The address that the account shall have.").alias("newEmail")
    static let fields: [any AnyField] = [email]

    let email: EmailAddress

    init(_ values: InputValues) throws(AuthError) { email = try values[Self.email] }
}

struct UndoneAnswer: ValueAnswer {
    let token: String
    let expiresAt: Timestamp

    static let schemaName = "EmailChangeUndone"
    static let schema: JSON = [
        "type": "object", "required": ["password_reset_token", "expires_at"],
        "properties": ["password_reset_token": ["type": "string"], "expires_at": ["type": "string", "format": "date-time"]],
    ]
    static let example: JSON = [
        "password_reset_token": "ghpr_AZijs1wefi…", "expires_at": "2027-01-15T09:00:00.000Z",
    ]

    var json: JSON { ["password_reset_token": .string(token), "expires_at": JSON(expiresAt)] }
}
