import Ground
import HTTP
import Services

/// The ways in through Telegram that a browser goes: there, and back with a session.
enum DoorHandler {
    static let start = Operation(
        journey: "startTelegram", "Sends the browser to Log In With Telegram", asks: StartQuery.self
    ) { query, call in
        let returnTo = try query.returnTo.map { try address($0, for: call) }
        let departure = try await call.services.oidc.begin(
            through: query.bot, returnTo: returnTo, device: DeviceCookie.token(in: call.request))
        return redirect(to: departure.url)
            .setting(DoorCookie.attempt.holding(departure.cookie, for: OIDCDoor.patience, call))
    }

    static let startLink = Operation(
        "startTelegramLink", "Begins the binding of the caller's account by Log In With Telegram",
        detail: """
            Send the browser that has called to `url`; it keeps a cookie beside. It comes back to `return_to` with the account \
            bound, or with `error` and the code of the reason.
            """,
        takes: StartLinkInput.self, answers: .json(DepartureAnswer.self, status: .created, "Where to go."),
        problems: [.insufficientUserAuthentication, .companyBotSession, .telegramNotConfigured, .telegramUnreachable, .doorClosed]
    ) { input, call in
        let returnTo = try input.returnTo.map { try address($0, for: call) }
        let departure = try await call.services.oidc.begin(
            through: input.bot, returnTo: returnTo, device: DeviceCookie.token(in: call.request), for: try call.caller)
        return .answer(DepartureAnswer(url: departure.url), status: .created)
            .setting(DoorCookie.attempt.holding(departure.cookie, for: OIDCDoor.patience, call))
    }

    static let callback = Operation(
        journey: "finishTelegram", "Signs in a browser that comes back from Log In With Telegram, or binds its account"
    ) { call in
        let fields = try Fields(call.request)
        guard let state = fields["state"] else { throw AuthError.signInNotBegun }
        let oidc = call.services.oidc
        let attempt = try oidc.attempt(in: DoorCookie.attempt.value(in: call), state: state)
        let answer = OIDCDoor.Return(code: fields["code"], error: fields["error"], issuer: fields["iss"])
        // The cookie of the device is not sent with what comes from another site.
        let device = attempt.device ?? SignInHandler.deviceToken(of: call)
        let response = await journey(to: attempt.returnTo, call) { () async throws(AuthError) in
            (try await oidc.finish(attempt, with: answer, from: call.client(device: device)), attempt.binds ? nil : device)
        }
        return response.setting(DoorCookie.attempt.cleared(call))
    }

    static let widgetCallback = Operation(
        journey: "finishTelegramWidget", "Signs in a browser that the Login Widget sends back"
    ) { call in
        // What this server has put behind `?` is not signed, and Telegram signs everything else.
        var own: [String: String] = [:]
        var rest: [Substring] = []
        for pair in (call.request.query ?? "").split(separator: "&", omittingEmptySubsequences: false) {
            let name = pair.prefix { $0 != "=" }
            guard name == "return_to" || name == "bot_id" else {
                rest.append(pair)
                continue
            }
            guard own[String(name)] == nil, let value = PercentCoding.decode(pair.dropFirst(name.count + 1), plusIsSpace: true)
            else { throw invalid(String(name), "given_twice", "This is given twice, or cannot be read.") }
            own[String(name)] = value
        }
        let query = try BotQuery(
            try InputValues(
                query: own["bot_id"].map { "bot_id=\(PercentCoding.encode($0))" } ?? "", fields: BotQuery.fields))
        let returnTo = try own["return_to"].map { try address($0, for: call) } ?? .home
        let body = try TelegramBody(query: rest.joined(separator: "&"))
        return await journey(to: returnTo, call) { () async throws(AuthError) in
            let device = SignInHandler.deviceToken(of: call)
            let outcome = try await call.services.telegram.signIn(
                with: body.evidence, for: query.bot, referral: nil, from: call.client(device: device))
            // What comes from another site brings no cookie: a browser that is known keeps its own, but for where the
            // second factor must come from the same.
            if case .secondFactor = outcome { return (outcome, device) }
            return (outcome, nil)
        }
    }

    static let nonce = Operation(
        "makeTelegramNonce", "Makes a nonce for an ID token",
        detail: """
            For pages with Telegram's own library: give it the nonce, and send its `id_token` to `POST /auth/telegram` from \
            the same browser, which keeps a cookie beside. Good for one sign-in.
            """,
        answers: .json(NonceAnswer.self, status: .created, "The nonce.")
    ) { call in
        let nonce = try call.services.oidc.nonce()
        return .answer(NonceAnswer(nonce: nonce), status: .created)
            .setting(DoorCookie.nonce.holding(nonce.cookie, for: nonce.lifetime, call))
    }

    // MARK: Beside

    /// Sends the browser on, signed in where it was not, or with the code of the reason why not.
    private static func journey(
        to address: ReturnAddress, _ call: Call,
        _ enter: () async throws(AuthError) -> (SignInOutcome?, device: String?)
    ) async -> Response {
        let publicURL = call.application.configuration.server.publicURL
        do {
            let (outcome, device) = try await enter()
            let response: Response
            switch outcome {
            case nil: return redirect(to: address.url(publicURL: publicURL))
            case .signedIn(let signedIn):
                response = redirect(to: address.url(publicURL: publicURL))
                    .setting(RefreshCookie.holding(signedIn.refreshToken, until: signedIn.refreshExpiresAt, for: call))
            case .secondFactor(let challenge):
                response = redirect(to: address.url(publicURL: publicURL, asksFor: challenge.methods))
                    .setting(DoorCookie.secondFactor.holding(challenge.token, for: challenge.expiresIn, call))
            case .passwordChange: throw AuthError.passwordChangeRequired
            }
            guard let device else { return response }
            return response.setting(DeviceCookie.holding(device, for: call))
        } catch {
            let code = call.application.problem(of: error, for: call.request).code.rawValue
            return redirect(to: address.url(publicURL: publicURL, error: code))
        }
    }

    private static func redirect(to url: String) -> Response {
        Response(.found).header("Location", url).header("Cache-Control", "no-store")
    }

    private static func address(_ text: String, for call: Call) throws(AuthError) -> ReturnAddress {
        let origins = call.application.configuration.server.returnOrigins
        guard let address = ReturnAddress(text, origins: origins) else {
            throw invalid("return_to", "address_not_allowed", "This must be a path here, or of an origin in RETURN_ORIGINS.")
        }
        return address
    }

    private static func invalid(_ field: String, _ code: String, _ message: String) -> AuthError {
        .invalid([FieldFault(field: field, code: code, message: message)])
    }

    /// What another server has put behind `?`: names that are not known are let be, none may come twice.
    private struct Fields {
        private let form: Form

        init(_ request: Request) throws {
            guard let form = Form(request.query ?? ""), Set(form.fields.map(\.name)).count == form.fields.count,
                form.fields.allSatisfy({ $0.value.utf8.count <= 4096 })
            else { throw DoorHandler.invalid("query", "malformed", "The query cannot be read, or names something twice.") }
            self.form = form
        }

        subscript(name: String) -> String? { form[name] }
    }
}

/// Where a journey begins, and where it ends.
struct StartQuery: Input {
    static let returnTo = Field<String>.sought(
        "return_to", 1...2048, example: "/welcome", "Where the browser goes afterwards: a path here, or of an origin in RETURN_ORIGINS."
    ).optional
    static let fields: [any AnyField] = [BotQuery.bot, returnTo]

    let bot: Int64?
    let returnTo: String?

    init(_ values: InputValues) throws(AuthError) {
        bot = try values[optional: BotQuery.bot]
        returnTo = try values[optional: Self.returnTo]
    }
}

struct StartLinkInput: Input {
    static let fields: [any AnyField] = [BotQuery.bot, StartQuery.returnTo]

    let bot: Int64?
    let returnTo: String?

    init(_ values: InputValues) throws(AuthError) {
        bot = try values[optional: BotQuery.bot]
        returnTo = try values[optional: StartQuery.returnTo]
    }
}

struct DepartureAnswer: ValueAnswer {
    let url: String

    static let schemaName = "TelegramDeparture"
    static let schema: JSON = [
        "type": "object", "required": ["url", "expires_in"],
        "properties": [
            "url": ["type": "string", "format": "uri"], "expires_in": ["type": "integer", "description": "In seconds."],
        ],
    ]
    static let example: JSON = [
        "url": "https://oauth.telegram.org/auth?response_type=code&client_id=110201543", "expires_in": 600,
    ]

    var json: JSON { ["url": .string(url), "expires_in": .integer(OIDCDoor.patience.milliseconds / 1000)] }
}

struct NonceAnswer: ValueAnswer {
    let nonce: OIDCDoor.Nonce

    static let schemaName = "TelegramNonce"
    static let schema: JSON = [
        "type": "object", "required": ["nonce", "expires_in"],
        "properties": ["nonce": ["type": "string"], "expires_in": ["type": "integer", "description": "In seconds."]],
    ]
    static let example: JSON = ["nonce": "0pZ2vZcDnkQ1p5bq0dYHsWjTLgkCz7n0nVtI5kq2f4E", "expires_in": 600]

    var json: JSON { ["nonce": .string(nonce.text), "expires_in": .integer(nonce.lifetime.milliseconds / 1000)] }
}
