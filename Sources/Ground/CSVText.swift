/// Writes CSV (RFC 4180) that is safe to open in a spreadsheet: a field that one would take for a formula gets an
/// apostrophe before it.
public enum CSVText {
    /// What a file is for.
    public enum Purpose: Sendable {
        /// To be read in again: ``plain(_:)`` takes the apostrophe away, and nothing else. A field that had one already
        /// gets another.
        case restoring
        /// To be looked at, whoever wrote what is in it. Every field is quoted, and what could end a line, move a cursor
        /// or turn the direction of writing becomes U+FFFD.
        case viewing
    }

    /// Appends one record with its line end.
    public static func append(_ fields: [String], for purpose: Purpose, to output: inout [UInt8]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { output.append(44) }
            switch purpose {
            case .restoring:
                let needsQuotes = field.utf8.contains { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }
                append(field, isFormula: couldBeFormula(field.utf8), isQuoted: needsQuotes, to: &output)
            case .viewing: append(harmless(field), isFormula: mayLookLikeFormula(field), isQuoted: true, to: &output)
            }
        }
        output.append(13)
        output.append(10)
    }

    private static func append(_ field: String, isFormula: Bool, isQuoted: Bool, to output: inout [UInt8]) {
        if isQuoted { output.append(34) }
        if isFormula { output.append(39) }
        for byte in field.utf8 {
            if byte == 34 { output.append(34) }
            output.append(byte)
        }
        if isQuoted { output.append(34) }
    }

    private static func harmless(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("\u{fffd}")
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// Spreadsheets pass over blanks, and know the wide forms of these signs.
    private static func mayLookLikeFormula(_ text: String) -> Bool {
        let first = text.unicodeScalars.first { scalar in
            let category = scalar.properties.generalCategory
            return !scalar.properties.isWhitespace && category != .control && category != .format
        }
        return first.map { "=+-@|%\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".unicodeScalars.contains($0) } ?? false
    }

    /// The field as it was before it was written.
    public static func plain(_ field: String) -> String {
        guard field.utf8.first == 39, couldBeFormula(field.utf8.dropFirst()) else { return field }
        return String(field.dropFirst())
    }

    /// Whether behind any apostrophes there is what begins a formula.
    private static func couldBeFormula(_ text: some Collection<UInt8>) -> Bool {
        switch text.first(where: { $0 != 39 }) {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 9, 13: true
        default: false
        }
    }
}
