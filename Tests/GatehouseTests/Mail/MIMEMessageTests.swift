import Ground
import Outgoing
import Testing

@Suite("Mail as it goes over the line") struct MIMEMessageTests {
    private static func message(subject: String = "Hello", from name: String? = "Gatehouse", text: String = "Hi") -> MIMEMessage {
        MIMEMessage(
            from: .init(name: name, address: "no-reply@example.com"), to: "ada@example.com", subject: subject, text: text,
            html: "<p>\(text)</p>", date: Timestamp(seconds: 1_800_000_000), id: UUID(high: 1, low: 2), language: "en")
    }

    @Test("all of it is ASCII, in lines of at most 78 that end with CRLF", arguments: [
        "Hi", "Пароль изменён. Откройте ссылку в том браузере, в котором вы её запросили, и ни в каком другом.",
        String(repeating: "x", count: 2000), "a \t", "line\nline\r\nline\rline", "=", ".", "..\n.", "\u{1f600}\u{1f468}\u{200d}\u{1f469}", "",
    ])
    func form(text: String) throws {
        let bytes = Self.message(subject: text, from: text, text: text).bytes
        #expect(bytes.allSatisfy { $0 == 13 || $0 == 10 || (32..<127).contains($0) })
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).dropLast()
        #expect(lines.allSatisfy { $0.last == 13 && $0.dropLast().allSatisfy { $0 != 13 } && $0.count <= 79 })
        let mail = try ReceivedMail(bytes)
        // A line break is a line break, whatever stood there; a lonely CR is kept as it was.
        let kept = text.utf8.elementsEqual("line\nline\r\nline\rline".utf8) ? "line\nline\nline\rline" : text
        #expect(mail.text.utf8.elementsEqual((kept + "\n").utf8), "\(mail.text)")
    }

    @Test("case 56: no subject, name or address writes a header of its own", arguments: [
        "x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com", "x\r\n\r\n<p>body", "x\u{85}Bcc: e",
        "x\u{2028}Bcc: eve@example.com", "\" <eve@example.com>, \"", "x\0y:", "=?utf-8?Q?=0D=0ABcc:_eve?=",
    ])
    func case56Injection(text: String) throws {
        var message = Self.message(subject: text, from: text)
        message.to = "ada@example.com" + text
        message.language = text
        let mail = try ReceivedMail(message.bytes)
        let names = mail.headers.map(\.name)
        #expect(names == [
            "date", "from", "to", "subject", "message-id", "mime-version", "content-language", "auto-submitted",
            "x-auto-response-suppress", "content-type",
        ])
        // The name is one encoded word, so nothing in it is an address.
        #expect(mail.header("from").hasPrefix("=?utf-8?B?") && mail.header("from").hasSuffix(" <no-reply@example.com>"))
        #expect(mail.header("from").filter { $0 == "@" }.count == 1)
    }

    @Test("a date is as RFC 5322 writes it", arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 +0000"), (1_800_000_000, "Fri, 15 Jan 2027 08:00:00 +0000"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"), (-86400, "Wed, 31 Dec 1969 00:00:00 +0000"),
    ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) throws {
        var message = Self.message()
        message.date = Timestamp(seconds: seconds)
        #expect(try ReceivedMail(message.bytes).header("date") == text)
    }

    @Test("a long subject in Russian is read as it was written")
    func encodedWords() throws {
        let subject = "Адрес электронной почты вашей учётной записи изменён: «новый» \u{1f511}"
        let mail = try ReceivedMail(Self.message(subject: subject).bytes)
        #expect(mail.subject == subject)
        #expect(mail.header("subject").split(separator: " ").allSatisfy { $0.count <= 75 })
    }

    @Test("the address of a mail server is read strictly", arguments: [
        ("smtp://mail.example.com", "startTLS mail.example.com 587 - -"),
        ("smtps://mail.example.com", "tls mail.example.com 465 - -"),
        ("smtp+plain://10.0.0.1", "none 10.0.0.1 25 - -"),
        ("smtp://ada%40example.com:p%3A%2Fw@mail.example.com:2525/", "startTLS mail.example.com 2525 ada@example.com p:/w"),
        ("smtps://a:b:c@[::1]:465", "tls [::1] 465 a b:c"), ("SMTP://mail", "startTLS mail 587 - -"),
        ("http://mail.example.com", nil), ("smtp://", nil), ("smtp://mail:0", nil), ("smtp://mail:70000", nil),
        ("smtp://mail/path", nil), ("smtp://user@mail", nil), ("smtp://:p@mail", nil), ("smtp+plain://a:b@mail", nil),
        ("smtp://a%0D%0A:b@mail", nil), ("smtp://a:%0A@mail", nil), ("smtp://ma il", nil), ("smtp://mail\r\nX", nil),
        ("smtp://a:%zz@mail", nil), ("smtp://[nonsense]:25", nil), ("", nil),
    ] as [(String, String?)])
    func servers(text: String, wanted: String?) {
        let read = MailServer(text).map { "\($0.security) \($0.host) \($0.port) \($0.user ?? "-") \($0.password ?? "-")" }
        #expect(read == wanted)
    }

    @Test("case 56: an address that could be another command does not get to the mail server", arguments: [
        "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com>", "<ada@example.com", "ada @example.com", "", "ад@example.com",
    ])
    func case56Commands(address: String) throws {
        let server = try #require(MailServer("smtp+plain://127.0.0.1"))
        let good = "ada@example.com"
        func mail(_ from: String, _ to: String, _ name: String = "localhost") -> OutgoingMail? {
            OutgoingMail(from: from, to: to, text: [], through: server, greetingAs: name)
        }
        #expect(mail(good, good) != nil)
        #expect(mail(address, good) == nil && mail(good, address) == nil && mail(good, good, "a b") == nil)
    }
}
