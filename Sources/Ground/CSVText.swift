/// Writes CSV (RFC 4180) that is safe to open in a spreadsheet.
///
/// A field that a spreadsheet would take for a formula gets an apostrophe before it. ``plain(_:)`` takes it away
/// again, and nothing else: a field that had one already gets another.
public enum CSVText {
    /// Appends one record with its line end.
    public static func append(_ fields: [String], to output: inout [UInt8]) {
        for (index, field) in fields.enumerated() {
            if index > 0 { output.append(44) }
            append(field, to: &output)
        }
        output.append(13)
        output.append(10)
    }

    private static func append(_ field: String, to output: inout [UInt8]) {
        let apostrophe = couldBeFormula(field.utf8) ? "'" : ""
        guard field.utf8.contains(where: { $0 == 34 || $0 == 44 || $0 == 10 || $0 == 13 }) else {
            output.append(contentsOf: apostrophe.utf8)
            return output.append(contentsOf: field.utf8)
        }
        output.append(34)
        output.append(contentsOf: apostrophe.utf8)
        for byte in field.utf8 {
            if byte == 34 { output.append(34) }
            output.append(byte)
        }
        output.append(34)
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
