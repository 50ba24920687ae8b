import Ground
import HTTP
import Services

/// Roles, and what they permit.
enum RoleHandler {
    private static let refusals: [ProblemCode] = [.notFound, .roleNameTaken, .roleCycle, .systemRole]

    static let list = Operation(
        "listRoles", "Lists roles, the oldest first", asks: PageQuery.self,
        answers: .json(PageAnswer<RoleAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.roles.list(after: query.after, limit: query.limit, by: try call.caller)
        return .answer(PageAnswer(page, of: RoleAnswer.init))
    }

    static let read = Operation(
        "readRole", "Tells a role", answers: .json(RoleAnswer.self, "The role."), problems: [.notFound]
    ) { call in
        .answer(RoleAnswer(detail: try await call.services.roles.find(try call.request.uuid(), by: try call.caller)))
    }

    static let create = Operation(
        "createRole", "Makes a role",
        detail: "Nobody makes a role that permits what they may not do themselves, everywhere.",
        takes: NewRoleInput.self, answers: .json(RoleAnswer.self, status: .created, "The role exists."),
        problems: [.roleNameTaken, .roleCycle, .tooMany]
    ) { input, call in
        let role = try await call.services.roles.create(input.change, by: try call.caller, from: call.client)
        return .answer(RoleAnswer(detail: role), status: .created)
    }

    static let update = Operation(
        "updateRole", "Changes a role",
        detail: """
            In force on the next request of everybody who has it. A role that comes with the system keeps its name, \
            and SuperAdmin what it permits. Nobody changes a role that permits what they may not do themselves.
            """,
        takes: RoleInput.self, answers: .json(RoleAnswer.self, "The role as it is now."),
        problems: refusals + [.insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        .answer(
            RoleAnswer(
                detail: try await call.services.roles.update(
                    try call.request.uuid(), input.change, by: try call.caller, from: call.client)))
    }

    static let delete = Operation(
        "deleteRole", "Deletes a role that nobody has",
        answers: .json(DoneAnswer.self, "Deleted."), problems: [.notFound, .systemRole, .roleInUse]
    ) { call in
        try await call.services.roles.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let permissions = Operation(
        "listPermissions", "Lists permissions",
        detail: "First those that the server itself asks for, then others that some role has: they mean something to other services.",
        answers: .json(PermissionListAnswer.self, "All of them.")
    ) { call in
        .answer(PermissionListAnswer(permissions: try await call.services.roles.permissions()))
    }
}

/// Roles that people have.
enum GrantHandler {
    static let list = Operation(
        "listGrants", "Lists the roles of a person", detail: "Few enough for one page.",
        answers: .json(PageAnswer<GrantAnswer>.self, "All of them, those that ended too."), problems: [.notFound]
    ) { call in
        let grants = try await call.services.grants.grants(of: try call.request.uuid(), for: try call.caller)
        return .answer(PageAnswer(items: grants.map(GrantAnswer.init), next: nil))
    }

    static let grant = Operation(
        "grantRole", "Grants a role",
        detail: """
            Everywhere, or for one company to which the person belongs. Granted again it gets the end that is given now. \
            Nobody grants what they do not have themselves in that place.
            """,
        takes: GrantInput.self, answers: .json(GrantAnswer.self, status: .created, "The person has the role."),
        problems: [.notFound, .notMember, .lastSuperAdmin]
    ) { input, call in
        let grant = try await call.services.grants.grant(
            input.role, to: try call.request.uuid(), in: input.company, until: input.end, by: try call.caller,
            from: call.client)
        return .answer(GrantAnswer(grant: grant), status: .created)
    }

    static let withdraw = Operation(
        "withdrawRole", "Withdraws a role", detail: "The next request of every session of the person sees it.",
        answers: .json(DoneAnswer.self, "Withdrawn."), problems: [.notFound, .lastSuperAdmin]
    ) { call in
        try await call.services.grants.withdraw(
            try call.request.uuid(1), from: try call.request.uuid(), by: try call.caller, client: call.client)
        return .answer(DoneAnswer())
    }

    static let effective = Operation(
        "readPermissions", "Tells what the caller may do", answers: .json(EffectiveAnswer.self, "As it is in force now.")
    ) { call in
        let subject = try call.identified
        return .answer(EffectiveAnswer(authority: subject.authority, roles: subject.person.roles))
    }

    static let authorize = Operation(
        "authorize", "Tells whether somebody may do something",
        detail: """
            For other services: a service account whose key has the scope `permissions:check` may ask, and so may whoever \
            is signed in. About others only who has `permissions:check`.
            """,
        takes: QuestionInput.self, answers: .json(DecisionAnswer.self, "Yes or no."), problems: [.forbidden, .notFound]
    ) { input, call in
        .answer(DecisionAnswer(allowed: try await call.services.grants.decide(input.question, for: try call.authority)))
    }

    static let authorizeBatch = Operation(
        "authorizeBatch", "Answers up to 100 questions at once",
        detail: "A question about somebody who is not there, or whom the caller does not see, is answered with a code.",
        takes: QuestionListInput.self,
        answers: .json(DecisionListAnswer.self, "The answers, in the order of the questions."), problems: [.forbidden]
    ) { input, call in
        .answer(DecisionListAnswer(decisions: try await call.services.grants.decide(input.questions, for: try call.authority)))
    }
}

struct NewRoleInput: Input {
    static let name = Field<String>.text("name", 2...64, example: "Fleet", "The name; two spellings that differ in case are one.")
    static let fields: [any AnyField] = [
        name, RoleInput.description, RoleInput.permissions, RoleInput.includes, RoleInput.requiresSecondFactor,
    ]

    let change: RoleChange

    init(_ values: InputValues) throws(AuthError) {
        change = RoleChange(
            name: try values[Self.name], description: try values[optional: RoleInput.description],
            permissions: try values[optional: RoleInput.permissions] ?? [],
            includes: try values[optional: RoleInput.includes] ?? [],
            requiresSecondFactor: try values[optional: RoleInput.requiresSecondFactor])
    }
}

struct RoleInput: Input {
    static let description = Field<String>.text(
        "description", 0...255, example: "Looks after machines.", "What the role is for."
    ).optional
    static let permissions = Field<[Permission]>.list(
        "permissions", atMost: 200, of: .permission("", ""), "All that the role permits by itself."
    ).optional
    static let includes = Field<[String]>.list(
        "includes", atMost: 20, of: .text("", 2...64, example: "Viewer", ""), "The names of the roles that it includes."
    ).optional
    static let requiresSecondFactor = Field<Bool>.flag(
        "requires_second_factor", example: true, "Whether whoever has it must have a second factor."
    ).optional
    static let fields: [any AnyField] = [NewRoleInput.name.optional, description, permissions, includes, requiresSecondFactor]

    let change: RoleChange

    init(_ values: InputValues) throws(AuthError) {
        change = RoleChange(
            name: try values[optional: NewRoleInput.name], description: try values[optional: Self.description],
            permissions: try values[optional: Self.permissions], includes: try values[optional: Self.includes],
            requiresSecondFactor: try values[optional: Self.requiresSecondFactor])
    }
}

struct GrantInput: Input {
    static let role = Field<String>.text("role", 2...64, example: "Viewer", "The name of the role.")
    static let company = Field<UUID>.id("company_id", "The company for which; null or left out: everywhere.").nullable.optional
    static let end = Field<Timestamp>.moment("expires_at", "When it ends by itself; null or left out: never.").nullable.optional
    static let fields: [any AnyField] = [role, company, end]

    let role: String
    let company: UUID?
    let end: Timestamp?

    init(_ values: InputValues) throws(AuthError) {
        role = try values[Self.role]
        company = try values[optional: Self.company] ?? nil
        end = try values[optional: Self.end] ?? nil
    }
}

struct QuestionInput: Input {
    static let user = Field<UUID>.id("user_id", "Who; left out: the caller.").nullable.optional
    static let permission = Field<Permission>.permission("permission", "What.")
    static let company = Field<UUID>.id("company_id", "In which company; null or left out: everywhere.").nullable.optional
    static let fields: [any AnyField] = [user, permission, company]

    let question: PermissionQuestion

    init(_ values: InputValues) throws(AuthError) {
        question = PermissionQuestion(
            user: try values[optional: Self.user] ?? nil, permission: try values[Self.permission],
            company: try values[optional: Self.company] ?? nil)
    }
}

struct QuestionListInput: Input {
    static let checks = Field<[PermissionQuestion]>.list("checks", atMost: 100, of: question, "The questions.")
    static let fields: [any AnyField] = [checks]

    private static let question = Field<PermissionQuestion>(
        "", schema: [
            .init("type", "object"), .init("required", ["permission"]), .init("additionalProperties", false),
            .init("properties", .object(QuestionInput.fields.map { .init($0.name, .object($0.schema)) })),
        ], example: ["permission": "machines:read", "user_id": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304"], ""
    ) { value in
        guard value.members != nil else { return .failure(.init("not_object", "This must be an object.")) }
        do throws(AuthError) {
            return .success(try QuestionInput(InputValues(value, fields: QuestionInput.fields)).question)
        } catch {
            guard case .invalid(let faults) = error, let fault = faults.first else {
                return .failure(.init("malformed", "This cannot be read."))
            }
            return .failure(.init(fault.code, "\(fault.field): \(fault.message)"))
        }
    }

    let questions: [PermissionQuestion]

    init(_ values: InputValues) throws(AuthError) { questions = try values[Self.checks] }
}
