import Ground

/// What is said in every message, in every language. An operator's folder may take the place of parts of it:
/// `password-reset.ru.txt` of words, `password-reset.ru.html` of one page of HTML, `layout.html` of what stands around all.
public struct MailTemplates: Sendable {
    /// A message as it is read.
    public struct Content: Sendable {
        public let subject: String
        public let text: String
        public let html: String
    }

    private struct Name: Hashable {
        let kind: MailMessage.Kind
        let language: Language
    }

    private static let longestFile = 262_144
    private static let layoutFile = "layout.html"
    private static let contentMark = "{{content}}"

    private var templates: [Name: MailTemplate] = [:]
    private var layout: String

    /// The server's own.
    public static let standard = MailTemplates()

    private init() {
        layout = String(decoding: PackageResources.layout_html, as: UTF8.self)
        for (language, bytes) in [(Language.english, PackageResources.en_txt), (.russian, PackageResources.ru_txt)] {
            for (kind, text) in Self.sections(String(decoding: bytes, as: UTF8.self)) {
                // A test reads each of them, so none is missing.
                templates[Name(kind: kind, language: language)] = try? MailTemplate(text)
            }
        }
    }

    /// Those of the folder, and the server's own for the rest.
    /// - Throws: the first fault: a file that is not known or cannot be read, a place for what there is not, or none for what
    ///   there must be.
    init(folder: String) throws(MailTemplateFault) {
        self = .standard
        guard let names = Files.names(in: folder) else { throw .init(file: folder, reason: "cannot be read") }
        // Words before HTML: new words take the place of both.
        for name in names.filter({ $0.hasSuffix(".txt") }) + names.filter({ !$0.hasSuffix(".txt") }) {
            guard let bytes = Files.read("\(folder)/\(name)", limit: Self.longestFile),
                let text = String(validating: bytes, as: UTF8.self)
            else { throw .init(file: name, reason: "cannot be read as UTF-8 of less than 256 KiB") }
            do throws(MailPattern.Refusal) { try take(text, from: name) } catch {
                throw .init(file: name, reason: error.reason)
            }
        }
    }

    private mutating func take(_ text: String, from file: String) throws(MailPattern.Refusal) {
        if file == Self.layoutFile {
            guard text.firstRange(of: Self.contentMark) != nil else { throw .init(reason: "there is no \(Self.contentMark)") }
            return layout = text
        }
        let parts = file.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let kind = MailMessage.Kind(rawValue: parts[0]), let language = Language(rawValue: parts[1]),
            parts[2] == "txt" || parts[2] == "html"
        else { throw .init(reason: "no template has this name") }
        let name = Name(kind: kind, language: language)
        let facts: Set<MailMessage.Fact>
        if parts[2] == "txt" {
            let template = try MailTemplate(text)
            templates[name] = template
            facts = template.facts
        } else {
            let pattern = try MailPattern(text)
            templates[name]?.html = pattern
            facts = pattern.facts
        }
        if let missing = kind.needs.first(where: { !facts.contains($0) }) {
            throw .init(reason: "there is no {{\(missing.rawValue)}}")
        }
    }

    /// What the message says.
    /// - Returns: nil where there is no such template.
    public func content(of message: MailMessage) -> Content? {
        guard let template = templates[Name(kind: message.kind, language: message.language)] else { return nil }
        let facts = message.facts
        let subject = template.subject.filled(with: facts)
        let html = template.html?.filled(with: facts, value: MailMarkup.escape) ?? page(
            around: template.content(with: facts), subject: subject, in: message.language)
        return Content(subject: subject, text: template.text(with: facts), html: html)
    }

    /// The words of a template as they were written, to begin one's own with.
    public func source(of kind: MailMessage.Kind, in language: Language) -> String {
        templates[Name(kind: kind, language: language)]?.source ?? ""
    }

    private func page(around content: String, subject: String, in language: Language) -> String {
        // Piece by piece, so that nothing that people are called is taken for a place in the layout.
        var page = ""
        var rest = layout[...]
        while let open = rest.firstRange(of: "{{"), let close = rest[open.upperBound...].firstRange(of: "}}") {
            page += rest[..<open.lowerBound]
            switch rest[open.upperBound..<close.lowerBound] {
            case "content": page += content
            case "subject": page += MailMarkup.escape(subject)
            case "language": page += language.rawValue
            default: page += rest[open.lowerBound..<close.upperBound]
            }
            rest = rest[close.upperBound...]
        }
        return page + rest
    }

    private static func sections(_ text: String) -> [(kind: MailMessage.Kind, text: String)] {
        var sections: [(kind: MailMessage.Kind, text: String)] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("=== "), let kind = MailMessage.Kind(rawValue: String(line.dropFirst(4))) {
                sections.append((kind, ""))
            } else if !sections.isEmpty {
                sections[sections.count - 1].text += line + "\n"
            }
        }
        return sections
    }
}

extension MailMessage.Kind {
    /// Without these the message is worth nothing.
    var needs: [MailMessage.Fact] {
        switch self {
        case .passwordReset, .emailVerification, .emailChange, .magicLink, .invitation: [.link]
        case .signInCode: [.code]
        default: []
        }
    }

    /// Something to fill the template with, for whoever wants to see it.
    public func example(in language: Language, at base: String) -> MailMessage {
        MailMessage(
            self,
            [
                .name: "Ada Lovelace", .link: "\(base)/link#example", .code: "481 920", .minutes: "60",
                .device: "Firefox on Linux", .address: "192.0.2.1", .moment: "2027-01-15 08:00 UTC",
                .company: "Analytical Engines", .inviter: "Grace Hopper", .reason: "The project has ended.",
                .email: "ada@example.com", .passkey: "Laptop", .people: "Grace Hopper, Alan Turing",
                .disown: "\(base)/not-me#example",
            ],
            in: language)
    }
}
