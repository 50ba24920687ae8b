/// Reads replies from bytes as they come, however they are cut.
///
/// Nothing is reserved for a length that is only announced, and every length has a bound.
package struct ReplyParser {
    /// The bytes are no RESP, or go beyond a bound. The connection is of no more use.
    package struct Malformed: Error, Hashable {
        package let reason: String
    }

    private struct Frame {
        enum Kind { case array, push, attribute }
        let kind: Kind
        var remaining: Int
        var items: [Reply] = []
    }

    /// What an element is read as: a whole value, or the head of some that follow.
    private enum Element {
        case value(Reply)
        case head(Frame)
    }

    package static let maximumBytes = 64 << 20
    static let maximumElements = 1 << 18
    static let maximumLine = 16 << 10
    package static let maximumDepth = 8

    private var buffer: [UInt8] = []
    private var position = 0
    /// How long the buffer must be for another look to make sense.
    private var needed = 0
    private var frames: [Frame] = []
    /// Of the reply that is being read.
    private var bytesRead = 0
    private var elementsRead = 0

    package init() {}

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if position == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
            (position, needed) = (0, 0)
        } else if position >= 1 << 16 {
            buffer.removeSubrange(..<position)
            needed -= position
            position = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next reply; nil until more bytes have come.
    package mutating func next() throws(Malformed) -> Reply? {
        while let element = try element() {
            switch element {
            case .head(let frame):
                guard frames.count < Self.maximumDepth else { throw Malformed(reason: "too deep") }
                frames.append(frame)
            case .value(let value):
                guard let reply = complete(value) else { continue }
                (bytesRead, elementsRead) = (0, 0)
                return reply
            }
        }
        return nil
    }

    /// Puts a value into its place; gives the whole reply when that was the last one missing.
    private mutating func complete(_ value: Reply) -> Reply? {
        var value = value
        while let top = frames.indices.last {
            frames[top].items.append(value)
            frames[top].remaining -= 1
            guard frames[top].remaining == 0 else { return nil }
            let done = frames.removeLast()
            switch done.kind {
            case .array: value = .array(done.items)
            case .push: value = .push(done.items)
            case .attribute: return nil
            }
        }
        return value
    }

    private mutating func element() throws(Malformed) -> Element? {
        guard buffer.count >= needed, position < buffer.count, let end = try lineEnd() else { return nil }
        let kind = buffer[position]
        let line = buffer[(position + 1)..<end]
        switch kind {
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="):
            guard let value = try bulk(kind, try Self.integer(line), after: end + 2) else { return nil }
            try count()
            return .value(value)
        default:
            position = end + 2
            try count()
            return try simple(kind, line)
        }
    }

    private mutating func count() throws(Malformed) {
        elementsRead += 1
        guard elementsRead <= Self.maximumElements else { throw Malformed(reason: "too many elements") }
    }

    /// Where the CR of this line is.
    private func lineEnd() throws(Malformed) -> Int? {
        guard buffer[position] != 13 else { throw Malformed(reason: "no RESP") }
        let limit = min(buffer.count, position + Self.maximumLine)
        guard let end = buffer[position..<limit].firstIndex(of: 13) else {
            guard limit == buffer.count else { throw Malformed(reason: "a line is too long") }
            return nil
        }
        guard end + 1 < buffer.count else { return nil }
        guard buffer[end + 1] == 10 else { throw Malformed(reason: "CR without LF") }
        return end
    }

    private mutating func bulk(_ kind: UInt8, _ length: Int64, after start: Int) throws(Malformed) -> Reply? {
        if length == -1, kind == UInt8(ascii: "$") {
            position = start
            return .null
        }
        guard length >= 0, length <= Int64(Self.maximumBytes - bytesRead) else { throw Malformed(reason: "too long") }
        let end = start + Int(length)
        guard buffer.count >= end + 2 else {
            needed = end + 2
            return nil
        }
        guard buffer[end] == 13, buffer[end + 1] == 10 else { throw Malformed(reason: "a length is wrong") }
        bytesRead += Int(length)
        position = end + 2
        switch kind {
        case UInt8(ascii: "!"): return .failure(String(decoding: buffer[start..<end], as: UTF8.self))
        case UInt8(ascii: "="):
            guard length >= 4, buffer[start + 3] == UInt8(ascii: ":") else { throw Malformed(reason: "no format") }
            return .bytes(Array(buffer[(start + 4)..<end]))
        default: return .bytes(Array(buffer[start..<end]))
        }
    }

    private func simple(_ kind: UInt8, _ line: ArraySlice<UInt8>) throws(Malformed) -> Element {
        switch kind {
        case UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("): return .value(.bytes(Array(line)))
        case UInt8(ascii: "-"): return .value(.failure(String(decoding: line, as: UTF8.self)))
        case UInt8(ascii: ":"): return .value(.integer(try Self.integer(line)))
        case UInt8(ascii: "_") where line.isEmpty: return .value(.null)
        case UInt8(ascii: "#") where line.elementsEqual([UInt8(ascii: "t")]): return .value(.integer(1))
        case UInt8(ascii: "#") where line.elementsEqual([UInt8(ascii: "f")]): return .value(.integer(0))
        case UInt8(ascii: "*"), UInt8(ascii: "~"): return try head(.array, line)
        case UInt8(ascii: "%"): return try head(.array, line, each: 2)
        case UInt8(ascii: "|"): return try head(.attribute, line, each: 2)
        case UInt8(ascii: ">") where frames.isEmpty: return try head(.push, line)
        default: throw Malformed(reason: "no RESP")
        }
    }

    private func head(_ kind: Frame.Kind, _ line: ArraySlice<UInt8>, each: Int = 1) throws(Malformed) -> Element {
        let count = try Self.integer(line)
        if count == -1, kind == .array { return .value(.null) }
        guard count >= 0, count <= Self.maximumElements else { throw Malformed(reason: "too many elements") }
        guard count > 0 else {
            guard kind == .array else { throw Malformed(reason: "an empty push or attribute") }
            return .value(.array([]))
        }
        return .head(Frame(kind: kind, remaining: Int(count) * each))
    }

    private static func integer(_ line: ArraySlice<UInt8>) throws(Malformed) -> Int64 {
        let isNegative = line.first == UInt8(ascii: "-")
        let digits = isNegative ? line.dropFirst() : line
        guard (1...19).contains(digits.count) else { throw Malformed(reason: "no number") }
        var value: Int64 = 0
        for digit in digits {
            guard (48...57).contains(digit) else { throw Malformed(reason: "no number") }
            let tenfold = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(digit - 48)
            let sum =
                isNegative
                ? tenfold.partialValue.subtractingReportingOverflow(digit)
                : tenfold.partialValue.addingReportingOverflow(digit)
            guard !tenfold.overflow, !sum.overflow else { throw Malformed(reason: "a number is too large") }
            value = sum.partialValue
        }
        return value
    }
}
