import Ground
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test("commas and colons stand where they belong, at every depth")
    func structure() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("a", "b" as String)
            writer.member("n", Int64(-5))
            writer.member("yes", true as Bool)
            writer.name("list")
            writer.array { writer in
                writer.null()
                writer.object { _ in }
                writer.array { $0.integer(1); $0.integer(2) }
            }
            writer.member("inner") { $0.member("json", ["x": nil] as JSON) }
            writer.member("raw", raw: Array("[1]".utf8))
        }
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":"b","n":-5,"yes":true,"list":[null,{},[1,2]],"inner":{"json":{"x":null}},"raw":[1]}"#)
    }

    @Test("control characters, bidirectional marks, line separators and `<` never stand raw in the text")
    func escapes() throws {
        let scalars = Array(0...0x1f as ClosedRange<UInt32>) + Array(0x7f...0x9f)
            + [0x22, 0x3c, 0x5c, 0x200e, 0x200f, 0x2028, 0x2029] + Array(0x202a...0x202e) + Array(0x2066...0x2069)
            + [0xfeff]
        for scalar in try scalars.map({ try #require(Unicode.Scalar($0)) }) {
            let value = "é\(scalar)x"
            let text = JSON.string(value).text
            #expect(!text.dropFirst().dropLast().unicodeScalars.contains { $0 == scalar && $0 != "\\" && $0 != "\"" })
            #expect(try JSON.parse(Array(text.utf8)) == .string(value))
        }
        #expect(JSON.string("</script>\u{1b}[31m\r\n\u{202e}").text == #""\u003c/script>\u001b[31m\r\n\u202e""#)
        #expect(JSON.object([JSON.Member("a\"\n", 1)]).text == #"{"a\"\n":1}"#)
    }

    @Test("other text stands as it is, and comes back as it was")
    func roundTrip() throws {
        let values: [JSON] = [
            "grüße, 世界, 😀/€", "", ["a": [1, nil, true, [], [:]]], .number(0.1), .number(-1.5e300), .integer(.min),
        ]
        for value in values { #expect(try JSON.parse(value.utf8) == value) }
        #expect(JSON.string("grüße 😀/").text == "\"grüße 😀/\"")
    }

    @Test("a number that JSON cannot write becomes null")
    func notFinite() {
        #expect(JSON.array([.number(.infinity), .number(.nan)]).text == "[null,null]")
    }
}
