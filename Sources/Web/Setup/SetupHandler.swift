import Ground
import HTML
import HTTP
import Services

/// The page behind the link that the first start prints: it makes the first SuperAdmin.
enum SetupHandler {
    static let page = Operation(page: "setupPage", "The page that makes the first SuperAdmin") { call in
        let language = Language(of: call.request)
        let token = Form(call.request.query ?? "")?["token"] ?? ""
        do {
            try await call.services.firstStart.check(token)
        } catch AuthError.setupClosed {
            return SetupPage.closed(language)
        }
        return SetupPage.form(SetupPage.Entries(token: token), language: language)
    }

    static let submit = Operation(page: "setup", "Makes the first SuperAdmin") { call in
        let language = Language(of: call.request)
        guard case .bytes(let bytes) = call.request.body,
            let text = String(validating: bytes, as: UTF8.self), let form = Form(text)
        else { throw Problem(.malformedBody) }
        try OriginCheck.check(call)
        let entries = SetupPage.Entries(
            token: form["token"] ?? "", name: form["name"] ?? "", email: form["email"] ?? "")
        do {
            try await call.services.firstStart.check(entries.token)
            let input = try SetupInput(
                try InputValues(
                    ["name": .string(entries.name), "email": .string(entries.email),
                        "password": .string(form["password"] ?? "")], fields: SetupInput.fields))
            try await call.services.firstStart.createFirst(
                token: entries.token, name: input.name, email: input.email, password: input.password, from: call.client)
        } catch AuthError.invalid(let faults) {
            return SetupPage.form(entries, faults: faults, language: language)
        } catch AuthError.emailTaken {
            let fault = FieldFault(field: "email", code: "email_taken", message: ProblemCode.emailTaken.title)
            return SetupPage.form(entries, faults: [fault], language: language)
        } catch AuthError.setupClosed {
            return SetupPage.closed(language)
        }
        return SetupPage.done(email: entries.email, publicURL: call.application.configuration.server.publicURL, language)
    }
}

struct SetupInput: Input {
    static let name = RegisterInput.name
    static let email = RegisterInput.email
    static let password = RegisterInput.password
    static let fields: [any AnyField] = [name, email, password]

    let name: String
    let email: EmailAddress
    let password: String

    init(_ values: InputValues) throws(AuthError) {
        name = try values[Self.name]
        email = try values[Self.email]
        password = try values[Self.password]
    }
}
