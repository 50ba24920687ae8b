import Credentials
import Testing

@Suite("Domain names") struct DomainNameTests {  // CO-8
    @Test("a name has one spelling", arguments: [
        ("example.com", "example.com"), ("  Example.COM\t", "example.com"), ("a-b.c0.example", "a-b.c0.example"),
        // As Python's idna 3.20 has them (UTS #46, nontransitional).
        ("bücher.example", "xn--bcher-kva.example"), ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u{308}cher.example", "xn--bcher-kva.example"), ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"), ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
    ])
    func spelling(text: String, ascii: String) throws {
        #expect(try DomainName(text).ascii == ascii)
        #expect(try DomainName(ascii).ascii == ascii)
    }

    @Test("names that look alike stay apart")
    func lookAlike() throws {
        #expect(try DomainName("ехаmple.com") != DomainName("example.com"))
        #expect(try DomainName("ехаmple.com").ascii.hasPrefix("xn--"))
    }

    @Test("no character is dropped to make another's name of it", arguments: [
        "exa_mple.com", "exa mple.com", "exa\u{ad}mple.com", "exa\u{200b}mple.com", "exam\u{2060}ple.com",
        "exa\u{202e}mple.com", "exa\u{0}mple.com", "exa\nmple.com", "exam\u{fe0f}ple.com", "exa\u{e0001}mple.com",
    ])
    func dropped(text: String) {
        #expect(throws: DomainFault.invalid) { try DomainName(text) }
    }

    @Test("what is no plain domain name is refused with its reason", arguments: [
        ("", DomainFault.empty), (" \t", .empty), ("localhost", .notQualified), ("com", .notQualified),
        ("example.com.", .emptyLabel), (".example.com", .emptyLabel), ("example..com", .emptyLabel),
        ("example.com。", .emptyLabel), ("192.0.2.1", .isAddress), ("1.2.3", .isAddress), ("a.0x7f", .isAddress),
        ("[2001:db8::1]", .invalid), ("2001:db8::1", .invalid), ("https://example.com", .invalid),
        ("example.com/path", .invalid), ("example.com:443", .invalid), ("user@example.com", .invalid),
        ("-a.example", .invalid), ("a-.example", .invalid), ("ab--cd.example", .invalid), ("*.example.com", .invalid),
        ("℀.example", .invalid), ("xn--a.example", .invalid), ("xn--.example", .invalid),
        ("xn--example-.com", .invalid), ("xn--ls8h.xn--", .invalid),
        // Punycode of bÜcher, of example with a soft hyphen, and of bu\u{308}cher.
        ("xn--bcher-2pa.com", .invalid), ("xn--example-nka.com", .invalid), ("xn--bucher-xyd.com", .invalid),
    ])
    func refused(text: String, fault: DomainFault) {
        #expect(throws: fault) { try DomainName(text) }
    }

    @Test("labels of 63 and names of 253 bytes are the longest")
    func length() throws {
        let label = String(repeating: "a", count: 63)
        let longest = "\(label).\(label).\(label).\(String(label.dropLast(2)))"
        #expect(try DomainName(longest).ascii.utf8.count == 253)
        #expect(throws: DomainFault.tooLong) { try DomainName(longest + "a") }
        #expect(throws: DomainFault.tooLong) { try DomainName(label + "a.com") }
        #expect(throws: DomainFault.tooLong) { try DomainName(String(repeating: "ü", count: 60) + ".com") }
        #expect(throws: DomainFault.tooLong) { try DomainName(String(repeating: "a.", count: 5000) + "com") }
    }

    @Test("no text, and blank text, is no domain and no fault")
    func optional() throws {
        #expect(try DomainName(optional: nil) == nil)
        #expect(try DomainName(optional: " \n") == nil)
        #expect(try DomainName(optional: "example.com")?.ascii == "example.com")
        #expect(throws: DomainFault.notQualified) { try DomainName(optional: "example") }
    }
}
