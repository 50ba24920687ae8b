import Credentials
import Ground
import HTTP
import Services
import Store

/// Inviting people, and following an invitation.
enum InvitationHandler {
    static let create = Operation(
        "inviteUser", "Invites somebody",
        detail: """
            The link is bound to the address, works once, and is shown here once. Roles are granted for the company, or \
            everywhere where there is none; never more than whoever invited may grant when the link is followed. Where \
            mail is set up, it is sent to the address too.
            """,
        takes: NewInvitationInput.self, answers: .json(CreatedInvitationAnswer.self, status: .created, "The link."),
        problems: [.notFound, .emailTaken]
    ) { input, call in
        let invited = try await call.services.invitations.invite(input.invitation, by: try call.caller, from: call.client)
        let url = "\(call.application.configuration.mail.linkBase)\(InvitationService.path)#\(invited.token)"
        return .answer(CreatedInvitationAnswer(detail: invited.detail, token: invited.token, url: url), status: .created)
    }

    static let list = Operation(
        "listInvitations", "Lists invitations, the newest first", asks: PageQuery.self,
        answers: .json(PageAnswer<InvitationAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.invitations.list(after: query.after, limit: query.limit, by: try call.caller)
        return .answer(PageAnswer(page, of: InvitationAnswer.init))
    }

    static let withdraw = Operation(
        "withdrawInvitation", "Withdraws an invitation", answers: .json(DoneAnswer.self, "The link is dead."),
        problems: [.notFound]
    ) { call in
        try await call.services.invitations.withdraw(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let inspect = Operation(
        "readInvitation", "Tells what a link invites to", takes: InvitationTokenInput.self,
        answers: .json(InvitationAnswer.self, "The invitation."), problems: [.invitationInvalid]
    ) { input, call in
        .answer(InvitationAnswer(detail: try await call.services.invitations.find(input.token)))
    }

    static let accept = Operation(
        "acceptInvitation", "Follows an invitation", detail: "Makes the account and signs in.", takes: AcceptanceInput.self,
        answers: .json(
            TokenAnswer.self, or: SecondFactorAnswer.self, status: .created,
            "The account exists, and the person is signed in, or must set a second factor up first."),
        problems: [.invitationInvalid, .emailTaken, .companySuspended, .tooMany, .overloaded]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.invitations.accept(
            input.token, name: input.name, password: input.password, from: call.client(device: device))
        return SignInHandler.answer(outcome, status: .created, device: device, for: call)
    }
}

struct NewInvitationInput: Input {
    static let days = Field<Int>.integer("expires_in_days", in: 1...90, example: 7, "How long the link works; 7 where it is left out.").optional
    static let fields: [any AnyField] = [
        RegisterInput.email, RegisterInput.name.optional, NewUserInput.roles, NewUserInput.company, days,
    ]

    let invitation: NewInvitation

    init(_ values: InputValues) throws(AuthError) {
        invitation = NewInvitation(
            email: try values[RegisterInput.email], name: try values[optional: RegisterInput.name],
            roles: try values[optional: NewUserInput.roles] ?? [],
            company: try values[optional: NewUserInput.company] ?? nil,
            lifetime: .seconds(86400 * Int64(try values[optional: Self.days] ?? 7)))
    }
}

struct InvitationTokenInput: Input {
    static let token = Field<String>.secret("token", 1...128, example: "ghi_AZijs1wefi…", "What stands behind # in the link.")
    static let fields: [any AnyField] = [token]

    let token: String

    init(_ values: InputValues) throws(AuthError) { token = try values[Self.token] }
}

struct AcceptanceInput: Input {
    static let fields: [any AnyField] = [InvitationTokenInput.token, RegisterInput.name.optional, RegisterInput.password]

    let token: String
    let name: String?
    let password: String

    init(_ values: InputValues) throws(AuthError) {
        token = try values[InvitationTokenInput.token]
        name = try values[optional: RegisterInput.name]
        password = try values[RegisterInput.password]
    }
}

/// An invitation, without its secret.
struct InvitationAnswer: ValueAnswer {
    let detail: InvitationDetail

    static let schemaName = "Invitation"
    static let schema: JSON = [
        "type": "object",
        "required": ["id", "email", "name", "company", "roles", "invited_by", "created_at", "expires_at", "accepted_at", "withdrawn_at"],
        "properties": [
            "id": ["type": "string", "format": "uuid"], "email": ["type": "string"], "name": ["type": ["string", "null"]],
            "company": CompanyAnswer.nullableReference, "roles": ["type": "array", "items": ["type": "string"]],
            "invited_by": ["type": "string", "format": "uuid"], "created_at": ["type": "string", "format": "date-time"],
            "expires_at": ["type": "string", "format": "date-time"],
            "accepted_at": ["type": ["string", "null"], "format": "date-time"],
            "withdrawn_at": ["type": ["string", "null"], "format": "date-time"],
        ],
    ]
    static let example: JSON = [
        "id": "0198a3f4-5c1e-7f2b-8c3d-4e5f60718293", "email": "grace@example.com", "name": "Grace Hopper",
        "company": CompanyAnswer.example, "roles": ["Viewer"], "invited_by": "0198a3f4-5c1d-7b3c-9d4e-5f6071829304",
        "created_at": "2027-01-15T08:00:00.000Z", "expires_at": "2027-01-22T08:00:00.000Z", "accepted_at": nil,
        "withdrawn_at": nil,
    ]

    var json: JSON {
        let invitation = detail.invitation
        return [
            "id": JSON(invitation.id), "email": .string(invitation.email), "name": JSON(invitation.name),
            "company": detail.company.map { CompanyAnswer(company: $0).json } ?? .null, "roles": JSON(detail.roles),
            "invited_by": JSON(invitation.invitedBy), "created_at": JSON(invitation.createdAt),
            "expires_at": JSON(invitation.expiresAt), "accepted_at": JSON(invitation.acceptedAt),
            "withdrawn_at": JSON(invitation.withdrawnAt),
        ]
    }
}

/// An invitation that was just made, with its link.
struct CreatedInvitationAnswer: ValueAnswer {
    let detail: InvitationDetail
    let token: String
    let url: String

    static let schemaName = "CreatedInvitation"
    static let schema: JSON = [
        "type": "object", "required": ["invitation", "token", "url"],
        "properties": [
            "invitation": ["$ref": "#/components/schemas/Invitation"],
            "token": ["type": "string", "description": "Shown once."], "url": ["type": "string", "format": "uri"],
        ],
    ]
    static let example: JSON = [
        "invitation": InvitationAnswer.example, "token": "ghi_AZijs1wefi…",
        "url": "https://auth.example.com/invitation#ghi_AZijs1wefi",
    ]

    var json: JSON {
        ["invitation": InvitationAnswer(detail: detail).json, "token": .string(token), "url": .string(url)]
    }
}
