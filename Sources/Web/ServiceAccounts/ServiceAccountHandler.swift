import Ground
import HTTP
import Services
import Store

/// Programs and their keys.
enum ServiceAccountHandler {
    static let list = Operation(
        "listServiceAccounts", "Lists service accounts, the oldest first", asks: PageQuery.self,
        answers: .json(PageAnswer<ServiceAccountAnswer>.self, "One page, without keys.")
    ) { query, call in
        let page = try await call.services.serviceAccounts.list(after: query.after, limit: query.limit, by: try call.caller)
        return .answer(PageAnswer(page) { ServiceAccountAnswer(account: $0, keys: []) })
    }

    static let read = Operation(
        "readServiceAccount", "Tells a service account with its keys", answers: .json(ServiceAccountAnswer.self, "The account."),
        problems: [.notFound]
    ) { call in
        let found = try await call.services.serviceAccounts.find(try call.request.uuid(), by: try call.caller)
        return .answer(ServiceAccountAnswer(account: found.account, keys: found.keys))
    }

    static let create = Operation(
        "createServiceAccount", "Makes a service account",
        detail: "For one company, or for everybody. From within a company it is for that company.",
        takes: NewServiceAccountInput.self,
        answers: .json(ServiceAccountAnswer.self, status: .created, "The account exists, and has no key yet."),
        problems: [.notFound]
    ) { input, call in
        let account = try await call.services.serviceAccounts.create(
            name: input.name, description: input.description, company: input.company, by: try call.caller, from: call.client)
        return .answer(ServiceAccountAnswer(account: account, keys: []), status: .created)
    }

    static let update = Operation(
        "updateServiceAccount", "Changes a service account",
        detail: "A disabled account's keys open nothing from the next request on.", takes: ServiceAccountInput.self,
        answers: .json(ServiceAccountAnswer.self, "The account as it is now, without keys."), problems: [.notFound]
    ) { input, call in
        let account = try await call.services.serviceAccounts.update(
            try call.request.uuid(), input.change, by: try call.caller, from: call.client)
        return .answer(ServiceAccountAnswer(account: account, keys: []))
    }

    static let delete = Operation(
        "deleteServiceAccount", "Deletes a service account with its keys", answers: .json(DoneAnswer.self, "Deleted."),
        problems: [.notFound]
    ) { call in
        try await call.services.serviceAccounts.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let createKey = Operation(
        "createAPIKey", "Makes a key",
        detail: "Its text is shown here once. Nobody gives it a scope that they do not have themselves.",
        takes: NewKeyInput.self, answers: .json(CreatedKeyAnswer.self, status: .created, "The key."),
        problems: [.notFound, .tooMany]
    ) { input, call in
        let created = try await call.services.serviceAccounts.createKey(
            of: try call.request.uuid(), name: input.name, scopes: input.scopes, expiresAt: input.end, by: try call.caller,
            from: call.client)
        return .answer(CreatedKeyAnswer(key: created.key, text: created.text), status: .created)
    }

    static let revokeKey = Operation(
        "revokeAPIKey", "Revokes a key", answers: .json(DoneAnswer.self, "It opens nothing any more."), problems: [.notFound]
    ) { call in
        try await call.services.serviceAccounts.revoke(
            key: try call.request.uuid(1), of: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }
}

/// What other services keep about people.
enum AppDataHandler {
    private static let detail = """
        For service accounts whose key has the scope `app_data:NAME`, `app_data:*` or `*`. Everything that is kept about a \
        person is shown by `GET /auth/validate`, under its names.
        """

    static let read = Operation(
        "readAppData", "Tells what is kept about a person under a name", detail: detail,
        answers: .json(AppDataAnswer.self, "What was written."), problems: [.forbidden, .notFound]
    ) { call in
        let data = try await call.services.appData.read(
            try call.request.text(1), of: try call.request.uuid(), by: try call.program)
        return .answer(AppDataAnswer(data: data))
    }

    static let write = Operation(
        "writeAppData", "Keeps something about a person under a name", detail: detail, takes: AppDataInput.self,
        answers: .json(AppDataAnswer.self, "What is kept now."), problems: [.forbidden, .notFound]
    ) { input, call in
        try await call.services.appData.write(
            input.data, as: try call.request.text(1), of: try call.request.uuid(), by: try call.program, from: call.client)
        return .answer(AppDataAnswer(data: input.data))
    }

    static let remove = Operation(
        "deleteAppData", "Forgets what is kept about a person under a name", detail: detail,
        answers: .json(DoneAnswer.self, "Nothing is kept under that name."), problems: [.forbidden, .notFound]
    ) { call in
        try await call.services.appData.write(
            nil, as: try call.request.text(1), of: try call.request.uuid(), by: try call.program, from: call.client)
        return .answer(DoneAnswer())
    }
}

struct NewServiceAccountInput: Input {
    static let name = Field<String>.text("name", 2...64, example: "Billing", "The program's name.")
    static let company = Field<UUID>.id("company_id", "The company that it is for; null: everybody.").nullable.optional
    static let fields: [any AnyField] = [name, ServiceAccountInput.description, company]

    let name: String
    let description: String
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        name = try values[Self.name]
        description = try values[optional: ServiceAccountInput.description] ?? ""
        company = try values[optional: Self.company] ?? nil
    }
}

struct ServiceAccountInput: Input {
    static let description = Field<String>.text(
        "description", 0...255, example: "Keeps balances.", "What it is for."
    ).optional
    static let isEnabled = Field<Bool>.flag("enabled", example: true, "Whether its keys open anything.").optional
    static let fields: [any AnyField] = [NewServiceAccountInput.name.optional, description, isEnabled]

    let change: ServiceAccountChange

    init(_ values: InputValues) throws(AuthError) {
        change = ServiceAccountChange(
            name: try values[optional: NewServiceAccountInput.name], description: try values[optional: Self.description],
            isEnabled: try values[optional: Self.isEnabled])
    }
}

struct NewKeyInput: Input {
    static let name = Field<String>.text("name", 2...64, example: "Production", "The key's name.")
    static let scopes = Field<[Permission]>.list("scopes", atMost: 100, of: .permission("", ""), "What the key permits.")
    static let end = Field<Timestamp>.moment("expires_at", "When it ends; null or left out: never.").nullable.optional
    static let fields: [any AnyField] = [name, scopes, end]

    let name: String
    let scopes: [Permission]
    let end: Timestamp?

    init(_ values: InputValues) throws(AuthError) {
        name = try values[Self.name]
        scopes = try values[Self.scopes]
        end = try values[optional: Self.end] ?? nil
    }
}

struct AppDataInput: Input {
    static let data = Field<JSON>.object(
        "data", bytes: AppDataService.mostOfOne, example: ["coins": 120], "What is kept, as a whole.")
    static let fields: [any AnyField] = [data]

    let data: JSON

    init(_ values: InputValues) throws(AuthError) { data = try values[Self.data] }
}
