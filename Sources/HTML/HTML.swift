/// A piece of a page. Whatever is put into it as text is escaped; only another piece goes in as it is.
public struct HTML: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    /// The markup.
    public let text: String

    public init(stringLiteral value: String) { text = value }
    public init(stringInterpolation interpolation: Interpolation) { text = interpolation.text }
    init(trusted text: String) { self.text = text }

    public struct Interpolation: StringInterpolationProtocol {
        var text = ""

        public init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
        public mutating func appendLiteral(_ literal: String) { text += literal }
        public mutating func appendInterpolation(_ value: String) { HTML.escape(value, into: &text) }
        public mutating func appendInterpolation(_ value: Int) { text += String(value) }
        public mutating func appendInterpolation(_ piece: HTML) { text += piece.text }
        public mutating func appendInterpolation(_ piece: HTML?) { text += piece?.text ?? "" }
        public mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { text += piece.text } }
    }

    /// Fit for text and for quoted attributes.
    private static func escape(_ value: String, into output: inout String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            // Marks that turn the direction of writing could make one text look like another.
            case "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}", "\0": output += "\u{fffd}"
            default: output.unicodeScalars.append(scalar)
            }
        }
    }
}
