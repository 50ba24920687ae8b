import Ground
import HTTP
import Testing

/// Faults that real servers had at their front door; the numbers are those of the catalogue.
@Suite("Known faults: HTTP")
struct HTTPCases {
    // MARK: 38

    private func client(_ trust: ProxyTrust, peer: String, _ fields: [(String, String)]) throws -> String {
        let request = Request(
            method: .get, path: "/", headers: Headers(fields), peer: try #require(IPAddress(peer)), id: "1")
        return try trust.origin(of: request).client.description
    }

    @Test("38: nobody but a trusted proxy names the client, not even from loopback")
    func case38ForwardedHeadersUntrustedPeer() throws {
        let trust = ProxyTrust(try [#require(AddressBlock("10.0.0.0/8"))])
        let fields = [
            ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1;proto=https"), ("X-Real-IP", "192.0.2.1"),
        ]
        for peer in ["198.51.100.7", "127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let expected = try #require(IPAddress(peer)).description
            #expect(try client(trust, peer: peer, fields) == expected)
            #expect(try client(ProxyTrust([]), peer: peer, fields) == expected)
        }
    }

    @Test("38: what the client wrote left of the proxy's own entry counts for nothing")
    func case38ForwardedHeadersLeftmost() throws {
        let trust = ProxyTrust(try [#require(AddressBlock("10.0.0.0/8"))])
        for spoofed in ["127.0.0.1", "10.0.0.9", "not an address", ""] {
            let value = "\(spoofed), 203.0.113.5, 10.1.1.1"
            #expect(try client(trust, peer: "10.0.0.1", [("X-Forwarded-For", value)]) == "203.0.113.5")
        }
    }

    @Test("38: a value that cannot be read is refused, and never falls back to the proxy's own address")
    func case38ForwardedHeadersUnparsable() throws {
        let trust = ProxyTrust(try [#require(AddressBlock("10.0.0.0/8"))])
        let values = ["", " ", "unknown", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4,", "::1%eth0", "[::1"]
        for value in values {
            #expect(throws: ProxyTrust.Unreadable.self, "\(value)") {
                try client(trust, peer: "10.0.0.1", [("X-Forwarded-For", value)])
            }
        }
    }

    // MARK: 59

    @Test("59: a head that never ends is refused at its limit, and what it carries is not kept")
    func case59UnboundedInput() throws {
        try TestServer.serving { server throws in
            for endless in ["GET /" + String(repeating: "a", count: 20_000),
                "GET /hello HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 20_000),
                "GET /hello HTTP/1.1\r\nHost: a\r\n" + String(repeating: "a: b\r\n", count: 4_000)] {
                let client = try server.client()
                let answer = try client.exchange(endless)
                #expect(answer.status == 431 && answer["connection"] == "close")
                #expect(try client.rest() == [])
            }
            #expect(server.record.all == [])
        }
    }

    @Test("59: trailers, chunk extensions and form fields have their bounds")
    func case59UnboundedParts() throws {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        try TestServer.serving { server throws in
            for body in ["1;" + String(repeating: "x", count: 300) + "\r\na\r\n0\r\n\r\n",
                "0\r\nX: " + String(repeating: "x", count: 5000) + "\r\n\r\n",
                "0\r\n" + String(repeating: "X: 0123456789\r\n", count: 1000) + "\r\n"] {
                #expect(try server.exchange(head + body).status == 400)
            }
            #expect(server.record.all == [])
        }
        #expect(Form(String(repeating: "a=b&", count: 101)) == nil)
    }

    @Test("59: nesting and number of values in JSON are bounded, whatever the size of the text")
    func case59UnboundedJSON() {
        for open in ["[", "{\"a\":"] {
            let text = Array(String(repeating: open, count: 100_000).utf8)
            #expect(throws: JSONError.self) { try JSON.parse(text) }
        }
        let wide = "[" + String(repeating: "0,", count: 10_000) + "0]"
        #expect(throws: JSONError.self) { try JSON.parse(Array(wide.utf8)) }
    }

    // MARK: 63

    /// What would be a second request to a reader that frames the first one otherwise.
    private static let hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Heads of a POST without their empty line: two readers could find two different ends of its body.
    private static let framings = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 0\r\nContent-Length: 44", "Content-Length: 5, 5",
        "Content-Length: 5,6", "Content-Length: +5", "Content-Length: -5", "Content-Length: -0", "Content-Length: 0x5",
        "Content-Length: 5 5", "Content-Length: 5;", "Content-Length: 5.0", "Content-Length: \"5\"", "Content-Length:",
        "Content-Length: 18446744073709551621", "Content-Length: 9223372036854775808", "Content-Length: \u{665}",
        "Content-Length: 5\u{b}", "Content-Length : 5", "Content-Length\t: 5", " Content-Length: 5",
        "Content-Length:\r\n 5", "Content-Length: 1\r\n 5", "Content-Length: 5\r\n\tx", "Content-Length: 5\n",
        "X: y\nContent-Length: 5", "X: y\rContent-Length: 5", "X: y\r\r\nContent-Length: 5",
        "X: \0\r\nContent-Length: 5",
        "X\0: y\r\nContent-Length: 5", ": y\r\nContent-Length: 5", "X\r\nContent-Length: 5", "X y: z", "X(: z",
        "X\u{e9}: z", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\u{c}", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding:",
        "Transfer-Encoding: ,",
        "Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: \0chunked",
        "Transfer-Encoding: chunked\r\nHost: b", "Host: a", "Host: b",
    ]

    private static let chunks = [
        "ffffffffffffffff\r\n", "10000000000000005\r\n", "100000000\r\n", "-1\r\n", "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
        "5\t\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", ";x\r\n\r\n", "g\r\n", "5_0\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n", "5;\n\r\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nnonsense\r\n\r\n", "5\r\nhello\r\n0\r\nX: \0\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\nb\r\n\r\n",
    ]

    private static let heads = [
        "GET /hello HTTP/1.1\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a@b\r\n\r\n", "GET /hello HTTP/1.1\r\nHost: a,b\r\n\r\n",
        "GET http://b/hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a@b/hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a:80/hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET http:///hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hel\0lo HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hel\u{7f}lo HTTP/1.1\r\nHost: a\r\n\r\n", "GET /h\u{e9}llo HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hello\tHTTP/1.1\r\nHost: a\r\n\r\n", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hello  HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.1 \r\nHost: a\r\n\r\n",
        " GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hello x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hello\r\nHost: a\r\n\r\n", "GET /hello\r\n\r\n", "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", "GET /hello HTTP/1.10\r\nHost: a\r\n\r\n",
        "GET /hello HTTP/1\r\nHost: a\r\n\r\n", "GET /hello HTTP/11\r\nHost: a\r\n\r\n",
        "GET /hello http/1.1\r\nHost: a\r\n\r\n", "GET /hello Http/1.1\r\nHost: a\r\n\r\n",
        "GET /hello HTTP/1.1\nHost: a\n\n", "GET /hello HTTP/1.1\r\nHost: a\n\r\n",
        "\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "\rGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "G ET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "G\0T /hello HTTP/1.1\r\nHost: a\r\n\r\n", "G:T /hello HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]

    /// The attack comes alone, and behind a good request in the same write.
    private func expectRefusal(of attack: String) throws {
        for prefix in ["", ConnectionTests.get] {
            try TestServer.serving { server throws in
                let client = try server.client()
                try client.send(prefix + attack + Self.hidden)
                if !prefix.isEmpty { #expect(try client.answer().status == 200) }
                let refusal = try client.answer()
                let isRefusal = (400...505).contains(refusal.status) && refusal["connection"] == "close"
                #expect(isRefusal, "\(attack.debugDescription): \(refusal.status)")
                #expect(try client.rest() == [], "\(attack.debugDescription)")
                #expect(server.record.all == (prefix.isEmpty ? [] : ["GET /hello"]), "\(attack.debugDescription)")
            }
        }
    }

    @Test("63: a head whose body could end in two places is refused, and the connection with it")
    func case63RequestSmugglingFraming() throws {
        for framing in Self.framings {
            try expectRefusal(of: "POST /echo HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n0\r\n\r\n")
        }
    }

    @Test("63: a chunk that is not exactly one is refused, and the connection with it")
    func case63RequestSmugglingChunks() throws {
        for chunk in Self.chunks {
            try expectRefusal(of: "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        }
    }

    @Test("63: a request line, target or Host that two readers could take for two is refused")
    func case63RequestSmugglingHead() throws {
        for head in Self.heads { try expectRefusal(of: head) }
    }

    @Test("63: what looks odd but means one thing only is read as just that")
    func case63RequestSmugglingSoundForms() throws {
        try TestServer.serving { server throws in
            for head in ["Transfer-Encoding: \t chunked \t", "transfer-encoding:CHUNKED"] {
                let client = try server.client()
                let request = "POST /echo HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                try client.send(request + ConnectionTests.get)
                #expect(try client.answer().text == "hello")
                #expect(try client.answer().text == "hello")
            }
            #expect(try server.exchange("GET HTTP://A:1/hello HTTP/1.1\r\nHost: a:1\r\n\r\n").text == "hello")
            let zeros = try server.exchange("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello")
            #expect(zeros.text == "hello")
        }
    }

    @Test("63: the body of a request for no route is read to its end, and is no request")
    func case63RequestSmugglingUnknownRoute() throws {
        try TestServer.serving { server throws in
            let client = try server.client()
            for method in ["GET", "POST", "DELETE", "OPTIONS", "BREW"] {
                let length = Self.hidden.utf8.count
                let answer = try client.exchange(
                    "\(method) /none HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n" + Self.hidden)
                #expect(answer.status == 404)
            }
            #expect(try client.exchange(ConnectionTests.get).text == "hello")
            #expect(!server.record.all.contains("GET /smuggled"))
        }
    }
}
