import HTTP
import Testing

/// Each of these waits for the server to act, never for a time of its own.
@Suite("HTTP: deadlines")
struct DeadlineTests {
    private func serving(_ routes: [Route] = [], _ body: (TestServer) throws -> Void) throws {
        try TestServer.serving(routes: routes, settings: {
            $0.limits.headTime = .seconds(1)
            $0.limits.bodyTime = .seconds(1)
            $0.limits.idleTime = .seconds(1)
            $0.limits.stallTime = .seconds(1)
        }, body)
    }

    private func expectTimeout(_ client: RawClient) throws {
        let answer = try client.answer()
        #expect(answer.status == 408 && answer["connection"] == "close")
        #expect(try client.rest() == [])
    }

    @Test("an unfinished head or body is answered 408; a silent or idle connection just ends")
    func silence() throws {
        try serving { server throws in
            let silent = try server.client()
            let idle = try server.client()
            #expect(try idle.exchange(ConnectionTests.get).status == 200)
            let head = try server.client()
            try head.send("GET /hello HTTP/1.1\r\n")
            let body = try server.client()
            try body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
            let second = try server.client()
            try second.send(ConnectionTests.get + "GET /hel")
            #expect(try second.answer().status == 200)
            #expect(try silent.rest() == [])
            #expect(try idle.rest() == [])
            for client in [head, body, second] { try expectTimeout(client) }
            #expect(server.record.all == ["GET /hello", "GET /hello"])
        }
    }

    /// Sends a piece each time the server has let a little time pass without a word.
    private func drip(_ client: RawClient, _ piece: String) throws {
        for _ in 0..<200 where !client.hasNews(milliseconds: 50) { try client.send(piece) }
        try expectTimeout(client)
    }

    @Test("bytes that drip in do not extend the time of a head")
    func drippingHead() throws {
        try serving { server throws in
            let client = try server.client()
            try client.send("GET /hello HTTP/1.1\r\n")
            try drip(client, "a: b\r\n")
        }
    }

    @Test("bytes that drip in do not extend the time of a body")
    func drippingBody() throws {
        try serving { server throws in
            let client = try server.client()
            try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            try drip(client, "1\r\nx\r\n")
        }
    }

    @Test("empty lines that drip in do not keep a connection open")
    func drippingEmptyLines() throws {
        try serving { server throws in
            let client = try server.client()
            var isOpen = true
            for _ in 0..<200 where isOpen {
                isOpen = !client.hasNews(milliseconds: 50)
                if isOpen { try client.send("\r\n") }
            }
            #expect(!isOpen)
        }
    }

    @Test("a client that does not read its answer is let go")
    func unreadAnswer() throws {
        let gate = HandlerGate()
        let endless = TestServer.get("/endless") { _ in
            Response(contentType: "text/plain") { writer in
                do {
                    while true { try await writer.write([UInt8](repeating: 120, count: 1 << 20)) }
                } catch is BodyWriter.Disconnected {
                    await gate.pass()
                }
            }
        }
        try serving([endless]) { server throws in
            gate.open()
            let client = try server.client()
            try client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(gate.hasArrival())
        }
    }

    @Test("a handler may take longer than any deadline of its client")
    func slowHandler() throws {
        let gate = HandlerGate()
        let slow = TestServer.get("/slow") { _ in await gate.pass(); return TestServer.text("slow") }
        try serving([slow]) { server throws in
            let client = try server.client()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(gate.hasArrival())
            // Accepted later, and yet past its deadline before the handler goes on.
            #expect(try server.client().rest() == [])
            gate.open()
            #expect(try client.answer().text == "slow")
        }
    }
}
