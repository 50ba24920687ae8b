/// What bots speak.
public enum Language: String, Sendable, CaseIterable {
    case english = "en"
    case russian = "ru"

    /// - Parameter code: as Telegram gives it, such as `ru` or `en-GB`. Who speaks neither is spoken to in English.
    public init(telegram code: String?) {
        self = code?.lowercased().prefix { $0 != "-" } == "ru" ? .russian : .english
    }

    /// That of two texts which is in this language.
    public func callAsFunction<T>(_ english: T, _ russian: T) -> T {
        switch self {
        case .english: english
        case .russian: russian
        }
    }
}

/// Text in the HTML that Telegram knows. What stands in a literal is markup; what is put into it is escaped, so that
/// nobody's name writes any.
public struct BotText: Sendable, Equatable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// For `text` of a message with `parse_mode` HTML.
    public private(set) var html: String

    public init(stringLiteral value: String) { html = value }
    public init(stringInterpolation: StringInterpolation) { html = stringInterpolation.html }

    /// Text that is no markup.
    public init(plain text: String) { html = Self.escape(text) }

    public var description: String { html }

    public static func + (one: BotText, other: BotText) -> BotText {
        var sum = one
        sum.html += other.html
        return sum
    }

    public static func += (one: inout BotText, other: BotText) { one.html += other.html }

    /// Several, one a line.
    public static func lines(_ lines: [BotText]) -> BotText {
        var text = BotText(stringLiteral: "")
        text.html = lines.map(\.html).joined(separator: "\n")
        return text
    }

    static func escape(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        var html = ""

        public init(literalCapacity: Int, interpolationCount: Int) {}
        public mutating func appendLiteral(_ literal: String) { html += literal }
        public mutating func appendInterpolation(_ text: String) { html += BotText.escape(text) }
        public mutating func appendInterpolation(_ text: BotText) { html += text.html }
        public mutating func appendInterpolation(_ number: some BinaryInteger) { html += String(number) }
    }
}
