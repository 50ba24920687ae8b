/// Reads RFC 4180 strictly: every field quoted, every line ended by CR LF.
enum SpreadsheetLines {
    struct Malformed: Error {}

    static func rows(_ bytes: [UInt8]) throws -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.popFirst() == 34 else { throw Malformed() }
            var field: [UInt8] = []
            while true {
                guard let byte = rest.popFirst() else { throw Malformed() }
                if byte != 34 { field.append(byte) } else if rest.first == 34 { field.append(34); rest.removeFirst() } else { break }
            }
            row.append(String(decoding: field, as: UTF8.self))
            switch rest.popFirst() {
            case 44: continue
            case 13:
                guard rest.popFirst() == 10 else { throw Malformed() }
                rows.append(row)
                row = []
            default: throw Malformed()
            }
        }
        return rows
    }
}
