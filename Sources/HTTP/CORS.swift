/// Lets scripts of the listed origins, and no others, read our answers.
public struct CORS: Middleware {
    private let origins: Set<String>

    /// - Parameter origins: such as `https://app.example.com`; compared whole, byte by byte.
    public init(origins: [String]) { self.origins = Set(origins) }

    public func respond(to request: Request, next: Handler) async throws -> Response {
        if origins.isEmpty { return try await next(request) }
        // Also where no origin was named: a cache must not hand that answer to a script of a listed one.
        guard let origin = request.headers["origin"], origins.contains(origin) else {
            return try await next(request).header("Vary", "Origin")
        }
        if request.method == .options, request.headers["access-control-request-method"] != nil {
            return allow(origin, in: Response(.noContent))
                .header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
                .header("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-ID")
                .header("Access-Control-Max-Age", "600")
        }
        return allow(origin, in: try await next(request))
    }

    private func allow(_ origin: String, in response: Response) -> Response {
        response.header("Access-Control-Allow-Origin", origin)
            .header("Access-Control-Allow-Credentials", "true")
            .header("Access-Control-Expose-Headers", "X-Request-ID, Retry-After")
            .header("Vary", "Origin")
    }
}
