import Ground
import Testing

@Suite("Reading JSON")
struct JSONParserTests {
    private func parse(_ text: String) throws(JSONError) -> JSON { try JSON.parse(Array(text.utf8)) }

    @Test("values of every kind are read, with white space of the four kinds around them")
    func values() throws {
        let json = try parse(
            " \t\r\n{ \"a\" : [ null , true,false ,-0, 12 , 1.5e1 ,\"\" ] , \"\" : { } , \"b\":[ ] } \n")
        #expect(json["a"] == [nil, true, false, 0, 12, .number(15), ""])
        #expect(json[""] == .object([]) && json["b"] == [] && json["none"] == nil)
        for (text, value) in [("null", JSON.null), ("7", 7), ("\"x\"", "x"), ("true", true)] {
            #expect(try parse(text) == value)
        }
    }

    @Test("what RFC 8259 does not allow is refused", arguments: [
        "", " ", "{", "}", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}",
        "{'a':1}", "{1:1}", "\"", "\"a", "'a'", "nul", "nullx", "True", "NaN", "Infinity", "-Infinity", "undefined",
        "1 2", "[] []", "// c\n1", "/* c */1", "[1]x", "\u{feff}1", "\u{a0}1", "1\u{b}", "1\0", "{\"a\":1}}",
        "\"a\nb\"",
        "\"a\tb\"", "\"a\u{1f}b\"", "\"a\0b\"",
    ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("numbers are only what the grammar says", arguments: [
        "01", "-01", "00", "+1", "-", ".5", "1.", "1.e1", "1e", "1e+", "1E-", "0x1", "1_0", "--1", "1.2.3", "-a", "١",
    ])
    func brokenNumbers(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("an integer stays exact as long as 64 bits hold it, and becomes a double only then")
    func integers() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9223372036854775808").integer == nil)
        #expect(try parse("9223372036854775808") == .number(9.223372036854775808e18))
        #expect(try parse("1.0").integer == nil && parse("1e3").integer == nil)
        #expect(try parse("0.1e-5") == .number(0.000001))
    }

    @Test("a number that no double can hold is refused, and one of a thousand digits is not even tried")
    func hugeNumbers() {
        for text in ["1e999", "-1e999", "1" + String(repeating: "0", count: 350), String(repeating: "1", count: 1000)] {
            #expect(throws: JSONError.self) { try parse(text) }
        }
    }

    @Test("every escape is read, pairs of surrogates included")
    func escapes() throws {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\uDE00\u0000""#
        #expect(try parse(text) == "\"\\/\u{8}\u{c}\n\r\tAé€😀\0")
    }

    @Test("escapes that are none, and surrogates without their partner, are refused", arguments: [
        #""\x41""#, #""\'""#, #""\""#, #""\U0041""#, #""\u""#, #""\u12""#, #""\u12g4""#, #""\u+123""#, #""\u 123""#,
        #""\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\udc00""#,
        #""\udc00\ud800""#, #""\ud83d\u""#,
    ])
    func brokenEscapes(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test("bytes that are no UTF-8 are refused, in plain strings and behind escapes", arguments: [
        [0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe2, 0x82],
    ])
    func brokenUTF8(bytes: [UInt8]) {
        for prefix in ["", "\\n"] {
            let text = [34] + Array(prefix.utf8) + bytes + [34]
            #expect { try JSON.parse(text) } throws: { ($0 as? JSONError)?.reason == .invalidText }
            #expect(throws: JSONError.self) { try JSON.parse([0x7b] + text + Array(":1}".utf8)) }
        }
    }

    @Test("a name stands once in an object, also when it is written with escapes", arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"\u0061":3}"#, #"{"":1,"":2}"#, #"[{"x":{"a":1,"a":2}}]"#,
    ])
    func duplicateNames(text: String) {
        #expect { try parse(text) } throws: { ($0 as? JSONError)?.reason == .duplicateName }
    }

    @Test("nesting is taken to its limit and not beyond, for arrays, objects and both")
    func depth() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let levels = open.hasPrefix("[{") ? 2 : 1
            _ = try parse(nested(16 / levels, open, close))
            #expect { try parse(nested(16 / levels + 1, open, close)) } throws: { ($0 as? JSONError)?.reason == .depth }
        }
        _ = try JSON.parse(Array(nested(40, "[", "]").utf8), limits: JSONLimits(depth: 40))
    }

    @Test("the number of values is bounded in all, and in one object")
    func valueCount() throws {
        let limits = JSONLimits(values: 10)
        _ = try JSON.parse(Array("[1,2,3,4,5,6,7,8,9]".utf8), limits: limits)
        #expect { try JSON.parse(Array("[1,2,3,4,5,6,7,8,9,10]".utf8), limits: limits) } throws: {
            ($0 as? JSONError)?.reason == .tooManyValues
        }
        let members = (0..<257).map { "\"\($0)\":0" }.joined(separator: ",")
        #expect { try parse("{\(members)}") } throws: { ($0 as? JSONError)?.reason == .tooManyValues }
    }

    @Test("an error says where it was seen")
    func offset() {
        #expect { try parse("{\"a\": x}") } throws: { ($0 as? JSONError)?.offset == 6 }
    }
}
