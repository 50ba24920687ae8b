import Ground
import Testing
import WebAuthn

@Suite("Reading CBOR")
struct CBORReaderTests {
    private func read(_ hex: String) throws -> CBOR { try CBORReader.whole(try #require(Hex.decode(hex))) }

    @Test(
        "what authenticators write is read",
        arguments: [
            ("00", CBOR.unsigned(0)), ("17", .unsigned(23)), ("1818", .unsigned(24)), ("190100", .unsigned(256)),
            ("1a000f4240", .unsigned(1_000_000)), ("1bffffffffffffffff", .unsigned(.max)), ("20", .negative(0)),
            ("3863", .negative(99)), ("3bffffffffffffffff", .negative(.max)), ("40", .bytes([])),
            ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("62c3bc", .text("\u{fc}")), ("80", .array([])),
            ("83010203", .array([.unsigned(1), .unsigned(2), .unsigned(3)])), ("a0", .map([])), ("f4", .bool(false)),
            ("f5", .bool(true)), ("f6", .null),
            (
                "a201020304",
                .map([.init(key: .unsigned(1), value: .unsigned(2)), .init(key: .unsigned(3), value: .unsigned(4))])
            ),
        ])
    func isRead(hex: String, value: CBOR) throws { #expect(try read(hex) == value) }

    @Test(
        "what could be read in two ways is refused",
        arguments: [
            "", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817",  // longer than need be
            "1c", "1d", "1e", "1f", "5f4101ff", "7f6161ff", "9f01ff", "bf0102ff", "ff",  // reserved, indefinite
            "c001", "d81840",  // tags
            "f7", "f0", "f820", "f90000", "fa00000000", "fb0000000000000000",  // other simple values, numbers
            "62c328", "61ff", "63eda080",  // no UTF-8
            "a203040102", "a2616101006101", "a2010201",  // keys out of order
            "a201020102",  // twice
            "a26262620161610a", "a2206100", "a12000ff",  // longer key first, cut, something behind
            "18", "19ff", "42ff", "62ff", "81", "a1", "a101", "0000",
            "5bffffffffffffffff00", "9bffffffffffffffff00", "bbffffffffffffffff00", "5a7fffffff00",  // lengths of nothing
        ])
    func isRefused(hex: String) throws { #expect(throws: CBORReader.Fault.self) { try read(hex) } }

    @Test("four levels are read, and no more")
    func depth() throws {
        _ = try read("8181818100")
        #expect(throws: CBORReader.Fault.self) { try read("818181818100") }
        #expect(throws: CBORReader.Fault.self) { try read("a100a100a100a100a1" + "0000") }
        #expect(throws: CBORReader.Fault.self) { try read(String(repeating: "81", count: 100_000) + "00") }
    }

    @Test("more values than any authenticator writes are refused")
    func width() throws {
        let few = [UInt8]([0x99, 0x01, 0x00]) + [UInt8](repeating: 0, count: 256)
        _ = try CBORReader.whole(few)
        #expect(throws: CBORReader.Fault.self) {
            try CBORReader.whole([0x99, 0x02, 0x00] + [UInt8](repeating: 0, count: 512))
        }
    }
}
