import Ground
import Testing

@Suite("Identifiers")
struct UUIDTests {
    @Test("the text is read in any case and written in one")
    func text() throws {
        let text = "01890a5d-ac96-774b-bcce-b302099a8057"
        let id = try #require(UUID(text))
        #expect(UUID(text.uppercased()) == id && id.description == text)
        #expect(UUID(bytes: id.bytes) == id && id.high == 0x0189_0a5d_ac96_774b && id.low == 0xbcce_b302_099a_8057)
    }

    @Test("what is not exactly the canonical text is none", arguments: [
        "", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5d-ac96-774b-bcce-b302099a80577",
        "01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}",
        "01890a5d-ac96-774b-bcce_b302099a8057",
        "01890a5d-ac96-774bb-cce-b302099a8057", "g1890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce-b302099a805é",
        "-1890a5d-ac96-774b-bcce-b302099a8057",
    ])
    func noUUID(text: String) {
        #expect(UUID(text) == nil)
    }

    @Test("16 bytes make one, no other count does")
    func bytes() {
        for count in [0, 15, 17] { #expect(UUID(bytes: [UInt8](repeating: 1, count: count)) == nil) }
    }

    @Test("a new one has version 7 and its variant, and carries its time, whatever the random bits are")
    func versionAndVariant() {
        let time = Timestamp(milliseconds: 0x0189_0a5d_ac96)
        for filler in [UInt8(0), 0xff] {
            let random = RandomSource { buffer in
                for index in buffer.indices { buffer[index] = filler }
            }
            let id = UUID(at: time, random: random)
            #expect(id.high >> 16 == 0x0189_0a5d_ac96 && id.high >> 12 & 15 == 7 && id.low >> 62 == 2)
        }
    }

    @Test("later ones sort behind earlier ones, in value and in text; two of one moment differ")
    func order() {
        let time = Timestamp(seconds: 1_800_000_000)
        let ids = (0..<100).map { UUID(at: time + .milliseconds($0), random: .system) }
        #expect(ids == ids.sorted())
        #expect(ids.map(\.description) == ids.map(\.description).sorted())
        #expect(Set((0..<1000).map { _ in UUID(at: time, random: .system) }).count == 1000)
    }
}
