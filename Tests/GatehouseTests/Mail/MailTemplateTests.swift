import Ground
import Services
import Testing
import _StringProcessing

@Suite("What mail says") struct MailTemplateTests {
    @Test("every message is there in every language, as text and as HTML, and says all that it must")
    func complete() throws {
        for kind in MailMessage.Kind.allCases {
            for language in Language.allCases {
                let example = kind.example(in: language, at: "https://auth.example.com")
                let content = try #require(MailTemplates.standard.content(of: example), "\(kind) \(language)")
                for text in [content.subject, content.text, content.html] {
                    #expect(!text.isEmpty && !text.contains("{{") && !text.contains("}}"), "\(kind) \(language)")
                }
                let isRussian = content.text.unicodeScalars.contains { (0x400..<0x500).contains($0.value) }
                #expect(isRussian == (language == .russian), "\(kind) \(language)")
                if kind.needsLink {
                    let link = "https://auth.example.com/link#example"
                    #expect(content.text.contains(link) && content.html.contains("href=\"\(link)\""), "\(kind)")
                }
                #expect(content.html.contains("lang=\"\(language.rawValue)\""))
                // Without facts it is shorter, and still whole.
                let bare = try #require(MailTemplates.standard.content(of: MailMessage(kind, in: language)))
                #expect(!bare.text.contains("{{") && !bare.text.isEmpty && !bare.html.contains("href"))
            }
        }
    }

    @Test("case 58: what people choose is escaped in HTML")
    func case58Escaping() throws {
        let evil = "<script>alert(\"1\")</script>&'{{link}}{{content}}"
        let message = MailMessage(.invitation, [.company: evil, .inviter: evil, .link: "https://a.example/#x\"y"], in: .english)
        let content = try #require(MailTemplates.standard.content(of: message))
        #expect(!content.html.contains("<script>") && content.html.contains("&lt;script&gt;"))
        #expect(content.html.contains("href=\"https://a.example/#x&quot;y\""))
        #expect(content.html.components("<main>") == 1)
        #expect(content.text.contains(evil))
    }

    private func folder(_ files: [String: String]) -> MailFolder {
        let folder = MailFolder()
        #expect(Files.makeFolder(folder.path))
        for (name, text) in files { #expect(Files.write("\(folder.path)/\(name)", Array(text.utf8))) }
        return folder
    }

    private func templates(_ folder: String) throws -> MailTemplates {
        var reader = SettingReader(environment: ["MAIL_TEMPLATES": folder])
        return try Configuration(reading: &reader).mail.templates
    }

    @Test("an operator's words, page and layout take the place of the server's own, and of those alone")
    func overriding() throws {
        let folder = folder([
            "password-reset.ru.txt": "Subject: Сброс{{#name}} для {{name}}{{/name}}\n\nВот:\n\n[Сюда]({{link}})\n",
            "magic-link.en.html": "<p>Own page: {{link}}</p>", "layout.html": "<body>{{subject}}|{{content}}|Own</body>",
        ])
        let own = try templates(folder.path)
        let reset = try #require(own.content(of: MailMessage(.passwordReset, [.link: "https://a/#b", .name: "Ada"], in: .russian)))
        #expect(reset.subject == "Сброс для Ada")
        #expect(reset.text == "Вот:\n\nСюда:\nhttps://a/#b\n")
        #expect(reset.html.hasPrefix("<body>Сброс для Ada|<p>Вот:</p>") && reset.html.contains("|Own</body>"))
        let magic = try #require(own.content(of: MailMessage(.magicLink, [.link: "https://a/?b&c"], in: .english)))
        #expect(magic.html == "<p>Own page: https://a/?b&amp;c</p>")
        let other = try #require(own.content(of: MailMessage(.passwordReset, [.link: "https://a/#b"], in: .english)))
        let standard = try #require(
            MailTemplates.standard.content(of: MailMessage(.passwordReset, [.link: "https://a/#b"], in: .english)))
        #expect(other.text == standard.text && other.html.contains("|Own"))
    }

    @Test("a folder with a fault is refused at start, with the file and the reason", arguments: [
        ("pasword-reset.en.txt", "Subject: x\n\n{{link}}", "no template has this name"),
        ("password-reset.de.txt", "Subject: x\n\n{{link}}", "no template has this name"),
        ("password-reset.en.md", "Subject: x\n\n{{link}}", "no template has this name"),
        ("password-reset.en.txt", "Subject: x\n\nNo link at all", "there is no {{link}}"),
        ("password-reset.en.html", "<p>No link at all</p>", "there is no {{link}}"),
        ("password-reset.en.txt", "Hello {{link}}", "the first line is not Subject"),
        ("password-reset.en.txt", "Subject: x\n", "it says nothing"),
        ("password-reset.en.txt", "Subject: x\n\n{{lnk}}", "there is no {{lnk}}"),
        ("password-reset.en.txt", "Subject: x\n\n{{link", "a {{ has no }}"),
        ("password-reset.en.txt", "Subject: x\n\nA {{#link}}{{link}}", "{{#link}} has no end"),
        ("password-reset.en.txt", "Subject: x\n\nA {{link}}{{/name}}", "{{/name}} ends nothing"),
        ("layout.html", "<body></body>", "there is no {{content}}"),
    ])
    func faults(file: String, text: String, reason: String) throws {
        let folder = folder([file: text])
        let error = #expect(throws: SettingReader.Faults.self) { try templates(folder.path) }
        let words = error?.description ?? ""
        #expect(words.contains("MAIL_TEMPLATES") && words.contains(file) && words.contains(reason), "\(words)")
        #expect(throws: SettingReader.Faults.self) { try templates(folder.path + "/nothing-here") }
    }

    @Test("settings of mail that cannot be are refused", arguments: [
        ["MAIL_URL": "http://mail"], ["MAIL_URL": "smtp+plain://a:b@mail"], ["MAIL_URL": "file:"], ["MAIL_FROM": "nobody"],
        ["MAIL_FROM": "A\r\nBcc: x <a@example.com>"], ["MAIL_URL": "smtp://mail"], ["MAIL_LANGUAGE": "de"],
        ["MAIL_LINKS": "javascript:alert(1)"], ["MAIL_LINKS": "https://a/#b"], ["MAIL_TIMEOUT": "0"],
    ])
    func settings(settings: [String: String]) throws {
        var reader = SettingReader(environment: settings)
        #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &reader) }
    }

    @Test("mail in a folder, and links that are not https, are for development alone", arguments: [
        ("MAIL_URL", "file:/tmp/mail"), ("MAIL_LINKS", "http://app.example.com"),
    ])
    func production(name: String, value: String) throws {
        let production = [
            "GATEHOUSE_ENV": "production",
            "ENCRYPTION_KEY": "5f1a9c3e7b2d4860f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4a3b2c",
            "PUBLIC_URL": "https://auth.example.com", "MAIL_URL": "smtp://mail.example.com",
            "MAIL_LINKS": "https://app.example.com",
        ]
        var whole = SettingReader(environment: production)
        _ = try Configuration(reading: &whole)
        var reader = SettingReader(environment: production.merging([name: value]) { $1 })
        let faults = #expect(throws: SettingReader.Faults.self) { _ = try Configuration(reading: &reader) }
        #expect(faults?.all.map(\.name) == [name])
        var development = SettingReader(environment: [name: value])
        _ = try Configuration(reading: &development)
    }

    @Test("the password of the mail server is not shown")
    func masking() throws {
        var reader = SettingReader(environment: [
            "MAIL_URL": "smtp://ada:opensesame@mail.example.com", "MAIL_FROM": "\"Our door\" <door@example.com>",
        ])
        let configuration = try Configuration(reading: &reader)
        #expect(configuration.mail.from == .init(name: "Our door", address: "door@example.com"))
        #expect(reader.records.allSatisfy { !$0.value.contains("opensesame") })
        #expect(reader.records.contains { $0.value == "smtp://ada:***@mail.example.com" })
        var bad = SettingReader(environment: ["MAIL_URL": "smtq://ada:opensesame@mail.example.com"])
        let error = #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &bad) }
        #expect(error?.description.contains("opensesame") == false)
    }
}

extension MailMessage.Kind {
    var needsLink: Bool {
        [.passwordReset, .emailVerification, .emailChange, .emailChanged, .magicLink, .invitation].contains(self)
    }
}

extension String {
    /// How often it stands there.
    func components(_ part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
