import Ground

/// Cuts a file of JSON into the objects that it holds, as it comes: one array, one array under `users` of one object,
/// or one object a line. What is cut out is parsed by whoever takes it.
struct ImportJSON: Sendable {
    /// The file as a whole is not as it must be.
    struct Malformed: Error {}

    enum Layout {
        case array
        /// As `array`, or the array may be the member `users` of an object.
        case arrayOrUsers
        case lines
    }

    private enum Phase { case before, within, after }

    private static let longest = 256 << 10

    private let layout: Layout
    private var phase = Phase.before
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var isTooLong = false
    /// The last text that was read before the array.
    private var word: [UInt8] = []
    private var element: [UInt8] = []
    private var line = 1
    private var count = 0
    private var position = 0

    init(_ layout: Layout) {
        self.layout = layout
        if layout == .lines { phase = .within }
    }

    /// One object, or nil where it is too long; and its line, or its number.
    typealias Take = (_ number: Int, _ element: [UInt8]?) -> Void

    mutating func read(_ bytes: [UInt8], _ take: Take) throws(Malformed) {
        for byte in bytes {
            defer { position += 1 }
            // A byte order mark.
            if position < 3, byte == [0xef, 0xbb, 0xbf][position] { continue }
            if layout == .lines { readLine(byte, take) } else { try readArray(byte, take) }
        }
    }

    mutating func finish(_ take: Take) throws(Malformed) {
        if layout == .lines { return readLine(10, take) }
        guard phase == .after else { throw Malformed() }
    }

    private mutating func readLine(_ byte: UInt8, _ take: Take) {
        guard byte == 10 else { return append(byte) }
        if isTooLong || element.contains(where: { !Self.isSpace($0) }) { end(line, take) }
        element.removeAll(keepingCapacity: true)
        line += 1
    }

    private mutating func readArray(_ byte: UInt8, _ take: Take) throws(Malformed) {
        switch phase {
        case .before: try readBefore(byte)
        case .within: try readWithin(byte, take)
        case .after:
            guard layout == .arrayOrUsers || Self.isSpace(byte) else { throw Malformed() }
        }
    }

    private mutating func readBefore(_ byte: UInt8) throws(Malformed) {
        if isInString {
            if isEscaped { isEscaped = false } else if byte == 92 { isEscaped = true } else if byte == 34 { isInString = false }
            if isInString, word.count < 64 { word.append(byte) }
            return
        }
        switch byte {
        case 34:
            isInString = true
            word = []
        case 91 where depth == 0 || depth == 1 && word == Array("users".utf8):
            phase = .within
            depth = 0
        case 91, 123:
            guard layout == .arrayOrUsers else { throw Malformed() }
            depth += 1
        case 93, 125:
            guard depth > 1 else { throw Malformed() }
            depth -= 1
        case 44: word = []
        default:
            guard depth > 0 || Self.isSpace(byte) else { throw Malformed() }
        }
    }

    private mutating func readWithin(_ byte: UInt8, _ take: Take) throws(Malformed) {
        if isInString {
            if isEscaped { isEscaped = false } else if byte == 92 { isEscaped = true } else if byte == 34 { isInString = false }
            return append(byte)
        }
        switch byte {
        case 34: isInString = true
        case 91, 123: depth += 1
        case 44 where depth == 0:
            guard !element.isEmpty else { throw Malformed() }
            return endElement(take)
        case 93 where depth == 0:
            guard !element.isEmpty || count == 0 else { throw Malformed() }
            phase = .after
            if !element.isEmpty { endElement(take) }
            return
        case 93, 125:
            guard depth > 0 else { throw Malformed() }
            depth -= 1
        case _ where depth == 0 && Self.isSpace(byte): return
        default: break
        }
        append(byte)
    }

    private mutating func endElement(_ take: Take) {
        count += 1
        end(count, take)
        element.removeAll(keepingCapacity: true)
    }

    private mutating func end(_ number: Int, _ take: Take) {
        take(number, isTooLong ? nil : element)
        isTooLong = false
    }

    private mutating func append(_ byte: UInt8) {
        if element.count < Self.longest { element.append(byte) } else { isTooLong = true }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }
}
