/// Why a text is no acceptable JSON, with the byte offset where that was seen.
public struct JSONError: Error, Hashable, Sendable {
    public enum Reason: String, Sendable {
        case syntax, depth, duplicateName, invalidText, tooManyValues
    }
    public let reason: Reason
    public let offset: Int
}

/// Bounds on what is accepted, so that no text can exhaust stack or memory.
public struct JSONLimits: Sendable {
    public var depth: Int
    public var values: Int
    public init(depth: Int = 16, values: Int = 4096) {
        self.depth = depth
        self.values = values
    }
}

extension JSON {
    /// Parses one whole RFC 8259 text. Stricter than the RFC where it leaves a choice: a name stands once
    /// in an object, and text is valid UTF-8 without lone surrogates.
    public static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSON {
        let result: Result<JSON, JSONError> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(text: buffer, limits: limits)
            do throws(JSONError) { return .success(try parser.document()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

private struct JSONParser {
    let text: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    var position = 0
    var values = 0

    init(text: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.text = text
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        guard position == text.count else { throw error(.syntax) }
        return value
    }

    private func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: position) }

    private var current: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 32 || byte == 10 || byte == 13 || byte == 9 { position += 1 }
    }

    private mutating func expect(_ literal: StaticString) throws(JSONError) {
        let wanted = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        guard text.count - position >= wanted.count, text[position..<position + wanted.count].elementsEqual(wanted)
        else { throw error(.syntax) }
        position += wanted.count
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth <= limits.depth else { throw error(.depth) }
        values += 1
        guard values <= limits.values else { throw error(.tooManyValues) }
        skipSpace()
        guard let byte = current else { throw error(.syntax) }
        switch byte {
        case 123: return try object(depth: depth)
        case 91: return try array(depth: depth)
        case 34: return .string(try string())
        case 116: try expect("true"); return .bool(true)
        case 102: try expect("false"); return .bool(false)
        case 110: try expect("null"); return .null
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var members: [JSON.Member] = []
        skipSpace()
        if current == 125 { position += 1; return .object([]) }
        while true {
            skipSpace()
            guard current == 34 else { throw error(.syntax) }
            let name = try string()
            guard !members.contains(where: { $0.name == name }) else { throw error(.duplicateName) }
            // The look above is linear, so an object stays small.
            guard members.count < 256 else { throw error(.tooManyValues) }
            skipSpace()
            guard current == 58 else { throw error(.syntax) }
            position += 1
            members.append(JSON.Member(name, try value(depth: depth + 1)))
            skipSpace()
            guard let byte = current, byte == 44 || byte == 125 else { throw error(.syntax) }
            position += 1
            if byte == 125 { return .object(members) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        position += 1
        var items: [JSON] = []
        skipSpace()
        if current == 93 { position += 1; return .array([]) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            guard let byte = current, byte == 44 || byte == 93 else { throw error(.syntax) }
            position += 1
            if byte == 93 { return .array(items) }
        }
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        var isInteger = true
        if current == 45 { position += 1 }
        guard let first = current, isDigit(first) else { throw error(.syntax) }
        if first == 48 { position += 1 } else { skipDigits() }
        if current == 46 {
            isInteger = false
            position += 1
            guard let digit = current, isDigit(digit) else { throw error(.syntax) }
            skipDigits()
        }
        if current == 101 || current == 69 {
            isInteger = false
            position += 1
            if current == 43 || current == 45 { position += 1 }
            guard let digit = current, isDigit(digit) else { throw error(.syntax) }
            skipDigits()
        }
        // 400 digits hold every double; more is an attempt to keep the parser busy.
        guard position - start <= 400 else { throw error(.syntax) }
        let digits = String(decoding: text[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(digits) { return .integer(value) }
        guard let value = Double(digits), value.isFinite else { throw error(.syntax) }
        return .number(value)
    }

    private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    private mutating func skipDigits() {
        while let byte = current, isDigit(byte) { position += 1 }
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = current, byte != 34, byte != 92, byte >= 0x20 { position += 1 }
        guard current == 34 else { return try stringWithEscapes(from: start) }
        guard let plain = String(validating: text[start..<position], as: UTF8.self) else { throw error(.invalidText) }
        position += 1
        return plain
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var bytes = Array(text[start..<position])
        while let byte = current {
            position += 1
            switch byte {
            case 34:
                guard let value = String(validating: bytes, as: UTF8.self) else { throw error(.invalidText) }
                return value
            case 92: try escape(into: &bytes)
            case 0..<0x20: throw error(.syntax)
            default: bytes.append(byte)
            }
        }
        throw error(.syntax)
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw error(.syntax) }
        position += 1
        switch byte {
        case 34, 92, 47: bytes.append(byte)
        case 98: bytes.append(8)
        case 102: bytes.append(12)
        case 110: bytes.append(10)
        case 114: bytes.append(13)
        case 116: bytes.append(9)
        case 117:
            var code = try hexUnit()
            if (0xd800..<0xdc00).contains(code) {
                try expect("\\u")
                let second = try hexUnit()
                guard (0xdc00..<0xe000).contains(second) else { throw error(.invalidText) }
                code = 0x10000 + ((code - 0xd800) << 10 | (second - 0xdc00))
            }
            guard let scalar = Unicode.Scalar(code) else { throw error(.invalidText) }
            bytes.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
        default: throw error(.syntax)
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        guard text.count - position >= 4 else { throw error(.syntax) }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(of: text[position]) else { throw error(.syntax) }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
