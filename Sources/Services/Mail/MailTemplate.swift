import Ground

/// What is wrong with a template, and where.
public struct MailTemplateFault: Error, Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let reason: String
    public var description: String { "\(file): \(reason)" }
}

/// Text with places for facts: `{{name}}`, and `{{#name}} … {{/name}}` for what is only there with the fact.
struct MailPattern: Sendable {
    private indirect enum Piece: Sendable {
        case text(String)
        case fact(MailMessage.Fact)
        case section(MailMessage.Fact, [Piece])
    }

    private let pieces: [Piece]
    let facts: Set<MailMessage.Fact>

    /// - Throws: what is wrong, in words.
    init(_ text: String) throws(Refusal) {
        var rest = text[...]
        var facts: Set<MailMessage.Fact> = []
        pieces = try Self.read(&rest, until: nil, &facts)
        self.facts = facts
    }

    struct Refusal: Error {
        let reason: String
    }

    private static func read(
        _ rest: inout Substring, until end: MailMessage.Fact?, _ facts: inout Set<MailMessage.Fact>
    ) throws(Refusal) -> [Piece] {
        var pieces: [Piece] = []
        while let open = rest.firstRange(of: "{{") {
            if open.lowerBound > rest.startIndex { pieces.append(.text(String(rest[..<open.lowerBound]))) }
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw Refusal(reason: "a {{ has no }}")
            }
            var name = rest[open.upperBound..<close.lowerBound]
            rest = rest[close.upperBound...]
            let mark = name.first
            if mark == "#" || mark == "/" { name = name.dropFirst() }
            guard let fact = MailMessage.Fact(rawValue: String(name)) else {
                throw Refusal(reason: "there is no {{\(name)}}")
            }
            switch mark {
            case "#":
                facts.insert(fact)
                pieces.append(.section(fact, try read(&rest, until: fact, &facts)))
            case "/":
                guard fact == end else { throw Refusal(reason: "{{/\(name)}} ends nothing that is open") }
                return pieces
            default:
                facts.insert(fact)
                pieces.append(.fact(fact))
            }
        }
        if let end { throw Refusal(reason: "{{#\(end.rawValue)}} has no end") }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        return pieces
    }

    /// - Parameters:
    ///   - words: what becomes of the text between facts.
    ///   - value: what becomes of facts.
    func filled(
        with facts: [MailMessage.Fact: String], words: (String) -> String = { $0 }, value: (String) -> String = { $0 }
    ) -> String {
        Self.fill(pieces, facts, words, value)
    }

    private static func fill(
        _ pieces: [Piece], _ facts: [MailMessage.Fact: String], _ words: (String) -> String, _ value: (String) -> String
    ) -> String {
        pieces.map { piece in
            switch piece {
            case .text(let text): words(text)
            case .fact(let fact): facts[fact].map(value) ?? ""
            case .section(let fact, let inner): facts[fact] == nil ? "" : fill(inner, facts, words, value)
            }
        }.joined()
    }
}

/// One message in one language: a subject, and paragraphs from which both text and HTML are made.
///
/// A paragraph `[words]({{link}})` is a button in HTML; one that is nothing but a fact stands out.
struct MailTemplate: Sendable {
    private enum Block: Sendable {
        case paragraph(MailPattern)
        case button(MailPattern, MailMessage.Fact)
        case mark(MailMessage.Fact)
    }

    private static let subjectMark = "Subject: "

    /// As it was written.
    let source: String
    let subject: MailPattern
    private let blocks: [Block]
    /// What an operator has written in the place of the HTML that is made of the paragraphs.
    var html: MailPattern?

    var facts: Set<MailMessage.Fact> {
        blocks.reduce(into: []) { facts, block in
            switch block {
            case .paragraph(let pattern): facts.formUnion(pattern.facts)
            case .button(_, let fact), .mark(let fact): facts.insert(fact)
            }
        }
    }

    init(_ source: String) throws(MailPattern.Refusal) {
        self.source = source
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasSuffix("\r") ? line.dropLast() : line
        }
        guard let first = lines.first, first.hasPrefix(Self.subjectMark), first.count > Self.subjectMark.count else {
            throw .init(reason: "the first line is not \(Self.subjectMark)…")
        }
        subject = try MailPattern(String(first.dropFirst(Self.subjectMark.count)))
        blocks = try Self.blocks(lines.dropFirst())
        guard !blocks.isEmpty else { throw .init(reason: "it says nothing") }
    }

    private static func blocks(_ lines: ArraySlice<Substring>) throws(MailPattern.Refusal) -> [Block] {
        var blocks: [Block] = []
        for paragraph in lines.split(whereSeparator: { $0.allSatisfy { $0 == " " } }) {
            blocks.append(try block(paragraph.joined(separator: "\n")))
        }
        return blocks
    }

    private static func block(_ text: String) throws(MailPattern.Refusal) -> Block {
        if let fact = fact(text[...]) { return .mark(fact) }
        if text.hasPrefix("["), text.hasSuffix(")"), let middle = text.firstRange(of: "]("),
            let fact = fact(text[middle.upperBound...].dropLast())
        {
            return .button(try MailPattern(String(text.dropFirst()[..<middle.lowerBound])), fact)
        }
        return .paragraph(try MailPattern(text))
    }

    private static func fact(_ text: Substring) -> MailMessage.Fact? {
        guard text.hasPrefix("{{"), text.hasSuffix("}}") else { return nil }
        return MailMessage.Fact(rawValue: String(text.dropFirst(2).dropLast(2)))
    }

    func text(with facts: [MailMessage.Fact: String]) -> String {
        let parts = blocks.compactMap { block -> String? in
            switch block {
            case .paragraph(let pattern): pattern.filled(with: facts)
            case .button(let label, let fact): facts[fact].map { "\(label.filled(with: facts)):\n\($0)" }
            case .mark(let fact): facts[fact].map { "    \($0)" }
            }
        }
        return parts.filter { $0.contains { !$0.isWhitespace } }.joined(separator: "\n\n") + "\n"
    }

    /// The paragraphs as markup; what stands around them is not of this template.
    func content(with facts: [MailMessage.Fact: String]) -> String {
        let parts = blocks.compactMap { block -> String? in
            switch block {
            case .paragraph(let pattern):
                let text = pattern.filled(with: facts)
                guard text.contains(where: { !$0.isWhitespace }) else { return nil }
                let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
                return "<p>\(lines.map { MailMarkup.escape(String($0)) }.joined(separator: "<br>\n"))</p>"
            case .button(let label, let fact):
                return facts[fact].map { link in
                    let href = MailMarkup.escape(link)
                    return """
                        <p><a class="button" href="\(href)">\(MailMarkup.escape(label.filled(with: facts)))</a></p>
                        <p class="link">\(href)</p>
                        """
                }
            case .mark(let fact): return facts[fact].map { "<p class=\"mark\">\(MailMarkup.escape($0))</p>" }
            }
        }
        return parts.joined(separator: "\n")
    }
}

/// Markup in mail.
enum MailMarkup {
    /// Fit for text and for quoted attributes.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
