import CSQLite
import Ground

/// One connection with its prepared statements. One thread at a time.
final class SQLiteConnection {
    private let handle: OpaquePointer
    private var statements: [Int: OpaquePointer] = [:]
    /// Where the texts and bytes of one statement stand while it runs, so that SQLite need not have a copy of each.
    private var scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)

    /// What every caller of a group commit may have to put back does not fit into SQLite's 64 KiB, and would be written
    /// into a file that is made and deleted each time. SQLite takes these settings before it has started alone; in a
    /// program that has started it otherwise it works as ever, and slower.
    private static let isConfigured = gh_sqlite_configure(8 << 20) == SQLITE_OK

    /// - Parameter cachePages: in KiB; what is not in it comes from the system's page cache.
    init(path: String, isReadOnly: Bool, cacheKiB: Int) throws(DatabaseError) {
        _ = Self.isConfigured
        var opened: OpaquePointer?
        let flags = (isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
            | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            let reason = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw .unavailable("cannot open \(path): \(reason)")
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 5000)
        try run(script: "PRAGMA cache_size = -\(cacheKiB); PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
        scratch.deallocate()
    }

    /// Whether a transaction is open; an error may have ended it behind our back.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func run(script: String) throws(DatabaseError) {
        guard sqlite3_exec(handle, script, nil, nil, nil) == SQLITE_OK else { throw error() }
    }

    func run(_ statement: Statement, _ values: [SQLValue]) throws(DatabaseError) -> [Row] {
        let prepared = try prepare(statement)
        defer {
            sqlite3_reset(prepared)
            sqlite3_clear_bindings(prepared)
        }
        try bind(values, to: prepared)
        var rows: [Row] = []
        while true {
            switch sqlite3_step(prepared) {
            case SQLITE_ROW: rows.append(row(of: prepared))
            case SQLITE_DONE: return rows
            default: throw error()
            }
        }
    }

    /// What becomes of the write-ahead log when its pages are in the file.
    enum Checkpoint {
        /// It grows on, and nobody waits.
        case goesOn
        /// It is written from its start again, over what it holds: the file's pages are there already.
        case startsAnew
        /// It is made empty.
        case ends

        fileprivate var mode: Int32 {
            switch self {
            case .goesOn: SQLITE_CHECKPOINT_PASSIVE
            case .startsAnew: SQLITE_CHECKPOINT_RESTART
            case .ends: SQLITE_CHECKPOINT_TRUNCATE
            }
        }
    }

    /// Moves pages from the write-ahead log into the file.
    /// - Returns: pages in the log.
    func checkpoint(_ checkpoint: Checkpoint) -> Int {
        var pages: Int32 = 0
        sqlite3_wal_checkpoint_v2(handle, nil, checkpoint.mode, &pages, nil)
        return Int(max(0, pages))
    }

    private func prepare(_ statement: Statement) throws(DatabaseError) -> OpaquePointer {
        let key = statement.number
        if let prepared = statements[key] { return prepared }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            handle, statement.sqliteText, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw error() }
        statements[key] = prepared
        return prepared
    }

    /// What is bound stands in `scratch` until the bindings are cleared.
    private func bind(_ values: [SQLValue], to statement: OpaquePointer) throws(DatabaseError) {
        reserve(values.reduce(0) { $0 + $1.size })
        var end = 0
        for (index, value) in values.enumerated() {
            let place = UnsafeMutableRawBufferPointer(rebasing: scratch[end...])
            guard Self.bind(value, to: statement, at: Int32(index + 1), in: place) == SQLITE_OK else { throw error() }
            end += value.size
        }
    }

    private func reserve(_ size: Int) {
        // One byte more than is needed, so that there is always a place to point to.
        guard size >= scratch.count else { return }
        scratch.deallocate()
        scratch = .allocate(byteCount: size + 1, alignment: 1)
    }

    private static func bind(
        _ value: SQLValue, to statement: OpaquePointer, at index: Int32, in place: UnsafeMutableRawBufferPointer
    ) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .real(let number): return sqlite3_bind_double(statement, index, number)
        case .text(var text):
            let count = text.withUTF8 { utf8 in
                place.copyMemory(from: UnsafeRawBufferPointer(utf8))
                return Int32(utf8.count)
            }
            return sqlite3_bind_text(statement, index, place.baseAddress, count, nil)
        case .bytes(let bytes):
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
            place.copyBytes(from: bytes)
            return sqlite3_bind_blob(statement, index, place.baseAddress, Int32(bytes.count), nil)
        case .uuid(let id):
            place.storeBytes(of: id.high.bigEndian, as: UInt64.self)
            place.storeBytes(of: id.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            return sqlite3_bind_blob(statement, index, place.baseAddress, 16, nil)
        }
    }

    private func row(of statement: OpaquePointer) -> Row {
        Row((0..<sqlite3_column_count(statement)).map { column in
            switch sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
            case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
            case SQLITE_TEXT:
                let count = Int(sqlite3_column_bytes(statement, column))
                guard let text = sqlite3_column_text(statement, column) else { return .text("") }
                return .text(String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self))
            case SQLITE_BLOB:
                let count = Int(sqlite3_column_bytes(statement, column))
                guard let bytes = sqlite3_column_blob(statement, column) else { return .bytes([]) }
                // An id, as a rule: it needs no memory of its own.
                if count == 16 {
                    return .uuid(
                        UUID(
                            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
                }
                return .bytes([UInt8](UnsafeRawBufferPointer(start: bytes, count: count)))
            default: return .null
            }
        })
    }

    private func error() -> DatabaseError {
        let message = String(cString: sqlite3_errmsg(handle))
        let code = sqlite3_extended_errcode(handle)
        switch code {
        case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8):  // UNIQUE, PRIMARYKEY
            // "UNIQUE constraint failed: users.email_key"
            let columns = message.split(separator: " ").last.map(String.init) ?? message
            return .duplicate(columns)
        case _ where code & 0xff == SQLITE_CONSTRAINT: return .constraint(message)
        case _ where code & 0xff == SQLITE_ERROR || code & 0xff == SQLITE_RANGE || code & 0xff == SQLITE_MISMATCH:
            return .unexpected(message)
        default: return .unavailable("\(message) (\(code))")
        }
    }
}

extension SQLValue {
    /// How many bytes it takes beside the statement.
    fileprivate var size: Int {
        switch self {
        case .null, .integer, .real: 0
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .uuid: 16
        }
    }
}
