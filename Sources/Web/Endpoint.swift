import Ground
import HTTP
import Services

/// One row of the table of routes.
struct Endpoint: Sendable {
    let method: Method
    let pattern: String
    let tag: String
    let access: Guard
    let limit: RateLimiter.Class?
    let operation: Operation

    /// Everything it may refuse with.
    var problems: [ProblemCode] {
        var codes = operation.problems + access.problems
        if !operation.fields.isEmpty { codes += [.malformedBody, .validationFailed, .unsupportedMediaType, .bodyTooLarge] }
        if !operation.files.isEmpty { codes += [.validationFailed, .unsupportedMediaType, .bodyTooLarge] }
        if !operation.query.isEmpty { codes.append(.validationFailed) }
        if pattern.contains("{") { codes.append(.notFound) }
        if limit != nil { codes.append(.rateLimited) }
        codes += [.badRequest, .forwardedHeaderInvalid, .internalError, .unavailable]
        return ProblemCode.allCases.filter { codes.contains($0) }
    }

    /// guard → rate limit → operation.
    func handler(in application: Application) -> Handler {
        { request in
            do {
                var call = Call(request: request, application: application)
                do {
                    try await access.admit(&call)
                } catch {
                    // Who is refused pays from the allowance of the address, or guessing would be free.
                    try await take(.address(request.client), application)
                    throw error
                }
                try await take(holder(of: call), application)
                return try await operation.run(call)
            } catch {
                return application.answer(to: error, for: request)
            }
        }
    }

    private func holder(of call: Call) -> RateLimiter.Holder {
        if let token = call.accessToken { return .session(token.sessionID) }
        if let service = call.service { return .session(service.key) }
        if let token = call.refreshToken { return .session(token.sessionID) }
        return .address(call.request.client)
    }

    private func take(_ holder: RateLimiter.Holder, _ application: Application) async throws {
        guard let limit else { return }
        try await application.services.limits.take(limit, for: holder)
    }
}

/// Gathers the table.
struct EndpointTable {
    private(set) var endpoints: [Endpoint] = []

    mutating func group(_ prefix: String, tag: String, _ body: (inout Group) -> Void) {
        var group = Group(prefix: prefix, tag: tag)
        body(&group)
        endpoints += group.endpoints
    }

    struct Group {
        let prefix: String
        let tag: String
        fileprivate var endpoints: [Endpoint] = []

        fileprivate init(prefix: String, tag: String) {
            self.prefix = prefix
            self.tag = tag
        }

        mutating func get(
            _ path: String, guard access: Guard, limit: RateLimiter.Class?, _ operation: Operation
        ) {
            add(.get, path, access, limit, operation)
        }
        mutating func post(
            _ path: String, guard access: Guard, limit: RateLimiter.Class?, _ operation: Operation
        ) {
            add(.post, path, access, limit, operation)
        }
        mutating func patch(
            _ path: String, guard access: Guard, limit: RateLimiter.Class?, _ operation: Operation
        ) {
            add(.patch, path, access, limit, operation)
        }
        mutating func put(
            _ path: String, guard access: Guard, limit: RateLimiter.Class?, _ operation: Operation
        ) {
            add(.put, path, access, limit, operation)
        }
        mutating func delete(
            _ path: String, guard access: Guard, limit: RateLimiter.Class?, _ operation: Operation
        ) {
            add(.delete, path, access, limit, operation)
        }

        private mutating func add(
            _ method: Method, _ path: String, _ access: Guard, _ limit: RateLimiter.Class?, _ operation: Operation
        ) {
            endpoints.append(
                Endpoint(
                    method: method, pattern: prefix + path, tag: tag, access: access, limit: limit,
                    operation: operation))
        }
    }
}
