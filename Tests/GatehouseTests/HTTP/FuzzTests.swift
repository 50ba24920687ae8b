import Glibc
import Ground
import HTTP
import Testing

@Suite("HTTP put through the mill")
struct FuzzTests {
    private static let rounds = getenv("GATEHOUSE_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 20_000

    private static let corpus = [
        "GET /hello HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
        "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hello?a=b&c=%20 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET http://a/users/01890a5d-ac96-774b-bcce-b302099a8057 HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS /hello HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "DELETE /numbered/%41 HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\nForwarded: for=192.0.2.1\r\n\r\n",
    ].map { Array($0.utf8) }

    /// What parsers stumble over.
    private static let morsels = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", "\r\n\r\n", "\r\n ", "0\r\n\r\n", "ffffffff\r\n", "fffffffffffffffff",
        "Content-Length: 5\r\n", "Content-Length: 99999999999999999999\r\n", "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Host: b\r\n", "Connection: close\r\n",
        "Expect: 100-continue\r\n", "%", "%00", "#", "/..", "\u{ff}", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    ].map { Array($0.utf8) }

    private static func mutate(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let position = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, position + Int.random(in: 0...8, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(position..<end)
            case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
            case 4: bytes.insert(contentsOf: corpus.randomElement(using: &random) ?? [], at: position)
            default: bytes.insert(contentsOf: morsels.randomElement(using: &random) ?? [], at: position)
            }
        }
        return bytes
    }

    /// Sends the input, in two pieces now and then, and reads all answers.
    private static func answers(to input: [UInt8], port: UInt16, _ random: inout SplitMix) throws -> [Answer] {
        let client = try RawClient(port: port)
        defer { client.close() }
        do {
            let cut = Bool.random(using: &random) ? Int.random(in: 0...input.count, using: &random) : 0
            try client.send(input[..<cut])
            try client.send(input[cut...])
        } catch RawClient.Failure.reset {}
        client.finishSending()
        var answers: [Answer] = []
        while true {
            do { answers.append(try client.answerUnlessClosed()) } catch RawClient.Failure.closed { return answers }
        }
    }

    @Test("whatever is sent, each answer is well-formed, and the next good request is served")
    func mutatedRequests() throws {
        try TestServer.serving { server throws in
            let port = server.server.port
            var random = SplitMix(seed: 63)
            var good = 0
            var refused = 0
            for round in 0..<Self.rounds {
                var input = Self.corpus[round % Self.corpus.count]
                if Bool.random(using: &random) { input += Self.corpus.randomElement(using: &random) ?? [] }
                let altered = Self.mutate(input, &random)
                do {
                    let answers = try Self.answers(to: altered, port: port, &random)
                    good += answers.count { $0.status < 400 }
                    refused += answers.count { $0.status >= 400 }
                } catch {
                    Issue.record("\(error) after \(String(decoding: altered, as: UTF8.self).debugDescription)")
                    return
                }
            }
            #expect(good > Self.rounds / 10 && refused > Self.rounds / 10)
            #expect(try server.exchange(ConnectionTests.get).text == "hello")
        }
    }
}
