import Ground
import HTTP
import Services

/// The document of the interface (OpenAPI 3.1), made of the table of routes and of the declarations that check
/// the input.
struct OpenAPI: Sendable {
    private let endpoints: [Endpoint]
    private let publicURL: String
    private let version: String
    private let documentation: String

    init(_ application: Application) {
        self.init(publicURL: application.configuration.server.publicURL, version: application.version)
    }

    init(publicURL: String, version: String) {
        endpoints = Routes.all.filter(\.operation.isPartOfInterface)
        self.publicURL = publicURL
        self.version = version
        documentation = publicURL + "/api/docs"
    }

    var document: JSON {
        var paths: [JSON.Member] = []
        for endpoint in endpoints where !paths.contains(where: { $0.name == Self.path(endpoint) }) {
            let own = endpoints.filter { Self.path($0) == Self.path(endpoint) }
            let operations = own.map { JSON.Member($0.method.description.lowercased(), operation($0)) }
            paths.append(JSON.Member(Self.path(endpoint), .object(operations)))
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Gatehouse", "version": .string(version),
                "summary": "Authentication and access management.",
                "description": "Bodies are JSON with snake_case names. Errors are problem details (RFC 9457) with a stable `code`.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": .string(publicURL)]],
            "tags": .array(tags.map { ["name": .string($0)] }),
            "paths": .object(paths),
            "components": [
                "schemas": .object(schemas),
                "responses": .object(problemResponses),
                "securitySchemes": [
                    "access_token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
                    "api_key": ["type": "http", "scheme": "bearer", "description": "A key of a service account, ghk_…"],
                    "metrics_token": ["type": "http", "scheme": "bearer"],
                    "refresh_cookie": ["type": "apiKey", "in": "cookie", "name": .string(RefreshCookie.name)],
                ],
            ],
        ]
    }

    private var tags: [String] {
        endpoints.reduce(into: []) { tags, endpoint in
            if !tags.contains(endpoint.tag) { tags.append(endpoint.tag) }
        }
    }

    /// `/users/{id:uuid}` as OpenAPI writes it.
    static func path(_ endpoint: Endpoint) -> String {
        // `:uuid` and `:text` say to the router what it may take; OpenAPI says it in the parameter.
        endpoint.pattern.split(separator: "/", omittingEmptySubsequences: false)
            .map { part in part.hasPrefix("{") ? String(part.prefix { $0 != ":" }) + "}" : String(part) }
            .joined(separator: "/")
    }

    /// The names of the ids in a path, in their order.
    static func ids(in endpoint: Endpoint) -> [String] {
        endpoint.pattern.split(separator: "/").filter { $0.hasSuffix(":uuid}") }
            .map { String($0.dropFirst().dropLast(":uuid}".count)) }
    }

    private func operation(_ endpoint: Endpoint) -> JSON {
        let operation = endpoint.operation
        var members: [JSON.Member] = [
            .init("operationId", .string(operation.id)), .init("tags", [.string(endpoint.tag)]),
            .init("summary", .string(operation.summary)),
        ]
        if !operation.detail.isEmpty { members.append(.init("description", .string(operation.detail))) }
        let parameters = Self.parameters(endpoint)
        if !parameters.isEmpty { members.append(.init("parameters", .array(parameters))) }
        if !operation.fields.isEmpty { members.append(.init("requestBody", Self.body(operation))) }
        if !operation.files.isEmpty {
            let content = JSON.object(operation.files.map(\.json))
            members.append(.init("requestBody", ["required": true, "content": content]))
        }
        members.append(.init("responses", responses(endpoint)))
        members.append(.init("security", Self.security(endpoint.access)))
        return .object(members)
    }

    private static func security(_ access: Guard) -> JSON {
        switch access {
        case .anyone, .tokenInBody: []
        // The token may come in the body, so the cookie is one way of two.
        case .refreshToken, .renewal: [["refresh_cookie": []], [:]]
        case .signedIn, .may: [["access_token": []]]
        case .service: [["api_key": []]]
        case .signedInOrService: [["access_token": []], ["api_key": []]]
        // On the machine itself no token is needed where none is set.
        case .machine: [["metrics_token": []], [:]]
        }
    }

    private static func parameters(_ endpoint: Endpoint) -> [JSON] {
        var parameters: [JSON] = []
        for part in endpoint.pattern.split(separator: "/") where part.hasPrefix("{") {
            let names = part.dropFirst().dropLast().split(separator: ":")
            guard let name = names.first else { continue }
            let schema: JSON = part.hasSuffix(":uuid}") ? ["type": "string", "format": "uuid"] : ["type": "string", "minLength": 1]
            parameters.append(["name": .string(String(name)), "in": "path", "required": true, "schema": schema])
        }
        for field in endpoint.operation.query {
            parameters.append([
                "name": .string(field.name), "in": "query", "description": .string(field.summary),
                "schema": .object(field.schema), "example": field.example,
            ])
        }
        return parameters
    }

    static func body(_ operation: Operation) -> JSON {
        let required = operation.fields.filter(\.isRequired)
        let examples = operation.fields.map { JSON.Member($0.name, $0.example) }
        var properties: [JSON.Member] = []
        for field in operation.fields {
            let described = JSON.object(field.schema + [.init("description", .string(field.summary))])
            properties.append(.init(field.name, described))
        }
        var schema: [JSON.Member] = [
            .init("type", "object"), .init("properties", .object(properties)), .init("additionalProperties", false),
        ]
        if !required.isEmpty { schema.append(.init("required", .array(required.map { .string($0.name) }))) }
        return [
            "required": .bool(!required.isEmpty),
            "content": ["application/json": ["schema": .object(schema), "example": .object(examples)]],
        ]
    }

    private func responses(_ endpoint: Endpoint) -> JSON {
        let answer = endpoint.operation.answer
        let schema: JSON =
            answer.schemaName.map { ["$ref": .string("#/components/schemas/\($0)")] } ?? answer.schema
        var content: [JSON.Member] = [.init("schema", schema)]
        if answer.example != .null { content.append(.init("example", answer.example)) }
        var members: [JSON.Member] = [
            .init(
                String(answer.status.code),
                [
                    "description": .string(answer.summary),
                    "content": .object([.init(answer.contentType, .object(content))] + answer.others.map(\.json)),
                ])
        ]
        let byStatus = Dictionary(grouping: endpoint.problems, by: \.status.code)
        for (status, codes) in byStatus.sorted(by: { $0.key < $1.key }) {
            members.append(
                .init(String(status), MiniAppFailure.covers(endpoint.pattern) ? failure(codes) : problem(codes)))
        }
        return .object(members)
    }

    /// One status, with an example for each code that comes with it.
    private func problem(_ codes: [ProblemCode]) -> JSON {
        if codes.count == 1 { return ["$ref": .string("#/components/responses/\(codes[0].rawValue)")] }
        return [
            "description": .string(codes.map(\.title).joined(separator: " Or: ")),
            "content": [
                "application/problem+json": [
                    "schema": ["$ref": "#/components/schemas/Problem"],
                    "examples": .object(codes.map { .init($0.rawValue, ["value": example($0)]) }),
                ]
            ],
        ]
    }

    /// The same in the form of `/api/v2`.
    private func failure(_ codes: [ProblemCode]) -> JSON {
        let examples = codes.map { code in
            JSON.Member(code.rawValue, ["value": MiniAppFailure.example(code, errors: Self.errorsExample(code))])
        }
        let content: JSON = [
            "schema": ["$ref": .string("#/components/schemas/\(MiniAppFailure.schemaName)")], "examples": .object(examples),
        ]
        return [
            "description": .string(codes.map(\.title).joined(separator: " Or: ")),
            "content": .object([.init(MiniAppFailure.contentType, content)]),
        ]
    }

    private static func errorsExample(_ code: ProblemCode) -> JSON {
        code == .validationFailed
            ? [["field": "email", "code": "email_invalid", "message": "An e-mail address has one @."]] : []
    }

    private var problemResponses: [JSON.Member] {
        ProblemCode.allCases.map { code in
            .init(
                code.rawValue,
                [
                    "description": .string(code.title),
                    "content": [
                        "application/problem+json": [
                            "schema": ["$ref": "#/components/schemas/Problem"], "example": example(code),
                        ]
                    ],
                ])
        }
    }

    private func example(_ code: ProblemCode) -> JSON {
        [
            "type": .string("\(documentation)#\(code.rawValue)"), "title": .string(code.title),
            "status": .integer(Int64(code.status.code)), "detail": .string(code.title),
            "code": .string(code.rawValue), "request_id": "6f1d0c2b3a495867", "errors": Self.errorsExample(code),
        ]
    }

    private var schemas: [JSON.Member] {
        var members: [JSON.Member] = [
            .init(
                "Problem",
                [
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
                    "properties": [
                        "type": ["type": "string", "format": "uri"], "title": ["type": "string"],
                        "status": ["type": "integer"], "detail": ["type": "string"],
                        "code": ["enum": .array(ProblemCode.allCases.map { .string($0.rawValue) })],
                        "request_id": ["type": "string"],
                        "errors": Problem.errorsSchema,
                    ],
                ]),
            .init(MiniAppFailure.schemaName, MiniAppFailure.schema),
            // What no operation answers by itself, and others refer to.
            .init(UserAnswer.schemaName, UserAnswer.schema), .init(CompanyAnswer.schemaName, CompanyAnswer.schema),
            .init(SessionAnswer.schemaName, SessionAnswer.schema),
            .init(HistoryItemAnswer.schemaName, HistoryItemAnswer.schema),
            .init(AccessReviewAnswer.schemaName, AccessReviewAnswer.schema),
            .init(RememberedDeviceAnswer.schemaName, RememberedDeviceAnswer.schema),
        ]
        for endpoint in endpoints {
            guard let name = endpoint.operation.answer.schemaName, !members.contains(where: { $0.name == name }) else {
                continue
            }
            members.append(.init(name, endpoint.operation.answer.schema))
        }
        return members
    }
}
