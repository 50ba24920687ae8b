import Ground

public typealias Handler = @Sendable (Request) async throws -> Response

/// One path and method, and what answers there.
public final class Route: Sendable {
    public let method: Method
    /// Such as `/auth/sessions/{id:uuid}/revoke`. A placeholder is `{name:uuid}` or `{name:text}`.
    public let pattern: String
    public let body: BodyPolicy
    public let handler: Handler
    public let statistics: RouteStatistics
    let segments: [PathSegment]

    public init(
        _ method: Method, _ pattern: String, body: BodyPolicy, statistics: RouteStatistics = RouteStatistics(),
        handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = pattern
        self.body = body
        self.statistics = statistics
        self.handler = handler
        segments = PathSegment.parse(pattern)
    }
}

enum PathSegment: Hashable, Sendable {
    case literal(String)
    case uuid
    case text

    static func parse(_ pattern: String) -> [PathSegment] {
        pattern.split(separator: "/").map { part in
            if part.hasPrefix("{") { part.hasSuffix(":uuid}") ? .uuid : .text } else { .literal(String(part)) }
        }
    }

    /// The value that the placeholder stands for; "" for a literal that matches; nil for what does not match.
    func match(_ part: Substring) -> String? {
        switch self {
        case .literal(let text): return part == text ? "" : nil
        case .uuid: return UUID(part)?.description
        case .text:
            guard let text = PercentCoding.decode(part), !text.isEmpty, !text.utf8.contains(0) else { return nil }
            return text
        }
    }
}

/// Finds the route of a request and runs it inside the middleware.
public struct Router: Responder {
    /// What the router itself must answer, in the form of the application.
    public struct Answers: Sendable {
        public var notFound: @Sendable (Request) -> Response
        public var methodNotAllowed: @Sendable (Request, [Method]) -> Response
        public var failure: @Sendable (any Error, Request) -> Response
        public var refusal: @Sendable (Status, IPAddress, _ path: String?) -> Response

        public init(
            notFound: @escaping @Sendable (Request) -> Response,
            methodNotAllowed: @escaping @Sendable (Request, [Method]) -> Response,
            failure: @escaping @Sendable (any Error, Request) -> Response,
            refusal: @escaping @Sendable (Status, IPAddress, _ path: String?) -> Response
        ) {
            self.notFound = notFound
            self.methodNotAllowed = methodNotAllowed
            self.failure = failure
            self.refusal = refusal
        }
    }

    private let fixed: [String: [Route]]
    /// Routes with placeholders, by the number of their segments.
    private let patterned: [Int: [Route]]
    private let defaultBody: BodyPolicy
    private let answers: Answers
    private let chain: Handler

    public init(routes: [Route], middleware: [any Middleware], limits: Limits, answers: Answers) {
        var fixed: [String: [Route]] = [:]
        var patterned: [Int: [Route]] = [:]
        for route in routes {
            if route.segments.allSatisfy({ if case .literal = $0 { true } else { false } }) {
                fixed[route.pattern, default: []].append(route)
            } else {
                patterned[route.segments.count, default: []].append(route)
            }
        }
        self.fixed = fixed
        self.patterned = patterned
        self.answers = answers
        defaultBody = .collect(limit: limits.body)
        let inner: Handler = { request in
            if let route = request.matched { return try await route.handler(request) }
            return request.allowed.isEmpty
                ? answers.notFound(request) : answers.methodNotAllowed(request, request.allowed)
        }
        // A loop and no `reduce`: what passes through a generic function is wrapped, and then costs a change of
        // executor at each call.
        var chain = inner
        for middleware in middleware.reversed() {
            let next = chain
            chain = { request in try await middleware.respond(to: request, next: next) }
        }
        self.chain = chain
    }

    public func bodyPolicy(for request: Request) -> BodyPolicy {
        var request = request
        match(&request)
        return request.matched?.body ?? defaultBody
    }

    public func respond(to request: Request) async -> Response {
        var request = request
        match(&request)
        do { return try await chain(request) } catch { return answers.failure(error, request) }
    }

    public func refusal(_ status: Status, peer: IPAddress, path: String?) -> Response {
        answers.refusal(status, peer, path)
    }

    private func match(_ request: inout Request) {
        if let candidates = fixed[request.path] {
            if let route = candidates.first(where: { $0.method == request.method }) {
                request.matched = route
                return
            }
            return choose(candidates.map { ($0, []) }, for: &request)
        }
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard let candidates = patterned[parts.count] else { return }
        choose(candidates.compactMap { route in Self.parameters(route, parts).map { (route, $0) } }, for: &request)
    }

    private static func parameters(_ route: Route, _ parts: ArraySlice<Substring>) -> [String]? {
        var values: [String] = []
        for (segment, part) in zip(route.segments, parts) {
            guard let value = segment.match(part) else { return nil }
            if case .literal = segment { continue }
            values.append(value)
        }
        return values
    }

    private func choose(_ candidates: [(Route, [String])], for request: inout Request) {
        let wanted = request.method == .head ? .get : request.method
        if let (route, parameters) = candidates.first(where: { $0.0.method == wanted }) {
            request.matched = route
            request.parameters = parameters
            return
        }
        var methods = candidates.map { $0.0.method }
        if methods.contains(.get) { methods.append(.head) }
        if !methods.isEmpty { methods.append(.options) }
        request.allowed = methods
    }
}
