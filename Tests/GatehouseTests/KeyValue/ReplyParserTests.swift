import KeyValue
import Testing

@Suite("Reading what Redis answers") struct ReplyParserTests {
    static let good: [(String, Reply)] = [
        ("+OK\r\n", .bytes(Array("OK".utf8))),
        ("-ERR no\r\n", .failure("ERR no")),
        (":-42\r\n", .integer(-42)),
        (":9223372036854775807\r\n", .integer(.max)),
        (":-9223372036854775808\r\n", .integer(.min)),
        ("$5\r\na\r\nbc\r\n", .bytes(Array("a\r\nbc".utf8))),
        ("$0\r\n\r\n", .bytes([])),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n", .array([.integer(1), .array([.bytes([97]), .null])])),
        ("_\r\n", .null),
        ("#t\r\n", .integer(1)),
        ("#f\r\n", .integer(0)),
        (",3.25\r\n", .bytes(Array("3.25".utf8))),
        (
            "(3492890328409238509324850943850943825024385\r\n",
            .bytes(Array("3492890328409238509324850943850943825024385".utf8))
        ),
        ("!6\r\nERR no\r\n", .failure("ERR no")),
        ("=6\r\ntxt:ab\r\n", .bytes([97, 98])),
        ("~1\r\n:1\r\n", .array([.integer(1)])),
        ("%1\r\n+a\r\n:1\r\n", .array([.bytes([97]), .integer(1)])),
        ("|1\r\n+a\r\n:1\r\n:2\r\n", .integer(2)),
        ("*2\r\n|1\r\n+a\r\n*1\r\n:9\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
        (
            ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n",
            .push([.bytes(Array("message".utf8)), .bytes([99]), .bytes([109])])
        ),
    ]

    static let bad = [
        "hello\r\n", "\r\n", "+OK\rx", ":\r\n", ":-\r\n", ":1a\r\n", ":9223372036854775808\r\n", ":+1\r\n", "$-2\r\n",
        "$3\r\nabcd\r\n", "$67108865\r\n", "$99999999999999999999\r\n", "*-2\r\n", "*262145\r\n", "#x\r\n", "_x\r\n",
        "=3\r\ntxt\r\n", "=5\r\ntxtab\r\n", ">0\r\n", "*1\r\n>1\r\n:1\r\n", "$?\r\n", "*?\r\n",
        String(repeating: "*1\r\n", count: 9), "+" + String(repeating: "a", count: 20_000),
    ]

    /// Every reply that a parser reads from the pieces; nil in the end where it refuses.
    static func read(_ pieces: [ArraySlice<UInt8>]) -> [Reply?] {
        var parser = ReplyParser()
        var replies: [Reply?] = []
        for piece in pieces {
            piece.withUnsafeBytes { parser.append($0) }
            do throws(ReplyParser.Malformed) {
                while let reply = try parser.next() { replies.append(reply) }
            } catch { return replies + [nil] }
        }
        return replies
    }

    @Test("every kind of reply is read, whole and byte by byte", arguments: good)
    func kinds(text: String, reply: Reply) {
        let bytes = Array((text + text).utf8)
        #expect(Self.read([bytes[...]]) == [reply, reply])
        #expect(Self.read(bytes.indices.map { bytes[$0...$0] }) == [reply, reply])
    }

    @Test("what is no reply, or beyond a bound, is refused", arguments: bad)
    func refusals(text: String) {
        #expect(Self.read([Array(text.utf8)[...]]) == [nil])
    }

    @Test("depth and length are good up to their bounds")
    func bounds() {
        let deep = Array((String(repeating: "*1\r\n", count: ReplyParser.maximumDepth) + ":1\r\n").utf8)
        #expect(Self.read([deep[...]]).compactMap(\.self).count == 1)
        let long =
            Array("$\(ReplyParser.maximumBytes)\r\n".utf8) + [UInt8](repeating: 1, count: ReplyParser.maximumBytes) + [
                13, 10,
            ]
        #expect(Self.read([long[..<1000], long[1000...]]).compactMap(\.self).count == 1)
        // Many long ones in one reply are together beyond the bound of one.
        let half = Array("$\(ReplyParser.maximumBytes / 2 + 1)\r\n".utf8)
        let body = [UInt8](repeating: 1, count: ReplyParser.maximumBytes / 2 + 1) + [13, 10]
        #expect(Self.read([(Array("*2\r\n".utf8) + half + body + half)[...]]) == [nil])
    }

    @Test("mutated bytes are read or refused, the same however they are cut")
    func mutations() {
        var random = SplitMix(seed: 11)
        let corpus = Self.good.map { Array($0.0.utf8) } + Self.bad.filter { $0.utf8.count < 100 }.map { Array($0.utf8) }
        var refused = 0
        for _ in 0..<100_000 {
            var bytes = (corpus.randomElement(using: &random) ?? []) + (corpus.randomElement(using: &random) ?? [])
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let position = Int.random(in: 0...bytes.count, using: &random)
                let end = min(bytes.count, position + Int.random(in: 0...6, using: &random))
                switch Int.random(in: 0..<5, using: &random) {
                case 0 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.removeSubrange(position..<end)
                case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
                default: bytes.insert(contentsOf: corpus.randomElement(using: &random) ?? [], at: position)
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = Self.read([bytes[...]])
            refused += whole.contains(nil) ? 1 : 0
            if whole != Self.read([bytes[..<cut], bytes[cut...]]) {
                Issue.record("cut at \(cut): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
                return
            }
        }
        #expect(refused > 20_000 && refused < 90_000)
    }

    @Test("a key's slot is the CRC16 of what stands between its first braces")
    func slots() {
        #expect(ClusterMap.slot(of: "123456789") == 0x31C3)
        #expect(ClusterMap.slot(of: "foo") == 12182)
        #expect(ClusterMap.slot(of: "{user1000}.following") == ClusterMap.slot(of: "user1000"))
        #expect(ClusterMap.slot(of: "foo{{bar}}zap") == ClusterMap.slot(of: "{bar"))
        #expect(ClusterMap.slot(of: "foo{bar}{zap}") == ClusterMap.slot(of: "bar"))
        #expect(ClusterMap.slot(of: "foo{}{bar}") == 8363)
        #expect(ClusterMap.slot(of: "") == 0)
    }
}
