import HTTP
import Testing

@Suite("HTTP: bodies")
struct BodyTests {
    private static let chunkedHead = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let continuing = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"

    @Test("who waits for 100 Continue gets it, and then the answer")
    func continues() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            #expect(try client.exchange(Self.continuing + "Content-Length: 2\r\n\r\n").status == 100)
            #expect(try client.exchange("hi").text == "hi")
            #expect(try client.exchange(Self.continuing + "Transfer-Encoding: chunked\r\n\r\n").status == 100)
            #expect(try client.exchange("2\r\nhi\r\n0\r\n\r\n").text == "hi")
        }
    }

    @Test("a body that is refused, has begun or comes from HTTP/1.0 is not asked for")
    func continuesNot() throws {
        try TestServer.serving { server throws in
            let large = try server.exchange(Self.continuing + "Content-Length: 70000\r\n\r\n")
            #expect(large.status == 413)
            let begun = try server.exchange(Self.continuing + "Content-Length: 2\r\n\r\nhi")
            #expect(begun.status == 200 && begun.text == "hi")
            let client = try server.client()
            try client.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(!client.hasNews(milliseconds: 50))
            #expect(try client.exchange("hi").text == "hi")
            let other = try server.exchange(
                "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n")
            #expect(other.status == 417)
        }
    }

    @Test("chunks with extensions and trailers are put together, wherever they are split")
    func chunked() throws {
        let chunks = Array("5;name=\"v;w\"\r\nhello\r\n00A \r\n0123456789\r\n".utf8)
        let good = Array("5;name=\"v w\"\r\nhello\r\n0000a\r\n0123456789\r\n0;x\r\nSum: 1\r\nB:\r\n\r\n".utf8)
        let next = Array(ConnectionTests.get.utf8)
        try TestServer.serving { server throws in
            for cut in 1..<good.count {
                let client = try server.client()
                try client.send(Array(Self.chunkedHead.utf8) + good[..<cut])
                try client.send(good[cut...] + next)
                #expect(try client.answer().text == "hello0123456789")
                // A trailer ends with its request and is no header of the one behind it.
                #expect(try client.answer().text == "hello")
                client.close()
            }
            // A space behind the size is refused: readers differ on it.
            #expect(try server.exchange(Self.chunkedHead + String(decoding: chunks, as: UTF8.self)).status == 400)
        }
    }

    @Test("a chunked body counts by its content against the limit")
    func chunkedLimit() throws {
        let chunk = "8000\r\n" + String(repeating: "x", count: 0x8000) + "\r\n"
        try TestServer.serving { server throws in
            let fits = try server.exchange(Self.chunkedHead + chunk + chunk + "0\r\n\r\n")
            #expect(fits.status == 200 && fits.body.count == 65_536)
            let client = try server.client()
            let answer = try client.exchange(Self.chunkedHead + chunk + chunk + "1\r\nx\r\n0\r\n\r\n")
            #expect(answer.status == 413 && answer["connection"] == "close")
            #expect(try client.rest() == [])
        }
    }

    @Test("the answer to a body too large can be read by who sends all of it first")
    func bodyTooLarge() throws {
        let size = 4 << 20
        try TestServer.serving { server throws in
            let client = try server.client()
            try client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            try client.send([UInt8](repeating: 120, count: size))
            let answer = try client.answer()
            #expect(answer.status == 413 && answer["connection"] == "close" && answer.text == "refused")
            #expect(try client.rest() == [])
            #expect(server.record.all == [])
        }
    }

    @Test("a streamed answer arrives whole, and the connection goes on")
    func streamedAnswer() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            for _ in 0..<2 {
                let answer = try client.exchange("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer["transfer-encoding"] == "chunked" && answer.text == "one two three")
            }
        }
    }

    @Test("to HTTP/1.0, which knows no chunks, a streamed answer ends with the connection")
    func streamedAnswerToVersion10() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            try client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = String(decoding: try client.rest(), as: UTF8.self)
            #expect(answer.hasSuffix("\r\n\r\none two three") && !answer.lowercased().contains("chunked"))
        }
    }

    @Test("a piece of a streamed answer leaves before the next is written")
    func streamedPieceByPiece() throws {
        let gate = HandlerGate()
        let route = TestServer.get("/slow") { _ in
            Response(contentType: "text/plain") { writer in
                try await writer.write(Array("first".utf8))
                await gate.pass()
                try await writer.write(Array("second".utf8))
            }
        }
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            var arrived = ""
            while !arrived.hasSuffix("5\r\nfirst\r\n") { arrived += String(decoding: try client.some(), as: UTF8.self) }
            #expect(gate.hasArrival())
            gate.open()
            #expect(String(decoding: try client.some(), as: UTF8.self).hasPrefix("6\r\nsecond\r\n"))
        }
    }

    @Test("a streamed answer that fails is cut off without the end that would make it look whole")
    func streamedFailure() throws {
        struct Broken: Error {}
        let route = TestServer.get("/broken") { _ in
            Response(contentType: "text/plain") { writer in
                try await writer.write(Array("half".utf8))
                throw Broken()
            }
        }
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            try client.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(String(decoding: try client.rest(), as: UTF8.self).hasSuffix("\r\n\r\n4\r\nhalf\r\n"))
        }
    }

    @Test("a reader that does not read makes the sender wait, and loses nothing")
    func backPressure() throws {
        let gate = HandlerGate()
        let route = Route(.post, "/slow", body: .stream) { request in
            await gate.pass()
            var count = 0
            if case .stream(let stream) = request.body {
                while let bytes = try await stream.next() {
                    // What the server keeps for a reader is bounded: its mark, and one more read.
                    #expect(bytes.count <= 128 << 10)
                    count += bytes.count
                }
            }
            return TestServer.text("\(count)")
        }
        let size = 64 << 20
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            try client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            #expect(gate.hasArrival())
            let body = [UInt8](repeating: 120, count: size)
            let sent = client.sendUntilStuck(body)
            #expect(sent < size / 2)
            gate.open()
            try client.send(body[sent...])
            #expect(try client.answer().text == "\(size)")
            #expect(try client.exchange(ConnectionTests.get).text == "hello")
        }
    }

    @Test("a handler that answers before the end of a streamed body ends the connection")
    func unreadStream() throws {
        let route = Route(.post, "/enough", body: .stream) { _ in TestServer.text("enough") }
        try TestServer.serving(routes: [route]) { server throws in
            let client = try server.client()
            let answer = try client.exchange(
                "POST /enough HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + ConnectionTests.get)
            #expect(answer.text == "enough" && answer["connection"] == "close")
            #expect(try client.rest() == [])
            #expect(server.record.all == ["POST /enough"])
        }
    }

    @Test("a streamed body with a broken chunk is answered 400, whatever its handler makes of it")
    func brokenStream() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            let head = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            let answer = try client.exchange(head + "5\r\nhelloX\r\n0\r\n\r\n" + ConnectionTests.get)
            #expect(answer.status == 400 && answer["connection"] == "close")
            #expect(try client.rest() == [])
            #expect(server.record.all == ["POST /count"])
        }
    }

    @Test("a client that leaves in the middle of a streamed body is told to its reader as an interruption")
    func interruptedStream() throws {
        let gate = HandlerGate()
        let route = Route(.post, "/upload", body: .stream) { request in
            guard case .stream(let stream) = request.body else { return Response(.internalError) }
            do {
                while try await stream.next() != nil {}
            } catch is BodyStream.Interrupted {
                await gate.pass()
            }
            return Response(.noContent)
        }
        try TestServer.serving(routes: [route]) { server throws in
            gate.open()
            let client = try server.client()
            try client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
            client.close()
            #expect(gate.hasArrival())
        }
    }
}
