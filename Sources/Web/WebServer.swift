import Ground
import HTTP
import Services

/// Puts the routes, the middleware and the services together, ready to be served.
public struct WebServer: Sendable {
    private let router: Router
    private let settings: Server.Settings

    public init(services: Services, log: Log, version: String) {
        let configuration = services.configuration
        let endpoints = Routes.all
        let limits = Self.limits(configuration.server)
        let statistics = Statistics(byEndpoint: endpoints.map { _ in RouteStatistics() })
        let application = Application(
            services: services, log: log, version: version, statistics: statistics, endpoints: endpoints)
        let routes = zip(endpoints, statistics.byEndpoint).map { endpoint, statistics in
            Route(
                endpoint.method, endpoint.pattern,
                body: endpoint.operation.takesPieces ? .stream : .collect(limit: limits.body), statistics: statistics,
                handler: endpoint.handler(in: application))
        }
        let trust = ProxyTrust(configuration.server.trustedProxies)
        let headers = SecurityHeaders(alwaysSecure: application.isPublicURLSecure)
        // Only what is set up stands in the way of a request.
        var middleware: [any Middleware] = []
        if !configuration.server.trustedProxies.isEmpty {
            middleware.append(ClientResolution(trust: trust, application: application))
        }
        middleware.append(
            Observation(log: log, logsAccess: configuration.server.logsAccess, unmatched: statistics.unmatched))
        middleware.append(headers)
        if !configuration.server.corsOrigins.isEmpty {
            middleware.append(CORS(origins: configuration.server.corsOrigins))
        }
        router = Router(
            routes: routes, middleware: middleware, limits: limits, answers: Self.answers(application, headers))
        var settings = Server.Settings()
        settings.host = configuration.server.host
        settings.port = UInt16(clamping: configuration.server.port)
        settings.threads = configuration.server.threads
        settings.limits = limits
        settings.isExempt = { trust.trusts($0) }
        self.settings = settings
    }

    /// Listens and serves.
    public func start() throws(Server.StartError) -> Server { try Server(settings: settings, responder: router) }

    /// What answers, without a socket.
    public var responder: any Responder { router }

    private static func limits(_ server: ServerSettings) -> Limits {
        var limits = Limits()
        limits.body = server.bodyLimit
        limits.connections = server.connections
        limits.connectionsPerAddress = server.connectionsPerAddress
        limits.headTime = server.headTime
        limits.bodyTime = server.bodyTime
        limits.idleTime = server.idleTime
        limits.drainTime = server.drainTime
        return limits
    }

    private static func answers(_ application: Application, _ headers: SecurityHeaders) -> Router.Answers {
        Router.Answers(
            notFound: { application.answer(to: Problem(.notFound), for: $0) },
            methodNotAllowed: { request, methods in
                let allowed = methods.map(\.description).joined(separator: ", ")
                let answer =
                    request.method == .options
                    ? Response(.noContent) : application.answer(to: Problem(.methodNotAllowed), for: request)
                return answer.header("Allow", allowed)
            },
            failure: { application.answer(to: $0, for: $1) },
            refusal: { status, peer, path in
                application.log.info("http.refused") { line in
                    line.member("status", Int64(status.code))
                    line.member("peer", peer.description)
                }
                application.statistics.unmatched.record(status: status, microseconds: 0)
                let response = application.answer(
                    to: Problem(ProblemCode(refusal: status)), at: path ?? "", requestID: "")
                return headers.add(to: response, isSecure: false)
            })
    }
}

/// Finds the client behind trusted proxies, before anything asks for its address: the log, the limits, the rules.
struct ClientResolution: Middleware {
    private let trust: ProxyTrust
    /// Takes what cannot be read through the other middleware, so that it is logged like any answer.
    private let refusal: Route

    init(trust: ProxyTrust, application: Application) {
        self.trust = trust
        refusal = Route(.get, "", body: .collect(limit: 0)) { request in
            application.answer(to: Problem(.forwardedHeaderInvalid), for: request)
        }
    }

    func respond(to request: Request, next: Handler) async throws -> Response {
        let origin: ProxyTrust.Origin
        do { origin = try trust.origin(of: request) } catch { return try await next(request.answered(by: refusal)) }
        var request = request
        request.client = origin.client
        request.isSecure = origin.isSecure
        return try await next(request)
    }
}

extension WebServer {
    /// The document of the interface, without a server.
    public static func openAPI(publicURL: String, version: String) -> String {
        OpenAPI(publicURL: publicURL, version: version).document.text
    }
}
