import Ground
import HTTP
import Services

/// One request on its way through a handler, with what its guard has found out.
struct Call: Sendable {
    let request: Request
    let application: Application
    var accessToken: AccessToken?
    /// Whom the access token stands for.
    var subject: Subject?
    /// The program whose key was shown.
    var service: ServiceCaller?
    var refreshToken: RefreshToken?

    var services: Services { application.services }

    /// The caller's token. A handler whose route is not guarded by it gets a refusal, never a gap.
    var caller: AccessToken {
        get throws(AuthError) {
            guard let accessToken else { throw .tokenMissing }
            return accessToken
        }
    }

    /// The program that has shown its key.
    var program: ServiceCaller {
        get throws(AuthError) {
            guard let service else { throw .tokenMissing }
            return service
        }
    }

    /// What whoever calls, a person or a program, may do.
    var authority: Authority {
        get throws(AuthError) {
            if let service { return service.authority }
            return try identified.authority
        }
    }

    /// Whom the caller's token stands for.
    var identified: Subject {
        get throws(AuthError) {
            guard let subject else { throw .tokenMissing }
            return subject
        }
    }

    var client: Client {
        Client(
            address: request.client, userAgent: request.headers["user-agent"], requestID: request.id,
            deviceToken: DeviceCookie.token(in: request))
    }

    /// Whether cookies must be kept from plain connections.
    var isSecure: Bool { request.isSecure || application.isPublicURLSecure }
}
