import Credentials
import Ground
import HTTP
import Services
import Store

/// Companies and their members.
enum CompanyHandler {
    static let list = Operation(
        "listCompanies", "Lists companies, the oldest first", detail: "Whoever stands in a company sees that one.",
        asks: PageQuery.self, answers: .json(PageAnswer<CompanyAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.companies.list(after: query.after, limit: query.limit, by: try call.caller)
        return .answer(PageAnswer(page, of: CompanyAnswer.init))
    }

    static let read = Operation(
        "readCompany", "Tells a company", answers: .json(CompanyAnswer.self, "The company."), problems: [.notFound]
    ) { call in
        .answer(CompanyAnswer(company: try await call.services.companies.find(try call.request.uuid(), by: try call.caller)))
    }

    static let create = Operation(
        "createCompany", "Makes a company", takes: NewCompanyInput.self,
        answers: .json(CompanyAnswer.self, status: .created, "The company exists."), problems: [.domainTaken]
    ) { input, call in
        let company = try await call.services.companies.create(
            name: input.name, domain: input.domain, memberLimit: input.memberLimit, by: try call.caller, from: call.client)
        return .answer(CompanyAnswer(company: company), status: .created)
    }

    static let update = Operation(
        "updateCompany", "Changes a company",
        detail: """
            Name, domain and the second factor need `companies:update`; status and limit need `companies:suspend` everywhere. Suspension \
            ends every session that stands in the company.
            """,
        takes: CompanyInput.self, answers: .json(CompanyAnswer.self, "The company as it is now."),
        problems: [.forbidden, .notFound, .domainTaken, .insufficientUserAuthentication, .companyBotSession]
    ) { input, call in
        let company = try await call.services.companies.update(
            try call.request.uuid(), input.change, by: try call.caller, from: call.client)
        return .answer(CompanyAnswer(company: company))
    }

    static let delete = Operation(
        "deleteCompany", "Deletes a company", detail: "The sessions that stand in it end, and its domain is free.",
        answers: .json(DoneAnswer.self, "Deleted."), problems: [.notFound]
    ) { call in
        try await call.services.companies.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let addMember = Operation(
        "addMember", "Puts a person into a company",
        detail: "For who may change companies everywhere. From within a company people are created or invited.",
        takes: MemberInput.self, answers: .json(DoneAnswer.self, "The person belongs to it."),
        problems: [.notFound, .alreadyMember, .tooMany]
    ) { input, call in
        try await call.services.companies.add(
            input.user, to: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let removeMember = Operation(
        "removeMember", "Takes a person out of a company", detail: "With the roles and the sessions that they have there.",
        answers: .json(DoneAnswer.self, "The person does not belong to it any more."), problems: [.notFound]
    ) { call in
        try await call.services.companies.remove(
            try call.request.uuid(1), from: try call.request.uuid(), by: try call.caller, client: call.client)
        return .answer(DoneAnswer())
    }
}

struct NewCompanyInput: Input {
    static let name = Field<String>.text("name", 2...255, example: "Analytical Engines", "The company's name.")
    static let fields: [any AnyField] = [name, CompanyInput.domain, CompanyInput.memberLimit]

    let name: String
    let domain: DomainName?
    let memberLimit: Int?

    init(_ values: InputValues) throws(AuthError) {
        name = try values[Self.name]
        domain = try values[optional: CompanyInput.domain] ?? nil
        memberLimit = try values[optional: CompanyInput.memberLimit] ?? nil
    }
}

struct CompanyInput: Input {
    static let domain = Field<DomainName?>.domain("domain", "The company's domain; null for none.").optional
    static let status = Field<Company.Status>.choice("status", "Whether people may sign in to the company.").optional
    static let memberLimit = Field<Int>.integer(
        "member_limit", in: 1...10_000_000, example: 500, "How many members it may have; null: any number."
    ).nullable.optional
    static let requiresSecondFactor = Field<Bool>.flag(
        "requires_second_factor", example: true, "Whether its members must have a second factor."
    ).optional
    static let fields: [any AnyField] = [
        NewCompanyInput.name.optional, domain, status, memberLimit, requiresSecondFactor,
    ]

    let change: CompanyChange

    init(_ values: InputValues) throws(AuthError) {
        change = CompanyChange(
            name: try values[optional: NewCompanyInput.name], domain: try values[optional: Self.domain],
            status: try values[optional: Self.status], memberLimit: try values[optional: Self.memberLimit],
            requiresSecondFactor: try values[optional: Self.requiresSecondFactor])
    }
}

struct MemberInput: Input {
    static let user = Field<UUID>.id("user_id", "The person.")
    static let fields: [any AnyField] = [user]

    let user: UUID

    init(_ values: InputValues) throws(AuthError) { user = try values[Self.user] }
}
