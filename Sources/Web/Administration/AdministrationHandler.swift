import Ground
import HTTP
import Services

/// Other people's accounts, and companies.
enum AdministrationHandler {
    static let updateUser = Operation(
        "updateUser", "Changes a person",
        detail: """
            One's own name, phone and settings need no permission. Another's, and any status, need `users:update`. \
            Whoever is not ACTIVE loses every session at once, access tokens too.
            """,
        takes: UserInput.self, answers: .json(UserAnswer.self, "The person as they are now."),
        problems: [.forbidden, .notFound, .lastSuperAdmin]
    ) { input, call in
        let person = try await call.services.administration.update(
            try call.request.uuid(), profile: input.profile, status: input.status, by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let deleteUser = Operation(
        "deleteUser", "Deletes a person",
        detail: "Every session ends at once. The last SuperAdmin cannot be deleted.",
        answers: .json(DoneAnswer.self, "Deleted."), problems: [.notFound, .lastSuperAdmin]
    ) { call in
        try await call.services.administration.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let updateCompany = Operation(
        "updateCompany", "Suspends a company, or lets it go on",
        detail: "Suspension ends every session that stands in the company.",
        takes: CompanyInput.self, answers: .json(CompanyAnswer.self, "The company as it is now."), problems: [.notFound]
    ) { input, call in
        let company = try await call.services.administration.set(
            input.status, ofCompany: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(CompanyAnswer(company: company))
    }
}

struct UserInput: Input {
    static let status = Field<User.Status>.choice("status", "Whether the person may sign in.").optional
    static let fields: [any AnyField] = ProfileInput.fields + [status]

    let profile: ProfileChange
    let status: User.Status?

    init(_ values: InputValues) throws(AuthError) {
        profile = try ProfileInput(values).change
        status = try values[optional: Self.status]
    }
}

struct CompanyInput: Input {
    static let status = Field<Company.Status>.choice("status", "Whether people may sign in to the company.")
    static let fields: [any AnyField] = [status]

    let status: Company.Status

    init(_ values: InputValues) throws(AuthError) { status = try values[Self.status] }
}
