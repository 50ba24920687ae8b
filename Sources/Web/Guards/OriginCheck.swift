import HTTP
import Services

/// Refuses what a page of another site does with our cookies (cross-site request forgery). `SameSite=Strict`
/// keeps browsers from sending them; this holds where one does not know it.
enum OriginCheck {
    /// - Throws: `.originNotAllowed`.
    static func check(_ call: Call) throws(AuthError) {
        if let site = call.request.headers["sec-fetch-site"], site == "cross-site" {
            guard let origin = call.request.headers["origin"], isAllowed(origin, call) else { throw .originNotAllowed }
            return
        }
        guard let origin = call.request.headers["origin"] else { return }
        guard isAllowed(origin, call) else { throw .originNotAllowed }
    }

    private static func isAllowed(_ origin: String, _ call: Call) -> Bool {
        let server = call.application.configuration.server
        if origin == server.publicURL || server.corsOrigins.contains(origin) { return true }
        // Before PUBLIC_URL is set, the server is opened under whatever address it is reached by.
        guard call.application.configuration.environment == .development, let host = call.request.headers["host"] else {
            return false
        }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }
}
