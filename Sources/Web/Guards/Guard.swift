import Ground
import HTTP
import Services

/// Who may call a route. Every route names one; there is no default.
enum Guard: Sendable {
    /// Anybody. The operation itself asks for no identity.
    case anyone
    /// Whoever holds a refresh token of ours that has not expired, in the body or in the cookie.
    case refreshToken
    /// The same, under the names that clients of `/api/v2` know, which may send an access token beside the cookie.
    case renewal
    /// Whoever holds an access token whose session lives.
    case signedIn
    /// The same with the token in the body.
    case tokenInBody
    /// Whoever is signed in and has the permission, everywhere or in the company that the session stands in. The
    /// service asks which of the two.
    case may(Permission)
    /// A service account with a key that works. The service asks for its scopes.
    case service
    /// Either whoever holds an access token, or a service account.
    case signedInOrService
    /// A program of the operator: one with `METRICS_TOKEN` or, where none is set, one on this machine.
    case machine

    /// Lets the call through with what was found out, or refuses it.
    func admit(_ call: inout Call) async throws {
        switch self {
        case .anyone: break
        case .refreshToken: call.refreshToken = try Self.refreshToken(of: call)
        case .renewal: call.refreshToken = try Self.renewalToken(of: call)
        case .signedIn: try await Self.identify(&call)
        case .tokenInBody: try await Self.identifyByBody(&call)
        case .may(let permission):
            try await Self.identify(&call)
            guard call.subject?.scope(of: permission) != nil else {
                call.accessToken = nil
                throw AuthError.forbidden(permission: permission.description)
            }
        case .service: call.service = try await Self.service(of: call)
        case .signedInOrService:
            if Self.showsKey(call) { call.service = try await Self.service(of: call) } else { try await Self.identify(&call) }
        case .machine: try Self.admitMachine(call)
        }
    }

    private static func identify(_ call: inout Call) async throws(AuthError) {
        let result: Result<AccessToken, AuthError>? = call.request.withBearerToken { token in
            do throws(AuthError) {
                return .success(try call.services.accessTokens.verify(token, at: call.services.clock.now))
            } catch { return .failure(error) }
        }
        guard let result else { throw .tokenMissing }
        try await admit(try result.get(), &call)
    }

    private static func identifyByBody(_ call: inout Call) async throws {
        let input = try call.request.input(AccessTokenInput.self)
        try await admit(
            try call.services.accessTokens.verify(Array(input.token.utf8), at: call.services.clock.now), &call)
    }

    private static func admit(_ token: AccessToken, _ call: inout Call) async throws(AuthError) {
        call.subject = try await call.services.sessions.admit(token, from: call.request.client, as: call.client)
        call.accessToken = token
    }

    private static func showsKey(_ call: Call) -> Bool {
        call.request.withBearerToken { $0.starts(with: ServiceAccountService.prefix.utf8) } ?? false
    }

    private static func service(of call: Call) async throws(AuthError) -> ServiceCaller {
        guard let bytes = call.request.withBearerToken({ Array($0) }) else { throw .tokenMissing }
        return try await call.services.serviceAccounts.identify(bytes)
    }

    private static func refreshToken(of call: Call) throws -> RefreshToken {
        try read(try call.request.input(RefreshInput.self).refreshToken, or: nil, call)
    }

    private static func renewalToken(of call: Call) throws -> RefreshToken {
        let input = try call.request.input(RenewalInput.self)
        return try read(input.refreshToken, or: input.token, call)
    }

    /// - Parameter other: what is no refresh token, and is refused as one where none came in the cookie.
    private static func read(_ given: String?, or other: String?, _ call: Call) throws -> RefreshToken {
        let text: String
        if let given {
            text = given
        } else if let cookie = RefreshCookie.token(in: call.request) {
            try OriginCheck.check(call)
            text = cookie
        } else if let other {
            text = other
        } else {
            throw AuthError.tokenMissing
        }
        return try call.services.refreshTokens.read(text, at: call.services.clock.now)
    }

    private static func admitMachine(_ call: Call) throws(AuthError) {
        guard let wanted = call.application.configuration.server.metricsToken else {
            // A request that a proxy passed on comes from elsewhere, even when the proxy stands here.
            let isForwarded = call.request.headers["x-forwarded-for"] != nil || call.request.headers["forwarded"] != nil
            guard call.request.peer.isLoopback, !isForwarded else { throw .notFound }
            return
        }
        let matches = call.request.withBearerToken { SecretComparison.equal(Array($0), Array(wanted.utf8)) }
        guard let matches else { throw .tokenMissing }
        guard matches else { throw .tokenInvalid }
    }

    /// Names for the document of the interface.
    var securityScheme: String? {
        switch self {
        case .anyone: nil
        case .refreshToken, .renewal, .tokenInBody: nil
        case .signedIn, .may, .signedInOrService: "access_token"
        case .service: "api_key"
        case .machine: "metrics_token"
        }
    }

    /// What it refuses with.
    var problems: [ProblemCode] {
        let subject: [ProblemCode] = [
            .tokenInvalid, .tokenExpired, .sessionEnded, .accessEnded, .secondFactorRequired, .addressNotAllowed,
        ]
        return switch self {
        case .anyone: []
        case .refreshToken, .renewal:
            [.malformedBody, .validationFailed, .tokenMissing, .tokenInvalid, .tokenExpired, .originNotAllowed]
        case .signedIn, .signedInOrService: subject + [.tokenMissing]
        case .tokenInBody:
            subject + [.malformedBody, .validationFailed]
        case .may: subject + [.tokenMissing, .forbidden]
        case .service: [.tokenMissing, .tokenInvalid, .tokenExpired]
        case .machine: [.notFound, .tokenMissing, .tokenInvalid]
        }
    }
}

extension Request {
    /// The bytes of `Authorization: Bearer …` (RFC 6750, section 2.1); nil where there is none.
    func withBearerToken<T>(_ body: (Slice<UnsafeBufferPointer<UInt8>>) -> T) -> T? {
        headers.withValue("authorization") { value -> T? in
            guard value.count > 7, value[6] == 32,
                zip(value.prefix(6), "bearer".utf8).allSatisfy({ $0 | 32 == $1 })
            else { return nil }
            return body(value[7...])
        } ?? nil
    }
}
