import Ground
import HTTP
import Testing

@Suite("HTTP: stopping")
struct StopTests {
    private func started(_ gate: HandlerGate, drainTime: Duration = .seconds(10)) throws -> Server {
        var settings = Server.Settings()
        settings.port = 0
        settings.threads = 2
        settings.limits.drainTime = drainTime
        let slow = TestServer.get("/slow") { _ in await gate.pass(); return TestServer.text("slow") }
        return try Server(
            settings: settings,
            responder: Router(
                routes: [slow] + TestServer.routes, middleware: [], limits: settings.limits,
                answers: TestServer.answers))
    }

    @Test("a stop finishes what is under way, ends what is idle, and refuses what is new")
    func graceful() throws {
        let gate = HandlerGate()
        let server = try started(gate)
        let idle = try RawClient(port: server.port)
        #expect(try idle.exchange(ConnectionTests.get).text == "hello")
        let busy = try RawClient(port: server.port)
        try busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + ConnectionTests.get)
        #expect(gate.hasArrival())
        let stopping = Thread(name: "stopping") { server.stop() }
        #expect(try idle.rest() == [])
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
        gate.open()
        let answer = try busy.answer()
        #expect(answer.text == "slow" && answer["connection"] == "close")
        #expect(try busy.rest() == [])
        busy.close()
        stopping.join()
        #expect(server.connections == 0)
    }

    @Test("a request whose body is still coming when the stop begins is answered")
    func halfSentBody() throws {
        let server = try started(HandlerGate())
        let idle = try RawClient(port: server.port)
        #expect(try idle.exchange(ConnectionTests.get).text == "hello")
        let busy = try RawClient(port: server.port)
        #expect(try busy.exchange(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").status == 100)
        let stopping = Thread(name: "stopping") { server.stop() }
        #expect(try idle.rest() == [])
        let answer = try busy.exchange("body")
        #expect(answer.text == "body" && answer["connection"] == "close")
        busy.close()
        stopping.join()
    }

    @Test("a stop does not wait for ever for a handler that hangs")
    func hangingHandler() throws {
        let gate = HandlerGate()
        let server = try started(gate, drainTime: .seconds(1))
        let client = try RawClient(port: server.port)
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(gate.hasArrival())
        server.stop()
        #expect(try client.rest() == [])
        #expect(server.connections == 0)
    }

    @Test("a port that is taken, and an address that is none, are refused with the reason")
    func startErrors() throws {
        let server = try started(HandlerGate())
        defer { server.stop() }
        let router = Router(routes: [], middleware: [], limits: Limits(), answers: TestServer.answers)
        var settings = Server.Settings()
        settings.port = server.port
        let taken = #expect(throws: Server.StartError.self) { try Server(settings: settings, responder: router) }
        #expect(taken?.reason.contains("another program listens there") == true)
        settings.host = "localhost"
        #expect(throws: Server.StartError.self) { try Server(settings: settings, responder: router) }
    }
}
