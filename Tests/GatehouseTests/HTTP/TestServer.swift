import Ground
import HTTP
import Synchronization

/// A server with a few routes, on a port of its own, and a record of what reached its handlers.
final class TestServer {
    let server: Server
    let record: Record
    private var clients: [RawClient] = []

    /// `METHOD path`, in the order in which the handlers were called.
    final class Record: Middleware {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func respond(to request: Request, next: Handler) async throws -> Response {
            lines.withLock { $0.append("\(request.method) \(request.path)") }
            let response = try await next(request)
            // Whoever reads the answers without knowing the requests must know where no body follows.
            return request.method == .head ? response.header("X-Answers", "HEAD") : response
        }
    }

    private init(settings: Server.Settings, middleware: [any Middleware], routes: [Route]) throws {
        record = Record()
        let router = Router(
            routes: routes + Self.routes, middleware: [record] + middleware, limits: settings.limits,
            answers: Self.answers)
        server = try Server(settings: settings, responder: router)
    }

    /// Serves while `body` runs.
    static func serving(
        middleware: [any Middleware] = [], routes: [Route] = [],
        settings change: (inout Server.Settings) -> Void = { _ in }, _ body: (TestServer) throws -> Void
    ) throws {
        var settings = Server.Settings()
        settings.port = 0
        change(&settings)
        let server = try TestServer(settings: settings, middleware: middleware, routes: routes)
        defer {
            for client in server.clients { client.close() }
            server.server.stop()
        }
        try body(server)
    }

    /// A connection that ends with the server at the latest.
    func client(from source: String = "127.0.0.1") throws -> RawClient {
        let client = try RawClient(port: server.port, from: source)
        clients.append(client)
        return client
    }

    /// The answer to one request on a connection of its own.
    func exchange(_ request: String) throws -> Answer { try client().exchange(request) }

    static let answers = Router.Answers(
        notFound: { _ in Response(.notFound, contentType: "text/plain", body: Array("nothing here".utf8)) },
        methodNotAllowed: { _, methods in
            Response(.methodNotAllowed).header("Allow", methods.map(\.description).joined(separator: ", "))
        },
        failure: { error, _ in Response(.internalError, contentType: "text/plain", body: Array("\(error)".utf8)) },
        refusal: { status, _, _ in Response(status, contentType: "text/plain", body: Array("refused".utf8)) })

    static let routes = [
        get("/hello") { _ in text("hello") },
        get("/numbered/{n:text}") { text($0.parameters[0]) },
        get("/users/{id:uuid}") { text(try $0.uuid().description) },
        get("/large") { _ in Response(contentType: "text/plain", body: [UInt8](repeating: 120, count: 8 << 20)) },
        get("/stream") { _ in
            Response(contentType: "text/plain") { writer in
                for piece in ["one ", "two ", "three"] { try await writer.write(Array(piece.utf8)) }
            }
        },
        Route(.post, "/echo", body: .collect(limit: 64 << 10)) { request in
            guard case .bytes(let body) = request.body else { return Response(.internalError) }
            return Response(contentType: "application/octet-stream", body: body)
        },
        Route(.post, "/count", body: .stream) { request in
            var count = 0
            if case .stream(let stream) = request.body {
                while let bytes = try await stream.next() { count += bytes.count }
            }
            return text("\(count)")
        },
    ]

    static func get(_ pattern: String, _ handler: @escaping Handler) -> Route {
        Route(.get, pattern, body: .collect(limit: 64 << 10), handler: handler)
    }

    static func text(_ text: String) -> Response { Response(contentType: "text/plain", body: Array(text.utf8)) }
}
