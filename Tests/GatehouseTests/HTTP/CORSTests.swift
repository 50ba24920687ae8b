import Ground
import HTTP
import Testing

@Suite("HTTP: scripts of other origins")
struct CORSTests {
    private static let cors = CORS(origins: ["https://app.example.com", "http://localhost:3000"])

    private func answer(
        _ fields: [(String, String)], _ method: Method = .get, cors: CORS = cors
    ) async throws -> Response {
        let peer = try #require(IPAddress("192.0.2.1"))
        let request = Request(method: method, path: "/", headers: Headers(fields), peer: peer, id: "1")
        return try await cors.respond(to: request) { _ in TestServer.text("handler") }
    }

    private func text(_ response: Response) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a listed origin may read the answer, with cookies, and caches keep it apart")
    func listed() async throws {
        let response = try await answer([("Origin", "https://app.example.com")])
        #expect(text(response) == "handler")
        #expect(response["Access-Control-Allow-Origin"] == "https://app.example.com")
        #expect(response["Access-Control-Allow-Credentials"] == "true")
        #expect(response["Vary"] == "Origin")
    }

    @Test("an origin that only looks like a listed one gets nothing", arguments: [
        "https://app.example.com.evil.example", "https://evil-app.example.com", "https://app.example.com:444",
        "http://app.example.com", "https://APP.example.com", "https://app.example.com/", "null", "*", "",
        "https://evil.example, https://app.example.com", "http://localhost",
    ])
    func unlisted(origin: String) async throws {
        for method in [Method.get, .options] {
            let response = try await answer(
                [("Origin", origin), ("Access-Control-Request-Method", "POST")], method)
            #expect(!response.headers.contains { $0.name.hasPrefix("Access-Control-") })
            #expect(response["Vary"] == "Origin" && text(response) == "handler")
        }
    }

    @Test("a preflight of a listed origin is answered before any handler")
    func preflight() async throws {
        let response = try await answer(
            [("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", "PUT")], .options)
        #expect(response.status == .noContent && text(response) == "")
        #expect(response["Access-Control-Allow-Origin"] == "http://localhost:3000")
        #expect(response["Access-Control-Allow-Methods"]?.contains("PUT") == true)
        #expect(response["Access-Control-Allow-Headers"]?.contains("Authorization") == true)
        #expect(response["Vary"] == "Origin")
    }

    @Test("OPTIONS without a preflight's question goes to the routes")
    func plainOptions() async throws {
        let response = try await answer([("Origin", "http://localhost:3000")], .options)
        #expect(text(response) == "handler")
    }

    @Test("with no origin listed, nothing is said to anyone")
    func none() async throws {
        let response = try await answer([("Origin", "https://app.example.com")], cors: CORS(origins: []))
        #expect(response.headers.isEmpty)
    }

    @Test("an answer to nobody in particular is kept apart too, where origins differ")
    func varyWithoutOrigin() async throws {
        let response = try await answer([])
        #expect(response["Vary"] == "Origin" && response["Access-Control-Allow-Origin"] == nil)
    }
}
