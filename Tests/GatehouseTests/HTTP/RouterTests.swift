import Ground
import HTTP
import Synchronization
import Testing

@Suite("HTTP: routes and middleware")
struct RouterTests {
    private func status(_ server: TestServer, _ line: String) throws -> Int {
        try server.exchange("\(line) HTTP/1.1\r\nHost: a\r\n\r\n").status
    }

    @Test("an unknown path is 404, and a path is compared as it stands")
    func notFound() throws {
        try TestServer.serving { server throws in
            #expect(try status(server, "GET /hello?x=/none") == 200)
            let others = ["/", "/none", "/hello/", "//hello", "/Hello", "/%68ello", "/x/../hello", "/hello;x"]
            for path in others {
                #expect(try status(server, "GET \(path)") == 404, "\(path)")
            }
        }
    }

    @Test("a known path with another method is 405, and Allow lists what it knows")
    func methodNotAllowed() throws {
        try TestServer.serving { server throws in
            let cases = [
                ("DELETE /hello", "GET, HEAD, OPTIONS"), ("GET /echo", "POST, OPTIONS"),
                ("HEAD /echo", "POST, OPTIONS"), ("get /hello", "GET, HEAD, OPTIONS"),
                ("POST /numbered/1", "GET, HEAD, OPTIONS"),
            ]
            for (line, allowed) in cases {
                let answer = try server.exchange("\(line) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 405 && answer["allow"] == allowed, "\(line)")
            }
        }
    }

    @Test("OPTIONS learns the methods of a path, and of a path that is none nothing")
    func options() throws {
        try TestServer.serving { server throws in
            let answer = try server.exchange("OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer["allow"] == "GET, HEAD, OPTIONS")
            #expect(try status(server, "OPTIONS /none") == 404)
            #expect(try status(server, "OPTIONS *") == 404)
        }
    }

    @Test("a placeholder for a UUID takes only that, in any case of its digits")
    func uuidParameter() throws {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057"
        try TestServer.serving { server throws in
            for spelling in [id, id.uppercased()] {
                #expect(try server.exchange("GET /users/\(spelling) HTTP/1.1\r\nHost: a\r\n\r\n").text == id)
            }
            for other in ["1", "\(id)0", "\(id.dropLast())", "\(id.dropLast())g", "{\(id)}", "%30\(id.dropFirst())"] {
                #expect(try status(server, "GET /users/\(other)") == 404, "\(other)")
            }
        }
    }

    @Test("a placeholder for text is percent-decoded once; what is no text does not match")
    func textParameter() throws {
        try TestServer.serving { server throws in
            let texts = ["a%20b": "a b", "a+b": "a+b", "%2e%2E%2Fx": "../x", "%2541": "%41", "%C3%A9": "é"]
            for (raw, text) in texts {
                #expect(try server.exchange("GET /numbered/\(raw) HTTP/1.1\r\nHost: a\r\n\r\n").text == text)
            }
            for raw in ["%00", "a%00b", "%", "%4", "%zz", "%ff", "%C3", "%ED%A0%80", "a/b"] {
                #expect(try status(server, "GET /numbered/\(raw)") == 404, "\(raw)")
            }
        }
    }

    @Test("the first route of the table that matches is the one that answers")
    func precedence() throws {
        let routes = [
            TestServer.get("/things/{id:uuid}") { _ in TestServer.text("uuid") },
            TestServer.get("/things/{name:text}") { _ in TestServer.text("text") },
            TestServer.get("/things/own") { _ in TestServer.text("own") },
        ]
        try TestServer.serving(routes: routes) { server throws in
            let paths = ["01890a5d-ac96-774b-bcce-b302099a8057": "uuid", "x": "text", "own": "own"]
            for (path, text) in paths {
                #expect(try server.exchange("GET /things/\(path) HTTP/1.1\r\nHost: a\r\n\r\n").text == text)
            }
        }
    }

    private struct Mark: Middleware {
        let name: String
        func respond(to request: Request, next: Handler) async throws -> Response {
            var request = request
            request.id += name
            return try await next(request).header("X-Seen", name)
        }
    }

    @Test("middleware stands in its order: the first sees the request first and the answer last")
    func middlewareOrder() throws {
        let ids = Mutex<[String]>([])
        let route = TestServer.get("/id") { request in
            ids.withLock { $0.append(String(request.id.suffix(3))) }
            return TestServer.text("id")
        }
        try TestServer.serving(middleware: [Mark(name: "1"), Mark(name: "2"), Mark(name: "3")], routes: [route]) {
            server throws in
            for path in ["/id", "/none"] {
                let answer = try server.exchange("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.values("x-seen") == ["3", "2", "1"])
            }
        }
        #expect(ids.withLock { $0 } == ["123"])
    }

    @Test("middleware that answers keeps the request from its handler")
    func middlewareThatAnswers() throws {
        struct Closed: Middleware {
            func respond(to request: Request, next: Handler) async throws -> Response { Response(.forbidden) }
        }
        let reached = Atomic<Bool>(false)
        let route = TestServer.get("/secret") { _ in
            reached.store(true, ordering: .relaxed)
            return TestServer.text("secret")
        }
        try TestServer.serving(middleware: [Closed()], routes: [route]) { server throws in
            #expect(try status(server, "GET /secret") == 403)
        }
        #expect(reached.load(ordering: .relaxed) == false)
    }

    @Test("a handler that throws is answered by the application, and the connection goes on")
    func failure() throws {
        struct Mishap: Error {}
        let route = TestServer.get("/mishap") { _ in throw Mishap() }
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            #expect(try client.exchange("GET /mishap HTTP/1.1\r\nHost: a\r\n\r\n").status == 500)
            #expect(try client.exchange(ConnectionTests.get).text == "hello")
        }
    }

    @Test("no two requests have the same name")
    func requestNames() throws {
        let names = Mutex<Set<String>>([])
        let route = TestServer.get("/name") { request in
            _ = names.withLock { $0.insert(request.id) }
            return TestServer.text("")
        }
        try TestServer.serving(routes: [route], settings: { $0.threads = 2 }) { server throws in
            for _ in 0..<10 {
                let client = try server.client()
                for _ in 0..<10 { _ = try client.exchange("GET /name HTTP/1.1\r\nHost: a\r\n\r\n") }
            }
        }
        #expect(names.withLock { $0 }.count == 100)
    }
}
