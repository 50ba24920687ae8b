import Ground
import HTTP
import Services

/// One's own account.
enum ProfileHandler {
    static let read = Operation(
        "readProfile", "Tells the caller's account", answers: .json(ProfileAnswer.self, "The account.")
    ) { call in
        .answer(ProfileAnswer(subject: try call.identified))
    }

    static let update = Operation(
        "updateProfile", "Changes name, phone and settings of the caller",
        detail: "Nothing else can be changed here; any other field is refused.",
        takes: ProfileInput.self, answers: .json(ProfileAnswer.self, "The account as it is now.")
    ) { input, call in
        let subject = try await call.services.accounts.updateProfile(input.change, of: try call.caller, from: call.client)
        return .answer(ProfileAnswer(subject: subject))
    }

    static let changePassword = Operation(
        "changePassword", "Changes the caller's password",
        detail: """
            Every session ends, this one too; the answer opens a new one. A wrong current password counts like a \
            failed sign-in.
            """,
        takes: PasswordInput.self, answers: .json(TokenAnswer.self, "Changed; the tokens of the new session."),
        problems: [.credentialsInvalid, .accountLocked, .accountBlocked, .accessEnded, .companySuspended, .overloaded]
    ) { input, call in
        let signedIn = try await call.services.accounts.changePassword(
            from: input.current, to: input.new, of: try call.caller, client: call.client)
        return SignInHandler.answer(signedIn, status: .ok, device: nil, for: call)
    }
}

struct ProfileInput: Input {
    static let name = Field<String>.text("name", 2...255, example: "Ada King", "The person's name.").optional
    static let phone = Field<String?>.phone("phone", "The telephone number; null removes it.").optional
    static let settings = Field<JSON>.object(
        "settings", bytes: 8192, example: ["language": "en"], "The person's own settings, as a whole."
    ).optional
    static let fields: [any AnyField] = [name, phone, settings]

    let change: ProfileChange

    init(_ values: InputValues) throws(AuthError) {
        change = ProfileChange(
            name: try values[optional: Self.name], phone: try values[optional: Self.phone],
            settings: try values[optional: Self.settings])
    }
}

struct PasswordInput: Input {
    static let current = Field<String>.secret(
        "current_password", 1...512, example: "clattering brass mill", "The password until now."
    ).alias("currentPassword")
    static let new = Field<String>.secret(
        "new_password", 1...512, example: "seventeen quiet looms", "The password from now on; the policy applies."
    ).alias("newPassword")
    static let fields: [any AnyField] = [current, new]

    let current: String
    let new: String

    init(_ values: InputValues) throws(AuthError) {
        current = try values[Self.current]
        new = try values[Self.new]
    }
}
