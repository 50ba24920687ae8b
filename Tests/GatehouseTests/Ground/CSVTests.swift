import Ground
import Testing

@Suite("CSV") struct CSVTests {
    /// Reads a text in pieces of so many bytes.
    private func records(_ bytes: [UInt8], pieces: Int, limits: CSVReader.Limits = .init()) -> [CSVReader.Record] {
        var reader = CSVReader(limits: limits)
        var records: [CSVReader.Record] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            reader.read(Array(bytes[start..<min(start + pieces, bytes.count)])) { records.append($0) }
        }
        reader.finish { records.append($0) }
        return records
    }

    private func fields(_ text: String, pieces: Int = 7) -> [[String]?] {
        records(Array(text.utf8), pieces: pieces).map { try? $0.content.get() }
    }

    @Test("is read as RFC 4180 says, in whatever pieces it comes", arguments: [1, 2, 3, 1000])
    func reads(pieces: Int) {
        let text = "\u{feff}a,b,c\r\n1,\"two, \"\"too\"\"\",\"three\nlines\r\nhere\"\n\n,,\r\n\"\"\r\nlast,é,"
        #expect(fields(text, pieces: pieces) == [
            ["a", "b", "c"], ["1", "two, \"too\"", "three\nlines\r\nhere"], ["", "", ""], [""], ["last", "é", ""],
        ])
        #expect(records(Array(text.utf8), pieces: pieces).map(\.line) == [1, 2, 6, 7, 8])
        #expect(fields("", pieces: pieces).isEmpty && fields("\r\n\r\n", pieces: pieces).isEmpty)
    }

    @Test("a record that cannot be read takes no other with it", arguments: [
        ("a,b\"c,d\r\n", CSVReader.Fault.malformed), ("\"a\"b,c\r\n", .malformed), ("a\rb,c\r\n", .malformed),
        ("\"a\" ,b\r\n", .malformed), ("a,\u{fffd},c\r\n", .invalidText),
        (String(repeating: "x", count: 65537) + "\r\n", .tooLong), (String(repeating: ",", count: 64) + "\r\n", .tooLong),
    ])
    func faults(line: String, fault: CSVReader.Fault) {
        var bytes = Array(line.utf8)
        if fault == .invalidText { bytes.replaceSubrange(2..<5, with: [0xff]) }
        let found = records(Array("before,1\r\n".utf8) + bytes + Array("after,2\r\n".utf8), pieces: 11)
        #expect(found.count == 3)
        #expect(throws: fault) { try found[1].content.get() }
        #expect((try? found[2].content.get()) == ["after", "2"])
        #expect(found.map(\.line) == [1, 2, 3])
    }

    @Test("quotes that never close are a fault, bounded in memory")
    func unclosed() {
        let found = records(Array(("a,\"b" + String(repeating: "x\n", count: 400_000)).utf8), pieces: 4096)
        #expect(found.count == 1)
        #expect(throws: CSVReader.Fault.self) { try found[0].content.get() }
    }

    @Test("what is written is read back, whatever it holds, and no cell of it is a formula")
    func roundTrip() {
        var random = SplitMix(seed: 42)
        let signs = Array("=+-@'\",;\n\r\t aé\u{1f511}0")
        for _ in 0..<2000 {
            let row = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                String((0..<Int.random(in: 0...6, using: &random)).map { _ in signs.randomElement(using: &random) ?? "x" })
            }
            guard row.contains(where: { !$0.isEmpty }) else { continue }
            var bytes: [UInt8] = []
            CSVText.append(row, for: .restoring, to: &bytes)
            let read = records(bytes, pieces: 3)
            #expect(read.count == 1)
            let cells = (try? read.first?.content.get()) ?? []
            #expect(cells.map(CSVText.plain) == row)
            for cell in cells { #expect(!"=+-@\t\r".unicodeScalars.contains(cell.unicodeScalars.first ?? "x")) }
        }
    }

    @Test("no bytes bring the reader down, or make it give more than it was given")
    func hostile() {
        var random = SplitMix(seed: 7)
        let alphabet: [UInt8] = [34, 44, 10, 13, 97, 0xff, 0xef, 0xbb, 0xbf, 0, 92]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            let whole = records(bytes, pieces: 100)
            let split = records(bytes, pieces: 1)
            #expect(whole.map(\.line) == split.map(\.line))
            #expect(whole.map { try? $0.content.get() } == split.map { try? $0.content.get() })
            #expect(whole.reduce(0) { $0 + (((try? $1.content.get()) ?? []).joined().utf8.count) } <= bytes.count)
        }
    }
}
