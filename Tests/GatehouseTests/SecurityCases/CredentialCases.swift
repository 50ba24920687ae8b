import Credentials
import Glibc
import Testing
import _StringProcessing

@Suite("Known faults of others: credentials") struct CredentialCasesTests {
    @Test("case 44: a bcrypt hash of ours knows every byte of a long password")
    func case44BcryptCut() throws {
        let hasher = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [pepper])
        let long = String(repeating: "a", count: 72)
        let stored = try hasher.hash(long + "tail")
        #expect(stored.hasPrefix("$gh-bcrypt$"))
        #expect(try hasher.verify(long + "tail", against: stored) == Verification(matches: true, needsRehash: false))
        #expect(try !hasher.verify(long + "tale", against: stored).matches)
        #expect(try !hasher.verify(long, against: stored).matches)
    }

    @Test("case 44: a long password behind an imported bcrypt hash still works, and is hashed anew as a whole")
    func case44ImportedBcrypt() throws {
        let hasher = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [pepper])
        let long = String(repeating: "a", count: 72) + "tail"
        // Python's bcrypt 4.0.1, which cuts.
        let imported = "$2b$04$oINBfpedaXowMO99QCH.8.6AEpVdBjfV26jlIWdMcNnrXMGScaCLu"
        #expect(try hasher.verify(long, against: imported) == Verification(matches: true, needsRehash: true))
        #expect(try !hasher.verify(long, against: hasher.hash(String(long.prefix(72)))).matches)
    }

    @Test("case 45: no line of the product compares a secret with == or !=")
    func case45ConstantTime() throws {
        let package = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let comparison = try Regex(
            #"\b\w*(mac|digest|signature|secret|passwordHash|tokenHash)\s*(==|!=)\s*(?!nil\b)"#
        ).ignoresCase()
        var found = [String]()
        var files = 0
        for file in try swiftFiles(in: package + "/Sources") {
            let text = String(decoding: try #require(File.bytes(file)), as: UTF8.self)
            files += 1
            found += text.split(separator: "\n").filter { $0.contains(comparison) }.map { "\(file): \($0)" }
        }
        #expect(files > 20)
        #expect(found.isEmpty, "use Digest.equal")
    }

    @Test("case 62: two spellings of one address are one account", arguments: [
        "ALICE@EXAMPLE.COM", " alice@example.com", "alice@example.com\n", "Alice@ｅxample.com", "alice@example。com",
    ])
    func case62EmailSpellings(spelling: String) throws {
        #expect(try EmailAddress(spelling) == EmailAddress("alice@example.com"))
        #expect(try EmailAddress(spelling).normalized == "alice@example.com")
    }

    @Test("case 62: look-alikes are other accounts, and are shown as what they are")
    func case62LookAlikes() throws {
        let other = try EmailAddress("alice@ехаmple.com")
        #expect(try other != EmailAddress("alice@example.com"))
        #expect(other.address.contains("@xn--"))
    }

    @Test("case 62: an address that programs read in different ways is refused", arguments: [
        "alice@evil.com@example.com", "\"alice@evil.com\"@example.com", "alice@evil.com\u{0}@example.com",
        "alice＠example.com", "alice@evil.com＠example.com", "alice@@example.com", "@example.com", "alice",
        "alice(comment)@example.com", "alice@example.com(comment)", "Alice <alice@example.com>",
        "alice@example.com.", ".alice@example.com", "alice.@example.com", "al..ice@example.com", "alice@example..com",
        "alice@[192.0.2.1]", "alice@[IPv6:2001:db8::1]", "alice@192.0.2.1", "alice@exa_mple.com",
        "alice\u{200b}@example.com", "alice\u{202e}@example.com", "alice@exa\u{ad}mple.com", "alıce@example.com",
        "\u{ff41}lice@example.com", "ali\u{301}ce@example.com", "alice@\u{301}example.com", "al ice@example.com",
        "alice @example.com", "alice@ example.com", "alice@example.com,bob@example.com",
        "alice@example.com;bob@example.com",
        "alice@example.com\r\nBcc: bob@example.com", "alice\r\n@example.com", "alice@\r\nexample.com",
    ])
    func case62Refused(text: String) {
        #expect(throws: EmailFault.self) { try EmailAddress(text) }
    }

    private func swiftFiles(in folder: String) throws -> [String] {
        let directory = try #require(opendir(folder))
        defer { closedir(directory) }
        var files = [String]()
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".swift") {
                files.append("\(folder)/\(name)")
            } else if entry.pointee.d_type == UInt8(DT_DIR), !name.hasPrefix(".") {
                files += try swiftFiles(in: "\(folder)/\(name)")
            }
        }
        return files
    }
}
