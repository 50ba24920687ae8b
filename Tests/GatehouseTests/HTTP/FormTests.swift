import Ground
import HTTP
import Testing

@Suite("HTTP: forms and percent-encoding")
struct FormTests {
    @Test("fields keep their order and their empty values, and the first of a name counts")
    func fields() throws {
        let form = try #require(Form("a=1&b=&c&a=2&&=x&d=e=f"))
        #expect(form.fields.map(\.name) == ["a", "b", "c", "a", "", "d"])
        #expect(form.fields.map(\.value) == ["1", "", "", "2", "x", "e=f"])
        #expect(form["a"] == "1" && form["b"] == "" && form["none"] == nil)
        #expect(try #require(Form("")).fields.isEmpty)
    }

    @Test("plus is a space in a form, and separators that were escaped separate nothing")
    func escapes() throws {
        let form = try #require(Form("a+b=c+%2B%26%3d%25&%C3%A9=%E2%82%AC"))
        #expect(form["a b"] == "c +&=%" && form["é"] == "€")
    }

    @Test("a broken escape, or bytes that are no UTF-8, spoil the whole form", arguments: [
        "a=%", "a=%2", "a=%zz", "%=a", "a=%ff", "a=%C3", "a=%C0%AF", "a=%ED%A0%80", "a=1&b=%+1",
    ])
    func broken(text: String) {
        #expect(Form(text) == nil)
    }

    @Test("a hundred fields are taken, one more is not")
    func count() {
        let hundred = (0..<100).map { "f\($0)=x" }.joined(separator: "&")
        #expect(Form(hundred)?.fields.count == 100)
        #expect(Form(hundred + "&g=x") == nil)
    }

    @Test("what was encoded is decoded to itself, and is safe in every part of a URL")
    func roundTrip() {
        let all = String(String.UnicodeScalarView((0..<0x250).compactMap { Unicode.Scalar(UInt32($0)) })) + "€😀"
        let encoded = PercentCoding.encode(all)
        #expect(encoded.utf8.allSatisfy { byte in
            PercentCoding.encode(String(Unicode.Scalar(byte))) == String(Unicode.Scalar(byte)) || byte == 37
        })
        #expect(PercentCoding.decode(encoded) == all)
        #expect(PercentCoding.encode("a b/ü~") == "a%20b%2F%C3%BC~")
        #expect(PercentCoding.decode("a+b") == "a+b")
    }
}
