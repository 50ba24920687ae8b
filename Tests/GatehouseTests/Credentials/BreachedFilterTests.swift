import Credentials
import Glibc
import Ground
import Testing

@Suite("The filter of breached passwords") struct BreachedFilterTests {
    @Test("every password of the list is found, however many there are", arguments: [1, 2, 3, 7, 100, 5_000, 40_000, 600_000], [8, 16])
    func all(count: Int, bits: Int) throws {
        try withBreachedFile { path in
            var random = SplitMix(seed: 7)
            let keys = (0..<count).map { _ in BreachedKey(value: random.next()) }
            let filter = try BreachedFiles.make(keys, at: path, bits: bits)
            #expect(filter.entries == UInt64(count))
            #expect(filter.fingerprintBits == bits)
            #expect(try keys.allSatisfy { try filter.contains($0) })
            try filter.verify()
        }
    }

    @Test("of other passwords no more are refused than is said", arguments: [(8, 3_500...4_320), (16, 2...40)])
    func falsePositives(bits: Int, expected: ClosedRange<Int>) throws {
        // Of a million 3,906 or 15 on average; the bounds are more than six standard deviations away.
        try withBreachedFile { path in
            var random = SplitMix(seed: 11)
            let filter = try BreachedFiles.make((0..<200_000).map { _ in BreachedKey(value: random.next()) }, at: path, bits: bits)
            var found = 0
            for _ in 0..<1_000_000 where try filter.contains(BreachedKey(value: random.next())) { found += 1 }
            #expect(expected.contains(found), "\(found)")
            #expect(filter.falsePositiveRate == 1 / Double(1 << bits))
        }
    }

    @Test("passwords are looked up by the first bytes of their SHA-1")
    func sha1() throws {
        #expect(BreachedKey("password").value == 0x5BAA_61E4_C9B9_3F3F)
        #expect(BreachedKey("password").range == "5BAA6")
        #expect(BreachedKey("пароль").value == 0x5670_B435_8AE2_87FE)
        #expect(BreachedKey("").value == 0xDA39_A3EE_5E6B_4B0D)
        try withBreachedFile { path in
            let filter = try BreachedFiles.make(["password", "пароль"].map { BreachedKey($0) }, at: path)
            #expect(try filter.contains("password") && filter.contains("пароль"))
            #expect(try !filter.contains("Password"))
        }
    }

    @Test("neither order nor repetition of the list makes another file")
    func deterministic() throws {
        try withBreachedFile { path in
            var random = SplitMix(seed: 3)
            let keys = (0..<20_000).map { _ in BreachedKey(value: random.next()) }
            try BreachedFiles.make(keys, at: path)
            let first = try #require(File.bytes(path))
            let filter = try BreachedFiles.make(keys.reversed() + keys, at: path)
            // Which parts there are is decided by what came, repetitions too.
            #expect(filter.entries == 20_000)
            try BreachedFiles.make(keys.sorted(), at: path)
            #expect(File.bytes(path) == first)
        }
    }

    @Test("a list of nothing makes no filter, and leaves what was there")
    func empty() throws {
        try withBreachedFile { path in
            try BreachedFiles.make([BreachedKey("password")], at: path)
            #expect(throws: BreachedFault.empty) { try BreachedFiles.make([], at: path) }
            #expect(try BreachedFilter(path: path).contains("password"))
            #expect(File.names(in: String(path.dropLast("/breached.filter".count))) == ["breached.filter"])
        }
    }

    @Test("a file that was changed or cut off anywhere is refused, or the part says so when it is asked")
    func damaged() throws {
        try withBreachedFile { path in
            var random = SplitMix(seed: 5)
            let keys = (0..<40_000).map { _ in BreachedKey(value: random.next()) }
            try BreachedFiles.make(keys, at: path)
            let whole = try #require(File.bytes(path))
            for _ in 0..<300 {
                var bytes = whole
                let place = Int(random.next() % UInt64(random.next() % 2 == 0 ? 300 : bytes.count))
                bytes[place] ^= UInt8(1 << (random.next() % 8))
                File.write(bytes, to: path)
                #expect(throws: BreachedFault.self) { try BreachedFilter(path: path).verify() }
            }
            for count in [0, 1, 47, 48, 100, whole.count / 2, whole.count - 1] {
                File.write(Array(whole.prefix(count)), to: path)
                #expect(throws: BreachedFault.noFilter) { try BreachedFilter(path: path) }
            }
            File.write(whole + [0], to: path)
            #expect(throws: BreachedFault.noFilter) { try BreachedFilter(path: path) }
        }
    }

    @Test("a directory that lies in all its numbers leads nowhere outside the file")
    func lyingDirectory() throws {
        try withBreachedFile { path in
            var random = SplitMix(seed: 13)
            let keys = (0..<3_000).map { _ in BreachedKey(value: random.next()) }
            try BreachedFiles.make(keys, at: path)
            let whole = try #require(File.bytes(path))
            let head = 48 + 32
            for round in 0..<3_000 {
                var bytes = whole
                for _ in 0...round % 3 { bytes[8 + Int(random.next() % UInt64(head - 8))] = UInt8(truncatingIfNeeded: random.next()) }
                // As whoever has made it would sign it.
                bytes.replaceSubrange(head..<head + 32, with: Digest.sha256(Array(bytes[..<head])))
                File.write(bytes, to: path)
                guard let filter = try? BreachedFilter(path: path) else { continue }
                for key in keys.prefix(3) { _ = try? filter.contains(key) }
            }
        }
    }

    @Test("a file that is cut off while it is used is told, and ends nothing")
    func cutOff() throws {
        try withBreachedFile { path in
            let filter = try BreachedFiles.make([BreachedKey("password")], at: path)
            File.write([], to: path)
            #expect(throws: BreachedFault.noFilter) { try filter.contains("password") }
        }
    }

    @Test("what is no filter, or one of a newer program, is told apart")
    func foreign() throws {
        try withBreachedFile { path in
            #expect(throws: BreachedFault.notRead(reason: "No such file or directory")) { try BreachedFilter(path: path) }
            File.write(Array(repeating: 7, count: 4096), to: path)
            #expect(throws: BreachedFault.noFilter) { try BreachedFilter(path: path) }
            try BreachedFiles.make([BreachedKey("password")], at: path)
            var bytes = try #require(File.bytes(path))
            bytes[8] = 2
            File.write(bytes, to: path)
            #expect(throws: BreachedFault.newerVersion(2)) { try BreachedFilter(path: path) }
            #expect(throws: BreachedFault.noFilter) { try BreachedFilter(path: "/dev/null") }
        }
    }
}

@Suite("Lists of breached passwords") struct BreachedListTests {
    private let password = BreachedKey("password")
    private let line = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"

    private func keys(_ text: String, range: String? = nil, leastCount: Int = 1, piece: Int = 1 << 20) throws -> [BreachedKey] {
        var list = BreachedList(range: range, leastCount: leastCount)
        var keys: [BreachedKey] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try list.take(Array(bytes[start..<min(start + piece, bytes.count)])) { keys.append($0) }
        }
        try list.finish { keys.append($0) }
        return keys
    }

    @Test("lines are taken with and without counts, in either case, with either end, in pieces of any size", arguments: [1, 2, 3, 41, 1000])
    func lines(piece: Int) throws {
        let text = "\(line):10434004\r\n\(line.lowercased())\n\n\(line):1"
        #expect(try keys(text, piece: piece) == [password, password, password])
        #expect(try keys("").isEmpty)
    }

    @Test("the lines of a range go on from its digits, and its padding is left out")
    func ranges() throws {
        let rest = line.dropFirst(5)
        #expect(try keys("\(rest):3\r\n00000000000000000000000000000000000:0\r\n", range: "5BAA6") == [password])
        #expect(BreachedList.range(ofFile: "5baa6.txt") == "5BAA6")
        #expect(BreachedList.range(ofFile: "00000") == "00000")
        for name in ["pwned.txt", "5BAA61", "5BAA", "5BAAG.txt", "5BAA6.csv"] { #expect(BreachedList.range(ofFile: name) == nil) }
    }

    @Test("what was seen less often is left out where that is wanted")
    func leastCount() throws {
        let text = "\(line):9\n\(line):10\n\(line):11\n\(line):999999999999999999\n"
        #expect(try keys(text, leastCount: 10).count == 3)
    }

    @Test("what is no hash is told with its line", arguments: [
        "zz", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD88",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:x",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:-1", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 1", ":1",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1\r1", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1234567890123456789",
        "password", "\u{feff}5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:1",
    ])
    func noHash(text: String) throws {
        #expect(throws: BreachedFault.noHash(line: 2)) { try keys("\(line):1\n\(text)\n\(line):1\n") }
        #expect(throws: BreachedFault.noHash(line: 2)) { try keys("\(line):1\n\(text)") }
    }

    @Test("a list of NTLM hashes is told from one that is broken")
    func ntlm() throws {
        #expect(throws: BreachedFault.isNTLM(line: 1)) { try keys("8846F7EAEE8FB117AD06BDD830B7586C:5\n") }
        #expect(throws: BreachedFault.isNTLM(line: 1)) { try keys("8846F7EAEE8FB117AD06BDD830B7586C") }
    }
}

/// Files of breached passwords, made for tests.
enum BreachedFiles {
    @discardableResult
    static func make(_ keys: [BreachedKey], at path: String, bits: Int = 16) throws -> BreachedFilter {
        let compiler = try BreachedCompiler(
            path: path, fingerprintBits: bits, leastCount: 1, madeAt: Timestamp(seconds: 1_800_000_000))
        for key in keys { try compiler.add(key) }
        _ = try compiler.finish()
        return try BreachedFilter(path: path)
    }

    /// Of passwords.
    static func make(of passwords: [String], at path: String) throws { try make(passwords.map { BreachedKey($0) }, at: path) }
}

/// Runs `body` with the path of a file that is not there yet, in a folder of its own.
func withBreachedFile(_ body: (String) async throws -> Void) async throws {
    let folder = TemporaryFolder()
    defer { folder.remove() }
    try await body(folder.path + "/breached.filter")
}

func withBreachedFile(_ body: (String) throws -> Void) throws {
    let folder = TemporaryFolder()
    defer { folder.remove() }
    try body(folder.path + "/breached.filter")
}
