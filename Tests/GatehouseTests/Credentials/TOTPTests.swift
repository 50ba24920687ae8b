import Credentials
import Ground
import Testing

@Suite("One-time codes of authenticator apps") struct TOTPTests {
    private static let secret = Array("12345678901234567890".utf8)

    @Test("codes are those of RFC 6238, appendix B", arguments: [
        (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ])
    func vectors(seconds: Int64, code: String) throws {
        let totp = try #require(TOTP(secret: Self.secret, digits: 8))
        let moment = Timestamp(seconds: seconds)
        #expect(totp.code(at: TOTP.step(at: moment)) == code)
        #expect(totp.step(of: code, at: moment) == seconds / 30)
        let short = try #require(TOTP(secret: Self.secret))
        #expect(short.code(at: TOTP.step(at: moment)) == String(code.suffix(6)))
    }

    @Test("codes are those of RFC 4226, appendix D")
    func counters() throws {
        let totp = try #require(TOTP(secret: Self.secret))
        let wanted = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
        #expect((0..<10).map { totp.code(at: $0) } == wanted)
    }

    @Test("a code counts in its half minute and the ones beside it, and in no other")
    func window() throws {
        let totp = try #require(TOTP(secret: Self.secret))
        let moment = Timestamp(seconds: 1_800_000_010)
        let step = TOTP.step(at: moment)
        for offset in Int64(-3)...3 {
            let found = totp.step(of: totp.code(at: step + offset), at: moment)
            #expect(found == (abs(offset) <= 1 ? step + offset : nil), "\(offset)")
        }
    }

    @Test("what is no code belongs to no step", arguments: [
        "", "75522", "7552244", "75522a", "７５５２２４", "٧٥٥٢٢٤", "755 224", "-55224", "+55224", "755224\n",
    ])
    func malformed(text: String) throws {
        let totp = try #require(TOTP(secret: Self.secret))
        #expect(totp.step(of: text, at: Timestamp(seconds: 0)) == nil)
    }

    @Test("the first step has none before it")
    func beginning() throws {
        let totp = try #require(TOTP(secret: Self.secret))
        #expect(totp.step(of: totp.code(at: 0), at: Timestamp(seconds: 0)) == 0)
        #expect(totp.step(of: totp.code(at: -1), at: Timestamp(seconds: 0)) == nil)
    }

    @Test("a secret must be long enough, and no longer than a block")
    func secrets() {
        #expect(TOTP(secret: [UInt8](repeating: 1, count: 15)) == nil)
        #expect(TOTP(secret: [UInt8](repeating: 1, count: 65)) == nil)
        #expect(TOTP(secret: Self.secret, digits: 5) == nil && TOTP(secret: Self.secret, digits: 9) == nil)
    }

    @Test("the address for apps escapes what people and hosts are called")
    func address() {
        let uri = TOTP.uri(secret: Self.secret, issuer: "auth.example.com", account: "ada+x@example.com & Söhne")
        #expect(
            uri == "otpauth://totp/auth.example.com:ada%2Bx%40example.com%20%26%20S%C3%B6hne"
                + "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth.example.com&algorithm=SHA1&digits=6&period=30")
    }

    @Test("base 32 is that of RFC 4648, section 10, without padding", arguments: [
        ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ])
    func base32(text: String, encoded: String) { #expect(Base32.encode(Array(text.utf8)) == encoded) }
}

@Suite("Recovery codes") struct RecoveryCodeTests {
    @Test("a code is read as people write it")
    func reading() throws {
        let code = RecoveryCode(random: .system)
        #expect(code.shown.utf8.count == 14)
        for written in [code.shown, code.text, code.shown.lowercased(), " " + code.shown.split(separator: "-").joined(separator: " ")] {
            #expect(RecoveryCode(written)?.text == code.text, "\(written)")
        }
        #expect(RecoveryCode("OIL0-0000-000o")?.text == "011000000000")
    }

    @Test("what is none is none", arguments: [
        "", "7Q2M-0XKZ-9A4", "7Q2M-0XKZ-9A4BB", "7Q2M-0XKZ-9A4U", "７Q2M-0XKZ-9A4B", "ß7Q2-0XKZ-9A4B", "7Q2M\u{0}0XKZ9A4B",
        String(repeating: "-", count: 10_000),
    ])
    func malformed(text: String) { #expect(RecoveryCode(text) == nil) }
}
