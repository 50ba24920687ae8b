import Ground
import HTTP
import Services

/// Every code that an error answer can carry: a closed list, and part of the interface.
enum ProblemCode: String, CaseIterable, Sendable {
    case malformedBody = "malformed_body"
    case validationFailed = "validation_failed"
    case badRequest = "bad_request"
    case forwardedHeaderInvalid = "forwarded_header_invalid"
    case tokenMissing = "token_missing"
    case tokenInvalid = "token_invalid"
    case tokenExpired = "token_expired"
    case tokenReused = "token_reused"
    case sessionEnded = "session_ended"
    case credentialsInvalid = "credentials_invalid"
    case forbidden
    case addressNotAllowed = "address_not_allowed"
    case wouldShutYouOut = "would_shut_you_out"
    case accountBlocked = "account_blocked"
    case accessEnded = "access_ended"
    case companySuspended = "company_suspended"
    case passwordChangeRequired = "password_change_required"
    case registrationClosed = "registration_closed"
    case originNotAllowed = "origin_not_allowed"
    case webhookURLNotAllowed = "webhook_url_not_allowed"
    case notFound = "not_found"
    case setupClosed = "setup_closed"
    case methodNotAllowed = "method_not_allowed"
    case requestTimeout = "request_timeout"
    case emailTaken = "email_taken"
    case domainTaken = "domain_taken"
    case lastSuperAdmin = "last_super_admin"
    case roleNameTaken = "role_name_taken"
    case systemRole = "system_role"
    case roleInUse = "role_in_use"
    case roleCycle = "role_cycle"
    case notMember = "not_member"
    case alreadyMember = "already_member"
    case invitationInvalid = "invitation_invalid"
    case tooMany = "too_many"
    case importRefused = "import_refused"
    case webhookDisabled = "webhook_disabled"
    case telegramDataMalformed = "telegram_data_malformed"
    case telegramDataNotSigned = "telegram_data_not_signed"
    case telegramDataExpired = "telegram_data_expired"
    case telegramDataInFuture = "telegram_data_in_future"
    case telegramDataReplayed = "telegram_data_replayed"
    case telegramNotConfigured = "telegram_not_configured"
    case doorClosed = "door_closed"
    case accessRequired = "access_required"
    case accessHeld = "access_held"
    case requestClosed = "request_closed"
    case codeInvalid = "code_invalid"
    case botTokenRefused = "bot_token_refused"
    case botTaken = "bot_taken"
    case telegramUnreachable = "telegram_unreachable"
    case telegramTaken = "telegram_taken"
    case telegramLinked = "telegram_linked"
    case signInNotBegun = "sign_in_not_begun"
    case signInRefused = "sign_in_refused"
    case telegramRefused = "telegram_refused"
    case insufficientUserAuthentication = "insufficient_user_authentication"
    case companyBotSession = "company_bot_session"
    case secondFactorRequired = "second_factor_required"
    case secondFactorUnavailable = "second_factor_unavailable"
    case secondFactorEnabled = "second_factor_enabled"
    case lastSecondFactor = "last_second_factor"
    case lastWayIn = "last_way_in"
    case linkInvalid = "link_invalid"
    case mailNotConfigured = "mail_not_configured"
    case passkeyMalformed = "passkey_malformed"
    case passkeyRefused = "passkey_refused"
    case passkeyUnknown = "passkey_unknown"
    case passkeyTaken = "passkey_taken"
    case challengeInvalid = "challenge_invalid"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case expectationFailed = "expectation_failed"
    case accountLocked = "account_locked"
    case rateLimited = "rate_limited"
    case headersTooLarge = "headers_too_large"
    case internalError = "internal_error"
    case notImplemented = "not_implemented"
    case overloaded
    case unavailable
    case versionNotSupported = "http_version_not_supported"

    var status: Status {
        switch self {
        case .malformedBody, .validationFailed, .badRequest, .forwardedHeaderInvalid, .webhookURLNotAllowed,
            .telegramDataMalformed, .botTokenRefused, .linkInvalid, .passkeyMalformed:
            .badRequest
        case .tokenMissing, .tokenInvalid, .tokenExpired, .tokenReused, .sessionEnded, .credentialsInvalid,
            .codeInvalid, .telegramDataNotSigned, .telegramDataExpired, .telegramDataInFuture, .telegramDataReplayed,
            .signInNotBegun, .telegramRefused, .insufficientUserAuthentication, .passkeyRefused, .passkeyUnknown,
            .challengeInvalid:
            .unauthorized
        case .forbidden, .accountBlocked, .companySuspended, .passwordChangeRequired, .registrationClosed,
            .originNotAllowed, .roleCycle, .addressNotAllowed, .doorClosed, .accessRequired, .signInRefused,
            .accessEnded, .secondFactorRequired, .companyBotSession:
            .forbidden
        case .notFound, .setupClosed, .invitationInvalid: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .requestTimeout: Status(408)
        case .emailTaken, .domainTaken, .lastSuperAdmin, .roleNameTaken, .systemRole, .roleInUse, .notMember, .tooMany,
            .alreadyMember, .wouldShutYouOut, .webhookDisabled, .telegramTaken, .telegramLinked, .lastWayIn, .botTaken,
            .accessHeld, .requestClosed, .secondFactorUnavailable, .secondFactorEnabled, .lastSecondFactor,
            .passkeyTaken:
            .conflict
        case .importRefused: Status(422)
        case .bodyTooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .expectationFailed: Status(417)
        case .accountLocked: .locked
        case .rateLimited: .tooManyRequests
        case .headersTooLarge: Status(431)
        case .internalError: .internalError
        case .notImplemented: Status(501)
        case .overloaded, .unavailable, .telegramNotConfigured, .telegramUnreachable, .mailNotConfigured: .unavailable
        case .versionNotSupported: Status(505)
        }
    }

    /// One sentence for people, the same for every occurrence.
    var title: String {
        switch self {
        case .malformedBody: "The body is no JSON object that can be read."
        case .validationFailed: "Some fields are not as they must be."
        case .badRequest: "The request cannot be read."
        case .forwardedHeaderInvalid: "The proxy sent a forwarded header that cannot be read."
        case .tokenMissing: "A token is needed."
        case .tokenInvalid: "The token is not valid."
        case .tokenExpired: "The token has expired."
        case .tokenReused: "The refresh token had been used before; its session has ended."
        case .sessionEnded: "The session has ended."
        case .credentialsInvalid: "The address or the password is wrong."
        case .forbidden: "You may not do this."
        case .addressNotAllowed: "The account may not be used from this address."
        case .wouldShutYouOut: "The list would shut you out from where you are."
        case .accountBlocked: "The account is blocked."
        case .accessEnded: "The time for which you were let in is over."
        case .companySuspended: "The company is suspended."
        case .passwordChangeRequired: "The password must be changed first."
        case .registrationClosed: "Registration is closed."
        case .originNotAllowed: "Pages of that origin may not do this."
        case .webhookURLNotAllowed: "Webhooks may not go to that address."
        case .notFound: "There is nothing here."
        case .setupClosed: "The link is not valid, or setting up is done."
        case .methodNotAllowed: "The path does not know this method."
        case .requestTimeout: "The request took too long to arrive."
        case .emailTaken: "The e-mail address has an account."
        case .domainTaken: "The domain belongs to another company."
        case .lastSuperAdmin: "The last SuperAdmin stays."
        case .roleNameTaken: "Another role has that name."
        case .systemRole: "A role that comes with the system keeps its name, and SuperAdmin what it permits."
        case .roleInUse: "Somebody has the role, or another role includes it."
        case .roleCycle: "A role cannot include itself."
        case .notMember: "The person does not belong to the company."
        case .alreadyMember: "The person belongs to the company already."
        case .invitationInvalid: "The invitation is not valid any more."
        case .tooMany: "There are as many of these as there may be."
        case .importRefused: "Lines of the file are refused, and nothing was written."
        case .webhookDisabled: "The webhook is disabled."
        case .telegramDataMalformed: "This is not as Telegram writes it."
        case .telegramDataNotSigned: "Telegram has not signed this for a bot of this server."
        case .telegramDataExpired: "What Telegram signed is too old."
        case .telegramDataInFuture: "What Telegram signed is dated in the future."
        case .telegramDataReplayed: "Somebody has signed in with this already."
        case .telegramNotConfigured: "Signing in through Telegram is not set up here."
        case .doorClosed: "The bot does not let anybody in this way."
        case .accessRequired: "An administrator must let you in first."
        case .accessHeld: "You have access already."
        case .requestClosed: "The request was decided already, or has expired."
        case .codeInvalid: "The code is wrong, was used, or is too old."
        case .botTokenRefused: "Telegram does not take this token for that bot."
        case .botTaken: "The bot is there already."
        case .telegramUnreachable: "Telegram cannot be asked for the moment."
        case .telegramTaken: "That person of Telegram has another account here."
        case .telegramLinked: "The account belongs to another person of Telegram."
        case .signInNotBegun: "This browser has begun no such sign-in, or it is over."
        case .signInRefused: "The sign-in was refused in Telegram."
        case .telegramRefused: "Telegram has not confirmed the sign-in."
        case .insufficientUserAuthentication: "Prove again who you are, and as surely as is asked, before you do this."
        case .companyBotSession: "Whoever came in through a company's bot cannot do this: sign in another way."
        case .secondFactorRequired: "A second factor is needed: sign in again."
        case .secondFactorUnavailable: "The second factor is not set up, not asked for, or reaches nobody."
        case .secondFactorEnabled: "The second factor is set up already."
        case .lastSecondFactor: "A second factor is required of you, and this is the last."
        case .lastWayIn: "Without this nobody could sign in to the account any more."
        case .linkInvalid: "The link was used, has expired, or is not valid here."
        case .mailNotConfigured: "No mail leaves this server."
        case .passkeyMalformed: "What the authenticator said cannot be read."
        case .passkeyRefused: "What the authenticator said proves nothing here."
        case .passkeyUnknown: "No account has this passkey."
        case .passkeyTaken: "The passkey is registered already."
        case .challengeInvalid: "The challenge is not good any more, or never was here."
        case .bodyTooLarge: "The body is too large."
        case .unsupportedMediaType: "The body is of a type that is not taken here."
        case .expectationFailed: "The expectation cannot be met."
        case .accountLocked: "Too many failures: the account is locked for a while."
        case .rateLimited: "Too many requests."
        case .headersTooLarge: "The headers are too large."
        case .internalError: "Something went wrong here."
        case .notImplemented: "That transfer encoding is not known here."
        case .overloaded: "Too much is asked at once."
        case .unavailable: "The service is not available for the moment."
        case .versionNotSupported: "Only HTTP/1.1 and HTTP/1.0 are spoken."
        }
    }

    /// Whether it refuses a token of this server, and not what somebody proves themselves with.
    var isOfToken: Bool {
        switch self {
        case .tokenMissing, .tokenInvalid, .tokenExpired, .tokenReused, .sessionEnded: true
        default: false
        }
    }

    /// The code for what the engine refuses by itself.
    init(refusal status: Status) {
        switch status.code {
        case 408: self = .requestTimeout
        case 413: self = .bodyTooLarge
        case 417: self = .expectationFailed
        case 431: self = .headersTooLarge
        case 501: self = .notImplemented
        case 505: self = .versionNotSupported
        default: self = .badRequest
        }
    }
}

/// One error answer (RFC 9457).
struct Problem: Error, Sendable {
    let code: ProblemCode
    var detail: String?
    var errors: [FieldFault] = []
    var retryAfter: Duration?
    /// What is asked for besides a token (RFC 9470, section 3).
    var challenge: String?

    init(_ code: ProblemCode, detail: String? = nil, errors: [FieldFault] = [], retryAfter: Duration? = nil) {
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    func json(requestID: String, documentation: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "\(documentation)#\(code.rawValue)")
            writer.member("title", code.title)
            writer.member("status", Int64(code.status.code))
            writer.member("detail", detail ?? code.title)
            writer.member("code", code.rawValue)
            writer.member("request_id", requestID)
            writer.name("errors")
            writeErrors(into: &writer)
        }
        return writer.bytes
    }

    func writeErrors(into writer: inout JSONWriter) {
        writer.array { writer in
            for error in errors {
                writer.object { writer in
                    writer.member("field", error.field)
                    writer.member("code", error.code)
                    writer.member("message", error.message)
                }
            }
        }
    }

    static let errorsSchema: JSON = [
        "type": "array",
        "items": [
            "type": "object", "required": ["field", "code", "message"],
            "properties": [
                "field": ["type": "string"], "code": ["type": "string"], "message": ["type": "string"],
            ],
        ],
    ]

    func response(requestID: String, documentation: String) -> Response {
        finished(
            Response(
                code.status, contentType: "application/problem+json",
                body: json(requestID: requestID, documentation: documentation)))
    }

    /// With the headers that go with it, whatever its form.
    func finished(_ response: Response) -> Response {
        var response = response
        response.headers.append(Header("Cache-Control", "no-store"))
        if let retryAfter {
            response.headers.append(Header("Retry-After", String(max(1, retryAfter.secondsRoundedUp))))
        }
        if let challenge {
            response.headers.append(
                Header("WWW-Authenticate", "Bearer realm=\"gatehouse\", error=\"\(code.rawValue)\", \(challenge)"))
        } else if code.status == .unauthorized, code.isOfToken {
            // RFC 6750, section 3: without a token there is no error to tell.
            let error = code == .tokenMissing ? "" : ", error=\"invalid_token\""
            response.headers.append(Header("WWW-Authenticate", "Bearer realm=\"gatehouse\"\(error)"))
        }
        return response
    }
}
