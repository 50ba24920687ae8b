import CPostgreSQL
import Ground

/// Values on their way to and from PostgreSQL, all in its binary format.
enum PostgreSQLWire {
    /// Types by their numbers in `pg_type`.
    private enum TypeID {
        static let bool: Oid = 16
        static let bytes: Oid = 17
        static let int8: Oid = 20
        static let int2: Oid = 21
        static let int4: Oid = 23
        static let text: Oid = 25
        static let float8: Oid = 701
        static let uuid: Oid = 2950
    }

    /// The type to declare for a value; 0 lets the server infer it.
    static func type(of value: SQLValue) -> Oid {
        switch value {
        case .null: 0
        case .integer: TypeID.int8
        case .real: TypeID.float8
        case .text: TypeID.text
        case .bytes: TypeID.bytes
        case .uuid: TypeID.uuid
        }
    }

    /// Gives `body` the values as libpq wants them; the pointers are good until it returns.
    static func withParameters<T>(
        _ values: [SQLValue],
        _ body: (_ count: Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> T
    ) -> T {
        var bytes: [UInt8] = []
        var ranges: [Range<Int>?] = []
        ranges.reserveCapacity(values.count)
        for value in values {
            let start = bytes.count
            append(value, to: &bytes)
            ranges.append(value == .null ? nil : start..<bytes.count)
        }
        // An empty value still needs an address that is not NULL.
        bytes.append(0)
        return bytes.withUnsafeBytes { raw in
            let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = ranges.map { range in range.flatMap { range in base.map { $0 + range.lowerBound } } }
            let lengths = ranges.map { Int32($0?.count ?? 0) }
            let formats = [Int32](repeating: 1, count: values.count)
            return body(Int32(values.count), pointers, lengths, formats)
        }
    }

    private static func append(_ value: SQLValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: break
        case .integer(let number): append(UInt64(bitPattern: number), to: &bytes)
        case .real(let number): append(number.bitPattern, to: &bytes)
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .bytes(let more): bytes.append(contentsOf: more)
        case .uuid(let id):
            append(id.high, to: &bytes)
            append(id.low, to: &bytes)
        }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// The rows of a result in binary format.
    static func rows(of result: OpaquePointer) throws(DatabaseError) -> [Row] {
        let columns = PQnfields(result)
        var rows: [Row] = []
        for line in 0..<PQntuples(result) {
            var values: [SQLValue] = []
            values.reserveCapacity(Int(columns))
            for column in 0..<columns { values.append(try value(result, line, column)) }
            rows.append(Row(values))
        }
        return rows
    }

    private static func value(_ result: OpaquePointer, _ line: Int32, _ column: Int32) throws(DatabaseError) -> SQLValue {
        if PQgetisnull(result, line, column) != 0 { return .null }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, line, column), count: Int(PQgetlength(result, line, column)))
        switch PQftype(result, column) {
        case TypeID.int8, TypeID.int4, TypeID.int2, TypeID.bool: return .integer(integer(bytes))
        case TypeID.bytes: return .bytes([UInt8](bytes))
        case TypeID.float8: return .real(Double(bitPattern: UInt64(bitPattern: integer(bytes))))
        case TypeID.uuid:
            guard let id = UUID(bytes: [UInt8](bytes)) else { throw .unexpected("a uuid of \(bytes.count) bytes") }
            return .uuid(id)
        case TypeID.text, 18, 19, 1042, 1043, 705:  // char, name, bpchar, varchar, unknown
            return .text(String(decoding: bytes, as: UTF8.self))
        case let type: throw .unexpected("a column of type \(type)")
        }
    }

    /// A big-endian number of any width, its sign extended; a bool is 0 or 1.
    private static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        guard let first = bytes.first else { return 0 }
        let start: Int64 = bytes.count > 1 && first >= 0x80 ? -1 : 0
        return bytes.reduce(start) { $0 << 8 | Int64($1) }
    }
}

/// What went wrong with a statement, as the server says it.
struct PostgreSQLFailure: Error {
    let state: String
    let error: DatabaseError

    /// Another transaction was in the way, or held a table for too long: running it again may succeed.
    var isConflict: Bool { state == "40001" || state == "40P01" || state == "55P03" }
    /// The prepared statement is not, or is already, where we left it: a pooler has changed the connection.
    var isLostStatement: Bool { state == "26000" || state == "42P05" }
    /// The server ends this connection, or lets nothing write through it.
    var endsConnection: Bool { state.hasPrefix("57P") || state == "25006" || state.hasPrefix("08") }

    /// The connection was gone before anything was sent.
    var wasNeverSent: Bool { state == "08003" }

    init(unavailable reason: String, state: String = "08006") {
        self.state = state
        error = .unavailable(reason)
    }

    init(_ result: OpaquePointer) {
        func field(_ code: Character) -> String {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) } ?? ""
        }
        let message = field("M")
        let state = field("C")
        self.state = state
        error = switch state {
        case "23505": .duplicate(Self.index(table: field("t"), constraint: field("n")))
        // Rows that a constraint refuses, and text that no column takes (such as a NUL).
        case _ where state.hasPrefix("23") || state.hasPrefix("22"): .constraint("\(message) (\(state))")
        case _ where state.hasPrefix("42"): .unexpected("\(message) (\(state))")
        default: .unavailable("\(message) (\(state))")
        }
    }

    /// `table.column`, as SQLite names it, of an index that is called `table_column` or `table_pkey`.
    private static func index(table: String, constraint: String) -> String {
        guard constraint.hasPrefix(table + "_") else { return constraint }
        return table + "." + constraint.dropFirst(table.count + 1)
    }
}
