import Credentials
import Ground
import HTTP
import Services

/// A new password for who has forgotten theirs.
enum RecoveryHandler {
    static let request = Operation(
        "requestPasswordReset", "Has a link sent with which a new password can be chosen",
        detail: """
            The answer is the same whether or not the address has an account, and is given before anybody has looked. The link \
            works once, for an hour, and dies with the password.
            """,
        takes: AddressInput.self, answers: .json(DoneAnswer.self, status: .accepted, "A link is sent where there is an account."),
        problems: [.mailNotConfigured]
    ) { input, call in
        try await call.services.recovery.request(input.email, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
    }

    static let validate = Operation(
        "validatePasswordReset", "Tells whether such a link works", detail: "It still works afterwards.",
        takes: LinkInput.self, answers: .json(LinkAnswer.self, "It works."), problems: [.linkInvalid]
    ) { input, call in
        .answer(LinkAnswer(expiresAt: try await call.services.recovery.validate(input.token)))
    }

    static let confirm = Operation(
        "confirmPasswordReset", "Chooses a new password by such a link",
        detail: """
            Every session of the account ends, and nobody is signed in: sign in with the new password. Where nobody had shown \
            before that the address is theirs, a link to Telegram and passkeys that sign in alone are taken away: somebody \
            else may have left them.
            """,
        takes: NewPasswordInput.self, answers: .json(DoneAnswer.self, "The password is the new one."),
        problems: [.linkInvalid, .accountBlocked, .overloaded]
    ) { input, call in
        try await call.services.recovery.confirm(input.token, password: input.password, from: call.client)
        return .answer(DoneAnswer())
    }
}

struct AddressInput: Input {
    static let email = LoginInput.email
    static let fields: [any AnyField] = [email]

    let email: EmailAddress

    init(_ values: InputValues) throws(AuthError) { email = try values[Self.email] }
}

struct LinkInput: Input {
    static let token = Field<String>.secret("token", 1...128, example: "ghpr_AZijs1wefi…", "What stands behind # in the link.")
    static let fields: [any AnyField] = [token]

    let token: String

    init(_ values: InputValues) throws(AuthError) { token = try values[Self.token] }
}

struct NewPasswordInput: Input {
    static let fields: [any AnyField] = [LinkInput.token, PasswordInput.new]

    let token: String
    let password: String

    init(_ values: InputValues) throws(AuthError) {
        token = try values[LinkInput.token]
        password = try values[PasswordInput.new]
    }
}

struct LinkAnswer: ValueAnswer {
    let expiresAt: Timestamp

    static let schemaName = "Link"
    static let schema: JSON = [
        "type": "object", "required": ["valid", "expires_at"],
        "properties": ["valid": ["const": true], "expires_at": ["type": "string", "format": "date-time"]],
    ]
    static let example: JSON = ["valid": true, "expires_at": "2027-01-15T09:00:00.000Z"]

    var json: JSON { ["valid": true, "expires_at": JSON(expiresAt)] }
}
