import Credentials
import Ground
import HTTP
import Services
import Store

/// Other people's accounts.
enum UserHandler {
    static let list = Operation(
        "listUsers", "Lists people",
        detail: """
            `search` finds people by the beginnings of words of their name, address, its domain, and telephone number; \
            each word must be found, and the order is that of the longest, so it cannot be sorted. Whoever stands in a \
            company sees its members.
            """,
        asks: UserListQuery.self, answers: .json(PageAnswer<UserAnswer>.self, "One page."), problems: [.notFound]
    ) { query, call in
        let page = try await call.services.users.list(query.query, role: query.role, by: try call.caller)
        return .answer(
            PageAnswer(items: page.items.map(UserAnswer.init), next: page.next.map { UserListQuery.text(of: $0, query.query) }))
    }

    static let read = Operation(
        "readUser", "Tells all about a person", answers: .json(UserDetailAnswer.self, "The person; one who was deleted too."),
        problems: [.notFound]
    ) { call in
        .answer(UserDetailAnswer(detail: try await call.services.users.find(try call.request.uuid(), by: try call.caller)))
    }

    static let create = Operation(
        "createUser", "Creates a person",
        detail: """
            The person must choose a password of their own at the first sign-in. Where none is given, one is made, and \
            shown here once. Roles are granted for the company, or everywhere where there is none.
            """,
        takes: NewUserInput.self, answers: .json(CreatedUserAnswer.self, status: .created, "The person exists."),
        problems: [.notFound, .emailTaken, .tooMany, .overloaded]
    ) { input, call in
        let created = try await call.services.users.create(input.user, by: try call.caller, from: call.client)
        return .answer(CreatedUserAnswer(detail: created.detail, password: created.password), status: .created)
    }

    static let update = Operation(
        "updateUser", "Changes a person",
        detail: """
            One's own name, phone and settings need no permission. Another's, any address and any status need \
            `users:update`. Whoever is not ACTIVE loses every session at once, access tokens too.
            """,
        takes: UserInput.self, answers: .json(UserAnswer.self, "The person as they are now."),
        problems: [.forbidden, .notFound, .emailTaken, .lastSuperAdmin, .insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        let person = try await call.services.users.update(
            try call.request.uuid(), input.change, by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let block = Operation(
        "blockUser", "Blocks a person", detail: "Every session ends at once, access tokens too.", takes: BlockInput.self,
        answers: .json(UserAnswer.self, "The person is SUSPENDED."), problems: [.notFound, .lastSuperAdmin]
    ) { input, call in
        let person = try await call.services.users.set(
            .suspended, of: try call.request.uuid(), because: input.reason, by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let unblock = Operation(
        "unblockUser", "Lets a person in again", answers: .json(UserAnswer.self, "The person is ACTIVE."),
        problems: [.notFound]
    ) { call in
        let person = try await call.services.users.set(
            .active, of: try call.request.uuid(), because: nil, by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let requirePasswordChange = Operation(
        "requirePasswordChange", "Makes a person choose a new password at the next sign-in",
        detail: "Every session ends at once.", answers: .json(UserAnswer.self, "The person."), problems: [.notFound]
    ) { call in
        let person = try await call.services.users.requirePasswordChange(
            of: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let givePassword = Operation(
        "givePassword", "Gives a person another password",
        detail: """
            For whoever cannot get in and reads no mail. Every session ends at once, a lock too, and the person must choose a \
            password of their own at the next sign-in. Where none is given, one is made, and shown here once. Nobody does \
            this for themselves.
            """,
        takes: GivenPasswordInput.self, answers: .json(GivenPasswordAnswer.self, "The person, and the password."),
        problems: [.notFound, .insufficientUserAuthentication, .companyBotSession, .overloaded]
    ) { input, call in
        let given = try await call.services.users.givePassword(
            input.password, to: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(GivenPasswordAnswer(person: given.person, password: given.password))
    }

    static let resetSecondFactors = Operation(
        "resetSecondFactors", "Takes the second factors from a person who has lost them",
        detail: """
            Their app, codes, recovery codes, security keys and remembered browsers; passkeys that sign in by themselves stay. \
            Every session ends at once. Where a second factor is required, the next sign-in asks to set one up.
            """,
        answers: .json(UserAnswer.self, "The person."), problems: [.notFound, .insufficientUserAuthentication, .companyBotSession]
    ) { call in
        let person = try await call.services.users.resetSecondFactors(
            of: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(UserAnswer(person: person))
    }

    static let delete = Operation(
        "deleteUser", "Deletes a person",
        detail: "Every session ends at once, and the address is free. The person can be restored. The last SuperAdmin cannot be deleted.",
        answers: .json(DoneAnswer.self, "Deleted."), problems: [.notFound, .lastSuperAdmin]
    ) { call in
        try await call.services.users.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let restore = Operation(
        "restoreUser", "Brings a deleted person back", detail: "With roles and companies as they were, and with no session.",
        answers: .json(UserAnswer.self, "The person."), problems: [.notFound, .emailTaken]
    ) { call in
        .answer(
            UserAnswer(
                person: try await call.services.users.restore(
                    try call.request.uuid(), by: try call.caller, from: call.client)))
    }

    static let erase = Operation(
        "eraseUser", "Erases a person for good",
        detail: """
            With sessions, devices, roles, memberships and invitations; this cannot be undone. The audit log keeps the \
            bare id. For requests under article 17 of the GDPR.
            """,
        answers: .json(DoneAnswer.self, "Erased."), problems: [.notFound, .lastSuperAdmin]
    ) { call in
        try await call.services.erasure.erase(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let export = Operation(
        "exportUser", "Tells everything that is kept about a person",
        detail: "One's own needs no permission, another's `users:export`. For requests under article 15 of the GDPR.",
        answers: .json(PersonalDataAnswer.self, "Everything but hashes."), problems: [.forbidden, .notFound]
    ) { call in
        .answer(
            PersonalDataAnswer(
                json: try await call.services.erasure.export(
                    try call.request.uuid(), by: try call.caller, from: call.client)))
    }
}

/// What a list of people is asked for.
struct UserListQuery: Input {
    enum Order: String, CaseIterable { case ascending = "asc", descending = "desc" }
    enum Deleted: String, CaseIterable { case no = "false", yes = "true" }

    static let after = Field<UserQuery.Position>(
        "after", schema: [.init("type", "string"), .init("maxLength", 512)], example: "AAAA", "The `next` of the page before."
    ) { value in
        value.string.flatMap { position(of: $0) }.map { .success($0) }
            ?? .failure(.init("not_a_page", "This must be the `next` of the page before."))
    }.optional
    static let search = Field<String>.sought("search", 1...100, example: "ada", "Beginnings of words.").optional
    static let status = Field<User.Status>.choice("status", "Only people of this status.").optional
    static let role = Field<String>.sought(
        "role", 2...64, example: "Viewer", "Only people with the role of this name."
    ).optional
    static let company = Field<UUID>.id("company_id", "Only members of this company.").optional
    static let lastLoginAfter = Field<Timestamp>.moment("last_login_after", "Only who signed in then or later.").optional
    static let lastLoginBefore = Field<Timestamp>.moment("last_login_before", "Only who last signed in before.").optional
    static let deleted = Field<Deleted>.choice("deleted", "Whether deleted people are listed instead.").optional
    static let sort = Field<UserQuery.Sort>.choice("sort", "The order; by `created_at` where it is left out.").optional
    static let order = Field<Order>.choice("order", "Ascending where it is left out.").optional
    static let fields: [any AnyField] = [
        PageQuery.limit, after, search, status, role, company, lastLoginAfter, lastLoginBefore, deleted, sort, order,
    ]

    let query: UserQuery
    let role: String?

    init(_ values: InputValues) throws(AuthError) {
        var query = UserQuery(limit: try values[optional: PageQuery.limit] ?? PageQuery.standardLimit)
        query.after = try values[optional: Self.after]
        query.words = UserWordRepository.split(try values[optional: Self.search] ?? "")
        query.status = try values[optional: Self.status]
        query.company = try values[optional: Self.company]
        query.lastLoginAfter = try values[optional: Self.lastLoginAfter]
        query.lastLoginBefore = try values[optional: Self.lastLoginBefore]
        query.isDeleted = try values[optional: Self.deleted] == .yes
        role = try values[optional: Self.role]
        guard query.words.count <= UserListRepository.mostWords else {
            let message = "At most \(UserListRepository.mostWords) words can be looked for."
            throw .invalid([FieldFault(field: "search", code: "too_many_words", message: message)])
        }
        let (sort, order) = (try values[optional: Self.sort], try values[optional: Self.order])
        guard query.words.isEmpty || (sort == nil && order == nil) else {
            throw .invalid([
                FieldFault(field: "sort", code: "sort_with_search", message: "What is searched for cannot be sorted.")
            ])
        }
        query.sort = sort ?? .created
        query.isDescending = order == .descending
        self.query = query
    }

    /// The id, then what the list is sorted by.
    static func text(of position: UserQuery.Position, _ query: UserQuery) -> String {
        Base64URL.encode(position.id.bytes + Array(position.key.utf8))
    }

    private static func position(of text: String) -> UserQuery.Position? {
        guard text.utf8.count <= 512, let bytes = Base64URL.decode(text), bytes.count >= 16,
            let id = UUID(bytes: Array(bytes.prefix(16))),
            let key = String(validating: bytes.dropFirst(16), as: UTF8.self), !key.utf8.contains(0)
        else { return nil }
        return UserQuery.Position(key: key, id: id)
    }
}

struct NewUserInput: Input {
    static let phone = Field<String?>.phone("phone", "The telephone number.").optional
    static let password = Field<String>.secret(
        "password", 1...512, example: "clattering brass mill", "Good for one sign-in; where it is left out, one is made."
    ).optional
    static let roles = Field<[String]>.list(
        "roles", atMost: 20, of: .text("", 2...64, example: "Viewer", ""), "The names of roles."
    ).optional
    static let company = Field<UUID>.id("company_id", "The company to which the person belongs.").nullable.optional
    static let fields: [any AnyField] = [RegisterInput.name, RegisterInput.email, phone, password, roles, company]

    let user: NewUser

    init(_ values: InputValues) throws(AuthError) {
        user = NewUser(
            name: try values[RegisterInput.name], email: try values[RegisterInput.email],
            phone: try values[optional: Self.phone] ?? nil, password: try values[optional: Self.password],
            roles: try values[optional: Self.roles] ?? [], company: try values[optional: Self.company] ?? nil)
    }
}

struct GivenPasswordInput: Input {
    static let fields: [any AnyField] = [NewUserInput.password]

    let password: String?

    init(_ values: InputValues) throws(AuthError) { password = try values[optional: NewUserInput.password] }
}

struct UserInput: Input {
    static let email = Field<EmailAddress>.email("email", "The e-mail address; it counts as unverified then.").optional
    static let status = Field<User.Status>.choice("status", "Whether the person may sign in.").optional
    static let fields: [any AnyField] = ProfileInput.fields + [email, status]

    let change: UserChange

    init(_ values: InputValues) throws(AuthError) {
        change = UserChange(
            profile: try ProfileInput(values).change, email: try values[optional: Self.email],
            status: try values[optional: Self.status])
    }
}

struct BlockInput: Input {
    static let reason = Field<String>.text("reason", 0...255, example: "Left the company.", "Why, for the audit log.").optional
    static let fields: [any AnyField] = [reason]

    let reason: String?

    init(_ values: InputValues) throws(AuthError) { reason = try values[optional: Self.reason] }
}
