import Ground

/// A mail as it goes over the line (RFC 5322, RFC 2045): the same as text and as HTML, all of it ASCII, each line ended
/// by CRLF and short enough for any server.
public struct MIMEMessage: Sendable {
    /// A mailbox with the name that is shown beside it.
    public struct Mailbox: Sendable, Equatable {
        public let name: String?
        /// ASCII, and no longer than 255 bytes.
        public let address: String

        public init(name: String?, address: String) {
            self.name = name
            self.address = address
        }
    }

    public var from: Mailbox
    public var to: String
    public var subject: String
    public var text: String
    public var html: String
    public var date: Timestamp
    /// What stands before the `@` of the `Message-ID`; a message that is sent again keeps it.
    public var id: UUID
    /// `en` or the like.
    public var language: String

    public init(
        from: Mailbox, to: String, subject: String, text: String, html: String, date: Timestamp, id: UUID, language: String
    ) {
        self.from = from
        self.to = to
        self.subject = subject
        self.text = text
        self.html = html
        self.date = date
        self.id = id
        self.language = language
    }

    public var bytes: [UInt8] {
        let boundary = "=_\(Hex.encode(id.bytes))"
        let domain = from.address.split(separator: "@").last.map(String.init) ?? "localhost"
        var lines = [
            "Date: \(MailDate.text(date))",
            "From: \(from.name.map { EncodedWord.encode($0, after: 6) + "\r\n " } ?? "")<\(Self.plain(from.address))>",
            "To: <\(Self.plain(to))>",
            "Subject: \(EncodedWord.encode(subject, after: 9))",
            "Message-ID: <\(id)@\(Self.plain(domain))>",
            "MIME-Version: 1.0",
            "Content-Language: \(Self.plain(language))",
            // Nobody's holiday is to be told to a machine (RFC 3834).
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "Content-Type: multipart/alternative;\r\n boundary=\"\(boundary)\"", "",
        ]
        for (type, content) in [("plain", text), ("html", html)] {
            lines += [
                "--\(boundary)", "Content-Type: text/\(type); charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable", "",
            ]
            lines += QuotedPrintable.lines(content)
        }
        lines += ["--\(boundary)--", ""]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// What could end a header, or is no ASCII, is left out: addresses are checked before, and this holds where one was not.
    private static func plain(_ text: String) -> String {
        String(decoding: text.utf8.filter { (33..<127).contains($0) }, as: UTF8.self)
    }
}

/// Moments as mail writes them (RFC 5322, 3.3), in UTC.
enum MailDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func text(_ moment: Timestamp) -> String {
        // 2027-01-15T08:00:00.000Z
        let text = Array(moment.rfc3339.utf8)
        func part(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        // The first day of the epoch was a Thursday.
        let day = (moment.seconds / 86400 % 7 + 7) % 7
        let month = Int(part(5..<7)).map { months[($0 - 1) % 12] } ?? "Jan"
        return "\(days[Int(day)]), \(part(8..<10)) \(month) \(part(0..<4)) \(part(11..<19)) +0000"
    }
}

/// Text in a header (RFC 2047). All of it is encoded, unless it is harmless and short: so no name can end a header, or
/// write an address or a comment into one.
enum EncodedWord {
    /// Bytes of UTF-8 in one word; with what stands around them no word is longer than 75.
    private static let mostBytes = 42

    /// - Parameter column: how much stands on the line before it.
    static func encode(_ text: String, after column: Int) -> String {
        // An encoded word cannot say what ends a line; nothing good is lost with it.
        let text = String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
        if column + text.utf8.count <= 76, text.utf8.allSatisfy(isHarmless), !text.isEmpty, text.utf8.first != 32,
            text.utf8.last != 32
        {
            return text
        }
        var words: [String] = []
        var chunk: [UInt8] = []
        for scalar in text.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            if chunk.count + bytes.count > mostBytes {
                words.append(word(chunk))
                chunk = []
            }
            chunk += bytes
        }
        if !chunk.isEmpty || words.isEmpty { words.append(word(chunk)) }
        return words.joined(separator: "\r\n ")
    }

    private static func word(_ bytes: [UInt8]) -> String { "=?utf-8?B?\(Base64.encode(bytes))?=" }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 32 || (127..<160).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 32, 45, 33, 39: true
        default: false
        }
    }
}

/// Text as lines of ASCII, none longer than 76 (RFC 2045, 6.7).
enum QuotedPrintable {
    private static let longest = 75

    static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        for line in text.utf8.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 10 }) {
            var bytes = Array(line)
            if bytes.last == 13 { bytes.removeLast() }
            lines += folded(bytes)
        }
        return lines
    }

    private static func folded(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var line = ""
        for (index, byte) in bytes.enumerated() {
            let isLast = index == bytes.count - 1
            let piece = encoded(byte, isLast: isLast)
            if line.utf8.count + piece.utf8.count > longest {
                lines.append(line + "=")
                line = ""
            }
            line += piece
        }
        return lines + [line]
    }

    private static func encoded(_ byte: UInt8, isLast: Bool) -> String {
        switch byte {
        // A space at the end of a line gets lost.
        case 32: if !isLast { return String(UnicodeScalar(byte)) }
        case 33..<127 where byte != 61: return String(UnicodeScalar(byte))
        default: break
        }
        return "=" + Hex.encode([byte]).uppercased()
    }
}
