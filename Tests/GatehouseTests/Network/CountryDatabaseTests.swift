import Countries
import Ground
import Services
import Synchronization
import Testing

@Suite("Databases of countries") struct CountryDatabaseTests {
    /// What another reader of the format says of the same file is asked in tests/python/test_countries.py.
    private static let vectors = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/tests/python/vectors"

    private func with(_ bytes: [UInt8], _ body: (CountryFixture) throws -> Void) throws {
        let fixture = try CountryFixture(bytes)
        defer { fixture.remove() }
        try body(fixture)
    }

    private func fault(_ path: String) -> CountryDatabaseFault? {
        do throws(CountryDatabaseFault) { _ = try CountryDatabase(path: path) } catch { return error }
        return nil
    }

    @Test("the country of an address is found, IPv4, IPv6 and IPv4 written as IPv6")
    func found() throws {
        try with(CountryWriter.usual.bytes) { fixture throws in
            let database = try CountryDatabase(path: fixture.path)
            let table = try JSON.parse(try #require(File.bytes(Self.vectors + "/countries.json")), limits: JSONLimits(depth: 4, values: 100))
            let members = try #require(table.members)
            #expect(members.count > 15)
            for member in members {
                let address = try #require(IPAddress(member.name))
                #expect(database.country(of: address) == member.value.string, "\(member.name)")
            }
        }
    }

    @Test("what the tests write is what another reader was shown")
    func vector() throws {
        #expect(CountryWriter.usual.bytes == File.bytes(Self.vectors + "/countries.mmdb"))
    }

    @Test("a database of IPv4 alone knows no address of IPv6")
    func ipv4Alone() throws {
        try with(CountryWriter(version: 4, blocks: [("192.0.2.0/24", "DE"), ("0.0.0.0/8", "AT")]).bytes) { fixture throws in
            let database = try CountryDatabase(path: fixture.path)
            #expect(database.country(of: try #require(IPAddress("192.0.2.1"))) == "DE")
            #expect(database.country(of: try #require(IPAddress("::ffff:192.0.2.1"))) == "DE")
            #expect(database.country(of: try #require(IPAddress("::1"))) == nil)
            #expect(database.country(of: try #require(IPAddress("2001:db8::1"))) == nil)
        }
    }

    @Test("what stands where a country should, and is none, is not known", arguments: ["de", "D", "DEU", "1A", ""])
    func odd(code: String) throws {
        try with(CountryWriter(blocks: [("192.0.2.0/24", code), ("198.51.100.0/24", "AT")]).bytes) { fixture throws in
            let database = try CountryDatabase(path: fixture.path)
            #expect(database.country(of: try #require(IPAddress("192.0.2.1"))) == nil)
            #expect(database.country(of: try #require(IPAddress("198.51.100.1"))) == "AT")
        }
    }

    @Test("a file that is not there, or is none of these, is refused and named")
    func refused() throws {
        #expect(fault("/nowhere/countries.mmdb") == .notRead(reason: "No such file or directory"))
        #expect(fault("/dev/null") == .noDatabase)
        #expect(fault("/usr") == .noDatabase)
        let others = CountryWriter(about: "autonomous_system", blocks: [("192.0.2.0/24", "DE")]).bytes
        for (bytes, wanted) in [
            ([], CountryDatabaseFault.noDatabase), (Array("country,DE\n".utf8), .noDatabase), (others, .noCountries),
            (CountryWriter().bytes, .noCountries),
        ] {
            try with(bytes) { fixture in #expect(fault(fixture.path) == wanted) }
        }
    }

    @Test("a setting that names such a file stops the start, and says why")
    func setting() throws {
        func problem(_ path: String) -> String? {
            var reader = SettingReader(environment: ["GEOIP_DATABASE": path])
            return #expect(throws: SettingReader.Faults.self) { _ = try Configuration(reading: &reader) }?.description
        }
        #expect(
            problem("/nowhere.mmdb")
                == "GEOIP_DATABASE names \"/nowhere.mmdb\", which cannot be read: No such file or directory")
        #expect(
            problem("/dev/null")
                == "GEOIP_DATABASE names \"/dev/null\", which is no database in MaxMind's format, or only a part of one")
        try with(CountryWriter.usual.bytes) { fixture throws in
            var reader = SettingReader(environment: ["GEOIP_DATABASE": fixture.path])
            #expect(try Configuration(reading: &reader).signIn.countries != nil)
        }
        var reader = SettingReader(environment: ["GEOIP_DATABASE": ""])
        #expect(try Configuration(reading: &reader).signIn.countries == nil)
    }

    @Test("a file that is cut off anywhere is refused")
    func truncated() throws {
        let whole = CountryWriter.usual.bytes
        try with([]) { fixture throws in
            for length in 0..<whole.count {
                try fixture.overwrite(with: Array(whole[..<length]))
                #expect(fault(fixture.path) != nil, "\(length) of \(whole.count) bytes")
            }
        }
    }

    @Test("a byte that is wrong anywhere does no harm: the file is refused, or a country is told or is not known")
    func damaged() throws {
        let whole = CountryWriter.usual.bytes
        let addresses = try ["192.0.2.1", "198.51.100.200", "2001:db8::1", "::1"].map { try #require(IPAddress($0)) }
        try with([]) { fixture throws in
            for place in whole.indices {
                for change: UInt8 in [0x01, 0x20, 0x80, 0xff] {
                    var bytes = whole
                    bytes[place] ^= change
                    try fixture.overwrite(with: bytes)
                    guard let database = try? CountryDatabase(path: fixture.path) else { continue }
                    for address in addresses {
                        let country = database.country(of: address)
                        #expect(country?.utf8.allSatisfy { (65...90).contains($0) } ?? true)
                    }
                }
            }
        }
    }

    @Test("what becomes of the file does not touch what was read of it")
    func overwritten() throws {
        try with(CountryWriter.usual.bytes) { fixture throws in
            let database = try CountryDatabase(path: fixture.path)
            let address = try #require(IPAddress("192.0.2.1"))
            try fixture.overwrite(with: [])
            #expect(database.country(of: address) == "DE")
            fixture.removeFile()
            #expect(database.country(of: address) == "DE")
        }
    }
}

@Suite("A database of countries that is replaced") struct CountryFileTests {
    private let clock = ManualClock()
    private let other = CountryWriter(blocks: [("192.0.2.0/24", "NO")]).bytes

    @Test("another file is read once a minute has passed, and what is broken changes nothing and is told once")
    func replaced() throws {
        let fixture = try CountryFixture()
        defer { fixture.remove() }
        let sink = LogSink()
        let log = Log(level: .info, clock: clock.clock) { sink.append($0) }
        let file = CountryFile(try CountryDatabase(path: fixture.path), clock: clock.clock, log: log)
        let address = try #require(IPAddress("192.0.2.1"))
        func lookAgain(after time: Duration = .seconds(60)) -> String? {
            clock.advance(by: time)
            file.readAgain()
            return file.country(of: address)
        }
        try fixture.replace(with: other)
        #expect(lookAgain(after: .seconds(59)) == "DE")
        #expect(lookAgain(after: .seconds(1)) == "NO")
        try fixture.overwrite(with: Array(other.dropLast(7)))
        #expect(lookAgain() == "NO")
        #expect(lookAgain() == "NO")
        fixture.removeFile()
        #expect(lookAgain() == "NO")
        try fixture.replace(with: CountryWriter.usual.bytes)
        #expect(lookAgain() == "DE")
        try fixture.replace(with: other)
        #expect(lookAgain(after: .seconds(-3600)) == "NO")
        log.close()
        let lines = sink.text.split(separator: "\n")
        #expect(lines.count { $0.contains("countries.not_read") } == 2, "\(sink.text)")
        #expect(lines.count { $0.contains("only a part of one") } == 1)
        #expect(lines.count { $0.contains("No such file") } == 1)
        #expect(lines.count { $0.contains("countries.read\"") } == 3)
    }

    @Test("many ask while it is replaced again and again, and each gets the one or the other")
    func concurrent() async throws {
        let fixture = try CountryFixture()
        defer { fixture.remove() }
        let log = Log(level: .error) { _ in }
        defer { log.close() }
        let file = CountryFile(try CountryDatabase(path: fixture.path), clock: clock.clock, log: log)
        let address = try #require(IPAddress("192.0.2.1"))
        let answers = try await withThrowingTaskGroup(of: Set<String?>.self) { group in
            for _ in 0..<4 {
                group.addTask { Set((0..<20_000).map { _ in file.country(of: address) }) }
            }
            for round in 0..<40 {
                try fixture.replace(with: round % 2 == 0 ? other : CountryWriter.usual.bytes)
                clock.advance(by: .seconds(60))
                file.readAgain()
            }
            return try await group.reduce(into: Set()) { $0.formUnion($1) }
        }
        #expect(answers.isSubset(of: ["DE", "NO"]))
    }
}
