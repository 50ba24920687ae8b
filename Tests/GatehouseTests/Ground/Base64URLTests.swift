import Ground
import Testing

@Suite("base64url and hexadecimal")
struct Base64URLTests {
    @Test("the published examples, without padding and with the alphabet of URLs", arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func examples(text: String, encoded: String) {
        #expect(Base64URL.encode(Array(text.utf8)) == encoded)
        #expect(Base64URL.decode(encoded) == Array(text.utf8))
    }

    @Test("every sequence of bytes comes back as it was")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        for length in 0...256 {
            let bytes = Array(all.prefix(length))
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
        #expect(Base64URL.encode([0xfb, 0xff, 0xfe]) == "-__-")
    }

    @Test("a second spelling of the same bytes is refused, so that no token has two texts", arguments: [
        "Zg==", "Zg=", "Zh", "Zn", "Zm9", "Z", "Zm9vY", "Zm9v\n", " Zm9v", "Zm 9v", "+/+/", "Zm9*", "Zm9é", "Zm9\0",
    ])
    func strict(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test("hexadecimal is pairs of digits and nothing else")
    func hex() {
        #expect(Hex.encode([0, 0x7f, 0xff]) == "007fff" && Hex.decode("00fFFf") == [0, 0xff, 0xff])
        for text in ["0", "000", "0g", "0x00", " 00", "00 ", "-1", "é"] { #expect(Hex.decode(text) == nil) }
    }
}
