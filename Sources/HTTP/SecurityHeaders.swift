/// Adds the headers that keep a browser from being turned against its user.
public struct SecurityHeaders: Middleware {
    private let forData: [UInt8]
    private let forPages: [UInt8]
    private let forDataOverTLS: [UInt8]
    private let forPagesOverTLS: [UInt8]
    private let alwaysSecure: Bool

    /// - Parameter alwaysSecure: whether the public address is https, so that HSTS is always right.
    public init(alwaysSecure: Bool) {
        self.alwaysSecure = alwaysSecure
        let common = [
            Header("X-Content-Type-Options", "nosniff"),
            Header("X-Frame-Options", "DENY"),
            Header("Cross-Origin-Opener-Policy", "same-origin"),
            Header("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        let data = common + [
            Header("Referrer-Policy", "no-referrer"),
            Header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ]
        let pages = common + [
            // With no-referrer a browser sends a page's own form with `Origin: null`, as if it came from anywhere.
            Header("Referrer-Policy", "same-origin"),
            Header("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
            Header(
                "Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
        ]
        let hsts = [Header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")]
        forData = Response.lines(data)
        forPages = Response.lines(pages)
        forDataOverTLS = Response.lines(data + hsts)
        forPagesOverTLS = Response.lines(pages + hsts)
    }

    public func respond(to request: Request, next: Handler) async throws -> Response {
        add(to: try await next(request), isSecure: request.isSecure)
    }

    public func add(to response: Response, isSecure: Bool) -> Response {
        var response = response
        let overTLS = isSecure || alwaysSecure
        if response.contentType?.hasPrefix("text/html") == true {
            response.sharedHeaders = overTLS ? forPagesOverTLS : forPages
        } else {
            response.sharedHeaders = overTLS ? forDataOverTLS : forData
        }
        return response
    }
}
