/// Reads CSV (RFC 4180) as it comes, in whatever pieces: fields in quotes may hold commas, line breaks and doubled
/// quotes; lines end in CR LF or LF; a byte order mark at the beginning is passed over, and so are empty lines.
///
/// A record that cannot be read is given as a fault, and reading goes on at the next line.
public struct CSVReader: Sendable {
    /// Why a record cannot be read.
    public enum Fault: Error, Hashable, Sendable {
        /// A quote where none may be, a field in quotes that does not end, or a CR alone.
        case malformed
        /// The record, one of its fields, or their number is larger than the limits.
        case tooLong
        /// This is no UTF-8.
        case invalidText
    }

    /// One record, and the line on which it begins.
    public struct Record: Sendable {
        public let line: Int
        public let content: Result<[String], Fault>
    }

    /// What is taken, so that no file can exhaust the memory.
    public struct Limits: Sendable {
        public var fieldBytes = 64 << 10
        public var recordBytes = 256 << 10
        public var fields = 64
        public init() {}
    }

    private enum State { case fieldStart, plain, quoted, quoteInQuotes, carriageReturn }

    private let limits: Limits
    private var state = State.fieldStart
    private var record: [UInt8] = []
    /// Where each field but the last ends in `record`.
    private var ends: [Int] = []
    private var fault: Fault?
    private var hasQuotes = false
    private var line = 1
    private var firstLine = 1
    /// The first bytes, until there are enough to know whether they are a byte order mark.
    private var head: [UInt8]? = []

    public init(limits: Limits = Limits()) { self.limits = limits }

    /// Reads one piece, and gives the records that it ends.
    public mutating func read(_ bytes: [UInt8], _ take: (Record) -> Void) {
        guard var head else { return bytes.forEach { step($0, take) } }
        head += bytes
        self.head = head
        if head.count >= 3 { begin(take) }
    }

    /// Gives the record that no line break ended.
    public mutating func finish(_ take: (Record) -> Void) {
        if head != nil { begin(take) }
        if state == .quoted || state == .carriageReturn { fault = fault ?? .malformed }
        if !record.isEmpty || !ends.isEmpty || hasQuotes || fault != nil { endRecord(take) }
    }

    private mutating func begin(_ take: (Record) -> Void) {
        let bytes = head ?? []
        head = nil
        for byte in bytes.dropFirst(bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0) { step(byte, take) }
    }

    private mutating func step(_ byte: UInt8, _ take: (Record) -> Void) {
        if byte == 10 { line += 1 }
        switch (state, byte) {
        case (.quoted, 34): state = .quoteInQuotes
        case (.quoted, _): append(byte)
        case (.quoteInQuotes, 34):
            state = .quoted
            append(byte)
        case (.carriageReturn, 10), (.fieldStart, 10), (.plain, 10), (.quoteInQuotes, 10): endRecord(take)
        case (.carriageReturn, _):
            fault = fault ?? .malformed
            state = .plain
        case (_, 44): endField()
        case (_, 13): state = .carriageReturn
        case (.fieldStart, 34):
            hasQuotes = true
            state = .quoted
        case (.plain, 34), (.quoteInQuotes, _):
            fault = fault ?? .malformed
            state = .plain
        default:
            state = .plain
            append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        guard record.count < limits.recordBytes, record.count - (ends.last ?? 0) < limits.fieldBytes else {
            fault = fault ?? .tooLong
            return
        }
        record.append(byte)
    }

    private mutating func endField() {
        state = .fieldStart
        guard ends.count < limits.fields - 1 else {
            fault = fault ?? .tooLong
            return
        }
        ends.append(record.count)
    }

    private mutating func endRecord(_ take: (Record) -> Void) {
        let isBlank = record.isEmpty && ends.isEmpty && !hasQuotes && fault == nil
        if !isBlank { take(Record(line: firstLine, content: content())) }
        state = .fieldStart
        record.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        fault = nil
        hasQuotes = false
        firstLine = line
    }

    private func content() -> Result<[String], Fault> {
        if let fault { return .failure(fault) }
        var fields: [String] = []
        fields.reserveCapacity(ends.count + 1)
        var start = 0
        for end in ends + [record.count] {
            guard let text = String(validating: record[start..<end], as: UTF8.self) else { return .failure(.invalidText) }
            fields.append(text)
            start = end
        }
        return .success(fields)
    }
}
