import Glibc
import Ground
import Services
import Testing

/// The mail of one test, as a development server writes it into a folder.
final class MailFolder: Sendable {
    let path = "/var/tmp/gatehouse-test-mail-" + Hex.encode(RandomSource.system.bytes(8))

    deinit {
        for name in Files.names(in: path) ?? [] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    var settings: [String: String] { ["MAIL_URL": "file:\(path)"] }

    /// What there is of a kind, in the order in which it was written where that was not at the same moment.
    func mails(_ kind: MailMessage.Kind) throws -> [ReceivedMail] {
        let names = (Files.names(in: path) ?? []).filter { $0.hasSuffix(".eml") && $0.dropFirst(25).hasPrefix(kind.rawValue + "-0") }
        return try names.map { name in
            try ReceivedMail(try #require(Files.read("\(path)/\(name)", limit: 1 << 20)))
        }
    }

    /// The same once there are so many.
    func mails(_ kind: MailMessage.Kind, _ count: Int) async throws -> [ReceivedMail] {
        var found: [ReceivedMail] = []
        let areThere = try await eventually {
            found = try mails(kind)
            return found.count >= count
        }
        try #require(areThere, "\(found.count) of \(count) mails of \(kind) came")
        return found
    }

    /// The only one of its kind.
    func mail(_ kind: MailMessage.Kind) async throws -> ReceivedMail {
        let found = try await mails(kind, 1)
        #expect(found.count == 1)
        return found[0]
    }
}

/// Mail as whoever gets it reads it.
struct ReceivedMail: Sendable {
    let headers: [(name: String, value: String)]
    let text: String
    let html: String

    init(_ bytes: [UInt8]) throws {
        let raw = String(decoding: bytes, as: UTF8.self)
        let lines = raw.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let end = try #require(lines.firstIndex(of: ""))
        var headers: [(name: String, value: String)] = []
        for line in lines[..<end] {
            if line.hasPrefix(" "), let last = headers.last {
                headers[headers.count - 1].value = last.value + line
            } else {
                let colon = try #require(line.firstIndex(of: ":"), "\(line)")
                headers.append((line[..<colon].lowercased(), String(line[line.index(after: colon)...].dropFirst())))
            }
        }
        self.headers = headers
        let type = headers.first { $0.name == "content-type" }?.value ?? ""
        let boundary = "--" + (type.split(separator: "\"").last.map(String.init) ?? "")
        let parts = lines[end...].split { $0.hasPrefix(boundary) }.filter { $0.contains { $0.hasPrefix("Content-Type") } }
        try #require(parts.count == 2)
        (text, html) = (Self.body(parts[0]), Self.body(parts[1]))
    }

    private static func body(_ lines: ArraySlice<String>) -> String {
        var bytes: [UInt8] = []
        for line in lines.drop(while: { !$0.isEmpty }).dropFirst() {
            var rest = Array(line.utf8)[...]
            let isSoft = rest.last == 61
            if isSoft { rest.removeLast() }
            while let byte = rest.popFirst() {
                if byte == 61, let pair = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)) {
                    bytes += pair
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte)
                }
            }
            if !isSoft { bytes.append(10) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func header(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }

    /// With its encoded words read.
    var subject: String {
        let words = header("subject").split(separator: " ")
        guard words.first?.hasPrefix("=?utf-8?B?") == true else { return header("subject") }
        return words.map { word in
            let coded = word.dropFirst("=?utf-8?B?".count).dropLast(2).filter { $0 != "=" }
            let url = String(coded.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
            return String(decoding: Base64URL.decode(url) ?? [], as: UTF8.self)
        }.joined()
    }

    var to: String { String(header("to").dropFirst().dropLast()) }

    /// Links in the text, the first first.
    var links: [String] { text.split { $0.isWhitespace }.filter { $0.hasPrefix("http") }.map(String.init) }

    /// What stands behind `#` in the first.
    var token: String {
        get throws { String(try #require(links.first?.split(separator: "#").last, "\(text)")) }
    }
}

/// A server whose mail goes into a folder.
func withMail(
    on kind: StoreKind = .sqliteInMemory, _ settings: [String: String] = [:],
    _ body: (Gatehouse, MailFolder) async throws -> Void
) async throws {
    let mails = MailFolder()
    try await withGatehouse(on: kind, mails.settings.merging(settings) { $1 }) { try await body($0, mails) }
}
