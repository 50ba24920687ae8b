import Ground
import HTTP
import Services

/// Coming in with an e-mail address and a password.
enum SignInHandler {
    static let register = Operation(
        "register", "Registers a company and its first user",
        detail: "Both are created in one step, and the user is signed in as the company's administrator.",
        takes: RegisterInput.self,
        answers: .json(
            TokenAnswer.self, or: SecondFactorAnswer.self, status: .created,
            "The company and the user exist, and the user is signed in, or must set a second factor up first."),
        problems: [.registrationClosed, .emailTaken, .domainTaken, .overloaded]
    ) { input, call in
        let device = deviceToken(of: call)
        let outcome = try await call.services.accounts.register(input.registration, from: call.client(device: device))
        return Self.answer(outcome, status: .created, device: device, for: call)
    }

    static let login = Operation(
        "login", "Signs in",
        detail: """
            An unknown address and a wrong password get the same answer, after the same work. Five failures in a row \
            lock the account for strangers; a device or address that signed in before has its own count. Where somebody \
            else chose the password, or it has served too long, the answer is `{"requires_password_change": true, …}` with a token for \
            `POST /auth/first-login/change-password`, and no other. Where a second factor is asked for, it is \
            `{"second_factor_required": true, …}` with a token for `POST /auth/2fa/login`, and no other. Whoever belongs to several companies names one in \
            `company_id`; what is wrong with it is told only to whoever has the password.
            """,
        takes: LoginInput.self, 
        answers: .json(
            TokenAnswer.self, or: PasswordChangeAnswer.self, or: SecondFactorAnswer.self,
            "Signed in, or a second factor or a new password is asked for."),
        problems: [
            .credentialsInvalid, .accountLocked, .accountBlocked, .accessEnded, .companySuspended, .notMember, .addressNotAllowed, .overloaded,
        ]
    ) { input, call in
        let device = deviceToken(of: call)
        let outcome = try await call.services.signIn.signIn(
            email: input.email, password: input.password, to: input.company, from: call.client(device: device))
        return answer(outcome, device: device, for: call)
    }

    static let changeFirstPassword = Operation(
        "changeFirstPassword", "Chooses a password in the place of one that somebody else chose, or that has expired",
        detail: "Takes the token of a login that was answered with `requires_password_change`, and signs in.",
        takes: FirstPasswordInput.self,
        answers: .json(
            TokenAnswer.self, or: SecondFactorAnswer.self, "Changed, and signed in; or a second factor is asked for first."),
        problems: [.tokenInvalid, .tokenExpired, .accountBlocked, .accessEnded, .companySuspended, .addressNotAllowed, .overloaded]
    ) { input, call in
        let device = deviceToken(of: call)
        let outcome = try await call.services.signIn.changePassword(
            input.token, to: input.password, from: call.client(device: device))
        return answer(outcome, device: device, for: call)
    }

    /// What a door leads to.
    static func answer(_ outcome: SignInOutcome, status: Status = .ok, device: String, for call: Call) -> Response {
        switch outcome {
        case .signedIn(let signedIn): answer(signedIn, status: status, device: device, for: call)
        case .passwordChange(let token, let reason, let expiresIn):
            .answer(PasswordChangeAnswer(token: token, reason: reason, expiresIn: expiresIn))
        case .secondFactor(let challenge):
            // The browser is part of the proof: it must show this cookie again.
            Response.answer(SecondFactorAnswer(challenge: challenge), status: status)
                .setting(DeviceCookie.holding(device, for: call))
        }
    }

    /// Tokens in the body for programs, and in cookies for browsers.
    static func answer(_ signedIn: SignedIn, status: Status, device: String?, for call: Call) -> Response {
        let response = Response.answer(TokenAnswer(signedIn: signedIn), status: status)
            .setting(RefreshCookie.holding(signedIn.refreshToken, until: signedIn.refreshExpiresAt, for: call))
        guard let device else { return response }
        return response.setting(DeviceCookie.holding(device, for: call))
    }

    /// What the browser has, or something new for it.
    static func deviceToken(of call: Call) -> String {
        DeviceCookie.token(in: call.request) ?? Base64URL.encode(RandomSource.system.bytes(24))
    }
}

extension Call {
    func client(device: String) -> Client {
        Client(
            address: request.client, userAgent: request.headers["user-agent"], requestID: request.id,
            deviceToken: device)
    }
}

struct RegisterInput: Input {
    static let name = Field<String>.text("name", 2...255, example: "Ada Lovelace", "The person's name.")
    static let email = Field<EmailAddress>.email("email", "The person's e-mail address.")
    static let password = Field<String>.secret(
        "password", 1...512, example: "clattering brass mill", "The password; the policy of the server applies.")
    static let companyName = Field<String>.text(
        "company_name", 2...255, example: "Analytical Engines", "The company's name."
    ).alias("companyName")
    static let companyDomain = Field<DomainName?>.domain(
        "company_domain", "The company's domain; empty or blank for none."
    ).alias("companyDomain").optional
    static let fields: [any AnyField] = [name, email, password, companyName, companyDomain]

    let registration: Registration

    init(_ values: InputValues) throws(AuthError) {
        registration = Registration(
            name: try values[Self.name], email: try values[Self.email], password: try values[Self.password],
            companyName: try values[Self.companyName],
            companyDomain: try values[optional: Self.companyDomain] ?? nil)
    }
}

struct FirstPasswordInput: Input {
    static let token = Field<String>.secret(
        "password_change_token", 1...160, example: "ghp_AZijs1wdez…", "The token of the login."
    ).alias("token")
    static let fields: [any AnyField] = [token, PasswordInput.new]

    let token: String
    let password: String

    init(_ values: InputValues) throws(AuthError) {
        token = try values[Self.token]
        password = try values[PasswordInput.new]
    }
}

struct LoginInput: Input {
    static let email = Field<EmailAddress>.email("email", "The e-mail address of the account.")
    static let password = Field<String>.secret(
        "password", 1...512, example: "clattering brass mill", "The password of the account.")
    static let company = Field<UUID>.id(
        "company_id", "The company that the session shall stand in; null or left out: the first that is active."
    ).nullable.optional
    static let fields: [any AnyField] = [email, password, company]

    let email: EmailAddress
    let password: String
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        email = try values[Self.email]
        password = try values[Self.password]
        company = try values[optional: Self.company] ?? nil
    }
}
