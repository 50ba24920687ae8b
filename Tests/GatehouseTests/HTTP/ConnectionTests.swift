import HTTP
import Testing

@Suite("HTTP: one connection, many requests")
struct ConnectionTests {
    static let get = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("a connection serves one request after the other, until it is told to close")
    func keepAlive() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            for _ in 0..<3 {
                let answer = try client.exchange(Self.get)
                #expect(answer.status == 200 && answer.text == "hello" && answer["connection"] == nil)
            }
            let last = try client.exchange("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")
            #expect(last.text == "hello" && last["connection"] == "close")
            #expect(try client.rest() == [])
        }
    }

    @Test("HTTP/1.0 ends with its answer")
    func version10() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            let answer = try client.exchange("GET /hello HTTP/1.0\r\n\r\n")
            #expect(answer.text == "hello" && answer["connection"] == "close")
            #expect(try client.rest() == [])
        }
    }

    @Test("a thousand requests in one write are answered in their order")
    func pipelining() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            try client.send((0..<1000).map { "GET /numbered/\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for number in 0..<1000 { #expect(try client.answer().text == "\(number)") }
        }
    }

    @Test("answers keep the order of the requests when the first takes longer than those behind it")
    func orderOfSlowAnswers() throws {
        let gate = HandlerGate()
        let slow = TestServer.get("/slow") { _ in await gate.pass(); return TestServer.text("slow") }
        try TestServer.serving(routes: [slow]) { server throws in
            let client = try server.client()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
            #expect(gate.hasArrival())
            #expect(server.record.all == ["GET /slow"])
            gate.open()
            #expect(try client.answer().text == "slow")
            #expect(try client.answer().text == "hello")
        }
    }

    @Test("wherever the bytes are split, the same two requests arrive")
    func splitEverywhere() throws {
        let requests = Array(("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody" + Self.get).utf8)
        try TestServer.serving { server throws in
            for cut in 1..<requests.count {
                let client = try server.client()
                try client.send(requests[..<cut])
                try client.send(requests[cut...])
                #expect(try client.answer().text == "body")
                #expect(try client.answer().text == "hello")
                client.close()
            }
            let client = try server.client()
            for byte in requests { try client.send([byte]) }
            #expect(try client.answer().text == "body")
            #expect(try client.answer().text == "hello")
        }
    }

    @Test("HEAD has the headers of GET and no body, on a connection that goes on")
    func head() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            for (path, length) in [("/hello", "5"), ("/stream", nil)] {
                let answer = try client.exchange("HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 200 && answer["content-length"] == length)
            }
            #expect(try client.exchange(Self.get).text == "hello")
        }
    }

    @Test("a refusal behind a HEAD request has the body it announces")
    func refusalAfterHead() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            try client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n")
            #expect(try client.answer(toHead: true).status == 200)
            let refusal = try client.answer()
            #expect(refusal.status == 400 && refusal.text == "refused")
        }
    }

    @Test("empty lines before a request are passed over")
    func emptyLines() throws {
        try TestServer.serving { server throws in
            #expect(try server.exchange("\r\n\r\n" + Self.get).text == "hello")
        }
    }

    @Test("who has finished sending still gets every answer, the large one too")
    func halfClosed() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            try client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
            client.finishSending()
            #expect(try client.answer().body.count == 8 << 20)
            #expect(try client.answer().text == "hello")
            #expect(try client.rest() == [])
        }
    }

    @Test("who has finished sending gets the answer of a handler that waits")
    func halfClosedWhileWaiting() throws {
        let gate = HandlerGate()
        let slow = TestServer.get("/slow") { _ in await gate.pass(); return TestServer.text("slow") }
        try TestServer.serving(routes: [slow]) { server throws in
            let client = try server.client()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            client.finishSending()
            #expect(gate.hasArrival())
            gate.open()
            #expect(try client.answer().text == "slow")
            #expect(try client.rest() == [])
        }
    }

    @Test("a client that went away while its handler waited harms nobody")
    func clientGone() throws {
        let gate = HandlerGate()
        let slow = TestServer.get("/slow") { _ in await gate.pass(); return TestServer.text("slow") }
        try TestServer.serving(routes: [slow]) { server throws in
            let client = try server.client()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(gate.hasArrival())
            client.close()
            gate.open()
            #expect(try server.exchange(Self.get).text == "hello")
        }
    }

    @Test("a client that never stops sending does not keep the others waiting")
    func fairness() throws {
        try TestServer.serving { server throws in
            let greedy = GreedyClient(port: server.server.port, request: Self.get)
            defer { greedy.stop() }
            #expect(greedy.isUnderWay())
            for _ in 0..<3 { #expect(try server.exchange(Self.get).text == "hello") }
        }
    }
}
