import HTTP
import Testing

@Suite("HTTP: limits")
struct LimitTests {
    private static func head(filler: Int) -> String {
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: filler) + "\r\n\r\n"
    }

    @Test("a head of exactly the limit is served, one byte more is 431 and the end")
    func headSize() throws {
        let rest = Self.head(filler: 0).utf8.count
        try TestServer.serving(settings: { $0.limits.head = 1000 }) { server throws in
            #expect(try server.exchange(Self.head(filler: 1000 - rest)).status == 200)
            let client = try server.client()
            let answer = try client.exchange(Self.head(filler: 1001 - rest))
            #expect(answer.status == 431 && answer["connection"] == "close")
            #expect(try client.rest() == [])
        }
    }

    @Test("as many header fields as the limit are served, one more is 431")
    func headerCount() throws {
        try TestServer.serving(settings: { $0.limits.headers = 10 }) { server throws in
            for (count, status) in [(9, 200), (10, 431)] {
                let fields = String(repeating: "A: b\r\n", count: count)
                #expect(try server.exchange("GET /hello HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").status == status)
            }
        }
    }

    @Test("a body of exactly its route's limit is served, one byte more is 413")
    func bodySize() throws {
        let small = Route(.post, "/small", body: .collect(limit: 3)) { _ in TestServer.text("read") }
        try TestServer.serving(routes: [small]) { server throws in
            for (body, status) in [("abc", 200), ("abcd", 413)] {
                let head = "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
                #expect(try server.exchange(head + body).status == status)
            }
        }
    }

    @Test("a body for no route is held to the general limit")
    func bodySizeOfNoRoute() throws {
        try TestServer.serving(settings: { $0.limits.body = 3 }) { server throws in
            #expect(try server.exchange("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd").status == 413)
        }
    }

    /// The answer of a server that takes no more connections, which comes unasked.
    private func expectFull(_ client: RawClient) throws {
        let answer = try client.answer()
        #expect(answer.status == 503 && answer["retry-after"] != nil && answer["connection"] == "close")
        #expect(try client.rest() == [])
    }

    @Test("one connection too many is told 503 at once, and its place is free again when another ends")
    func connections() throws {
        try TestServer.serving(settings: { $0.limits.connections = 2 }) { server throws in
            let first = try server.client(from: "127.0.0.2")
            let second = try server.client(from: "127.0.0.3")
            #expect(try first.exchange(ConnectionTests.get).status == 200)
            #expect(try second.exchange(ConnectionTests.get).status == 200)
            #expect(server.server.connections == 2)
            try expectFull(server.client(from: "127.0.0.4"))
            #expect(try first.exchange("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").status == 200)
            #expect(try first.rest() == [])
            first.close()
            // The loop sees the end of the first before it accepts, or at the next attempt.
            var status = 503
            for _ in 0..<1000 where status == 503 {
                let next = try server.client(from: "127.0.0.4")
                try next.send(ConnectionTests.get)
                status = (try? next.answer().status) ?? 503
                if status == 503 { next.close() }
            }
            #expect(status == 200)
            #expect(try second.exchange(ConnectionTests.get).status == 200)
        }
    }

    @Test("one address has its own limit, that of another and an exempt proxy are untouched by it")
    func connectionsPerAddress() throws {
        try TestServer.serving(settings: {
            $0.limits.connectionsPerAddress = 2
            $0.isExempt = { $0.description == "127.0.0.9" }
        }) { server throws in
            for _ in 0..<2 {
                #expect(try server.client(from: "127.0.0.2").exchange(ConnectionTests.get).status == 200)
            }
            try expectFull(server.client(from: "127.0.0.2"))
            #expect(try server.client(from: "127.0.0.3").exchange(ConnectionTests.get).status == 200)
            for _ in 0..<5 {
                #expect(try server.client(from: "127.0.0.9").exchange(ConnectionTests.get).status == 200)
            }
        }
    }
}
