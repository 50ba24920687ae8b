import Credentials
import Ground

/// Reads a file of people as it comes, and says what each line holds.
struct ImportReader: Sendable {
    private enum Form: Sendable {
        /// The columns are known once the header was read.
        case csv(CSVReader, columns: [ImportField]?)
        case json(ImportJSON)
    }

    /// What one line holds, or what is wrong with it as a whole.
    typealias Line = (number: Int, content: Result<ImportValues, ImportFaults>)

    struct ImportFaults: Error {
        let all: [ImportFault]
    }

    private var form: Form
    private let mapping: ImportMapping

    init(_ format: ImportFormat, from mapping: ImportMapping) {
        self.mapping = mapping
        form =
            switch format {
            case .csv: .csv(CSVReader(), columns: nil)
            case .json: .json(ImportJSON(mapping.source == .gatehouse ? .array : .arrayOrUsers))
            case .jsonl: .json(ImportJSON(.lines))
            }
    }

    /// - Throws: `.invalid` where nothing of the file can be read, such as columns that are not known.
    mutating func read(_ bytes: [UInt8], _ take: (Line) -> Void) throws(AuthError) { try advance(bytes, take) }

    /// - Throws: `.invalid` where the file ends too early.
    mutating func finish(_ take: (Line) -> Void) throws(AuthError) { try advance(nil, take) }

    private mutating func advance(_ bytes: [UInt8]?, _ take: (Line) -> Void) throws(AuthError) {
        switch form {
        case .csv(let reader, let columns): try advanceCSV(reader, columns, bytes, take)
        case .json(let reader): try advanceJSON(reader, bytes, take)
        }
    }

    private mutating func advanceCSV(
        _ reader: consuming CSVReader, _ known: [ImportField]?, _ bytes: [UInt8]?, _ take: (Line) -> Void
    ) throws(AuthError) {
        var columns = known
        var refusal: AuthError?
        func record(_ record: CSVReader.Record) {
            guard refusal == nil else { return }
            if let columns { return take(Self.line(record, columns)) }
            do throws(AuthError) { columns = try Self.columns(record) } catch { refusal = error }
        }
        // A second copy would make each change of the reader copy its buffers.
        form = .csv(CSVReader(), columns: nil)
        if let bytes { reader.read(bytes, record) } else { reader.finish(record) }
        form = .csv(reader, columns: columns)
        if let refusal { throw refusal }
        if bytes == nil, columns == nil { throw Self.unreadable("The first line must name the columns.") }
    }

    private mutating func advanceJSON(
        _ reader: consuming ImportJSON, _ bytes: [UInt8]?, _ take: (Line) -> Void
    ) throws(AuthError) {
        let mapping = mapping
        func element(_ number: Int, _ element: [UInt8]?) { take((number, mapping.values(of: element, line: number))) }
        form = .csv(CSVReader(), columns: nil)
        do throws(ImportJSON.Malformed) {
            if let bytes { try reader.read(bytes, element) } else { try reader.finish(element) }
        } catch { throw Self.unreadable("The file is no JSON of the kind that was named, or it is cut.") }
        form = .json(reader)
    }

    private static func unreadable(_ message: String) -> AuthError {
        .invalid([FieldFault(field: "file", code: "malformed", message: message)])
    }

    private static func columns(_ record: CSVReader.Record) throws(AuthError) -> [ImportField] {
        guard case .success(let names) = record.content else { throw unreadable("The first line cannot be read.") }
        var columns: [ImportField] = []
        var faults: [FieldFault] = []
        for name in names {
            guard let field = ImportField(rawValue: name) else {
                let fault = ImportFault.unknownField(record.line, name)
                faults.append(FieldFault(field: fault.field, code: fault.code, message: fault.message))
                continue
            }
            if columns.contains(field) {
                faults.append(FieldFault(field: name, code: "given_twice", message: "This column is there twice."))
            }
            columns.append(field)
        }
        if faults.isEmpty, !columns.contains(.email) {
            faults.append(FieldFault(field: "email", code: "required", message: "This column is needed."))
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        return columns
    }

    private static func line(_ record: CSVReader.Record, _ columns: [ImportField]) -> Line {
        let fields: [String]
        switch record.content {
        case .success(let content): fields = content
        case .failure(let fault):
            return (record.line, .failure(ImportFaults(all: [.unreadable(record.line, fault)])))
        }
        guard fields.count == columns.count else {
            let message = "This line has \(fields.count) fields, and the first has \(columns.count)."
            return (record.line, .failure(ImportFaults(all: [ImportFault(record.line, "line", "malformed", message)])))
        }
        var values: ImportValues = [:]
        var faults: [ImportFault] = []
        for (column, text) in zip(columns, fields) where !text.isEmpty {
            let plain = CSVText.plain(text)
            if let value = value(of: column, plain) { values[column] = value } else {
                faults.append(ImportFault(record.line, column, "malformed", "This must be JSON."))
            }
        }
        return (record.line, faults.isEmpty ? .success(values) : .failure(ImportFaults(all: faults)))
    }

    private static func value(of column: ImportField, _ text: String) -> JSON? {
        if column.isStructured { return try? JSON.parse(Array(text.utf8)) }
        switch column {
        case .roles:
            return .array(text.split(separator: ";").map { .string(String($0)) })
        case .emailVerified, .requiresPasswordChange:
            switch text.lowercased() {
            case "true", "t", "1": return true
            case "false", "f", "0": return false
            default: return .string(text)
            }
        case .createdAt: return Int64(text).map { .integer($0) } ?? .string(text)
        default: return .string(text)
        }
    }
}
