import CSystem

/// A part of the head, as offsets into its bytes.
struct HeadRange: Sendable {
    var start: Int32 = 0
    var count: Int32 = 0
}

struct HeaderField: Sendable {
    var name = HeadRange()
    var value = HeadRange()
}

/// Reads the head of a request (RFC 9112, sections 2 to 6), strictly: what two readers could take for two
/// different requests is refused.
///
/// One instance serves a whole event loop, so that parsing allocates nothing.
struct HeadParser {
    private(set) var method = HeadRange()
    private(set) var target = HeadRange()
    /// The value of the Host field; empty where there is none.
    private(set) var host = HeadRange()
    private(set) var fields: [HeaderField] = []
    /// nil where the head declares no length.
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var keepsAlive = true
    private(set) var expectsContinue = false
    /// Else it is 1.0.
    private(set) var isVersion11 = true

    private let limit: Int
    private var hosts = 0
    private var transferEncodings = 0
    private var asksClose = false
    private var asksKeepAlive = false

    init(maximumHeaders: Int) {
        limit = maximumHeaders
        // Whoever still holds the last head makes the next one take as much anew.
        fields.reserveCapacity(min(maximumHeaders, 16))
    }

    /// `head` ends with the empty line, CR LF CR LF. Every scan below stops at a CR, so none passes the end.
    /// - Returns: nil when the head is good, else the status of the refusal.
    mutating func parse(_ head: UnsafeBufferPointer<UInt8>) -> Status? {
        fields.removeAll(keepingCapacity: true)
        host = HeadRange()
        contentLength = nil
        isChunked = false
        expectsContinue = false
        hosts = 0
        transferEncodings = 0
        asksClose = false
        asksKeepAlive = false
        guard let bytes = head.baseAddress, head.count >= 4 else { return .badRequest }
        return ByteClass.table.withUnsafeBufferPointer { classes in
            var position = 0
            if let refusal = requestLine(bytes, head.count, classes, &position) { return refusal }
            while bytes[position] != 13 {
                if let refusal = field(bytes, classes, &position) { return refusal }
            }
            guard position == head.count - 2 else { return .badRequest }
            keepsAlive = isVersion11 ? !asksClose : asksKeepAlive && !asksClose
            // A client of HTTP/1.0 does not know interim answers (RFC 9110, section 10.1.1).
            if !isVersion11 { expectsContinue = false }
            guard hosts == 1 || (hosts == 0 && !isVersion11) else { return .badRequest }
            if transferEncodings > 0 {
                guard isVersion11, contentLength == nil, transferEncodings == 1 else { return .badRequest }
                guard isChunked else { return Status(501) }
            }
            return nil
        }
    }

    private mutating func requestLine(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ classes: UnsafeBufferPointer<UInt8>,
        _ position: inout Int
    ) -> Status? {
        var i = 0
        while classes[Int(bytes[i])] & ByteClass.token != 0 { i += 1 }
        guard i > 0, i <= 32, bytes[i] == 32 else { return .badRequest }
        method = HeadRange(start: 0, count: Int32(i))
        i += 1
        let start = i
        while classes[Int(bytes[i])] & ByteClass.target != 0 { i += 1 }
        guard i > start, bytes[i] == 32 else { return .badRequest }
        target = HeadRange(start: Int32(start), count: Int32(i - start))
        i += 1
        // The name is case-sensitive (RFC 9112, section 2.3).
        guard count - i >= 12, UnsafeBufferPointer(start: bytes + i, count: 5).elementsEqual("HTTP/".utf8),
            bytes[i + 6] == 46
        else { return .badRequest }
        guard bytes[i + 8] == 13, bytes[i + 9] == 10 else { return .badRequest }
        guard bytes[i + 5] == 49, bytes[i + 7] == 48 || bytes[i + 7] == 49 else { return Status(505) }
        isVersion11 = bytes[i + 7] == 49
        position = i + 10
        return nil
    }

    private mutating func field(
        _ bytes: UnsafePointer<UInt8>, _ classes: UnsafeBufferPointer<UInt8>, _ position: inout Int
    ) -> Status? {
        var i = position
        let nameStart = i
        while classes[Int(bytes[i])] & ByteClass.token != 0 { i += 1 }
        // An empty name, a space before the colon and a folded line all end here.
        guard i > nameStart, bytes[i] == 58 else { return .badRequest }
        let nameCount = i - nameStart
        i += 1
        while bytes[i] == 32 || bytes[i] == 9 { i += 1 }
        let valueStart = i
        while classes[Int(bytes[i])] & ByteClass.value != 0 { i += 1 }
        guard bytes[i] == 13, bytes[i + 1] == 10 else { return .badRequest }
        var valueEnd = i
        while valueEnd > valueStart, bytes[valueEnd - 1] == 32 || bytes[valueEnd - 1] == 9 { valueEnd -= 1 }
        position = i + 2
        guard fields.count < limit else { return Status(431) }
        fields.append(HeaderField(
            name: HeadRange(start: Int32(nameStart), count: Int32(nameCount)),
            value: HeadRange(start: Int32(valueStart), count: Int32(valueEnd - valueStart))))
        if nameCount == 4, matches(bytes + nameStart, 4, "host") {
            host = HeadRange(start: Int32(valueStart), count: Int32(valueEnd - valueStart))
        }
        return framing(bytes + nameStart, nameCount, bytes + valueStart, valueEnd - valueStart)
    }

    /// The fields that decide where the message ends and what becomes of the connection.
    private mutating func framing(
        _ name: UnsafePointer<UInt8>, _ nameCount: Int, _ value: UnsafePointer<UInt8>, _ count: Int
    ) -> Status? {
        switch nameCount {
        case 4 where matches(name, 4, "host"):
            hosts += 1
            return Self.isHost(value, count) ? nil : .badRequest
        case 6 where matches(name, 6, "expect"):
            guard matches(value, count, "100-continue") else { return Status(417) }
            expectsContinue = true
        case 10 where matches(name, 10, "connection"):
            connectionOptions(value, count)
        case 14 where matches(name, 14, "content-length"):
            // A second one is refused even when it agrees.
            guard contentLength == nil, let length = Self.decimal(value, count) else { return .badRequest }
            contentLength = length
        case 17 where matches(name, 17, "transfer-encoding"):
            transferEncodings += 1
            isChunked = matches(value, count, "chunked")
        default: break
        }
        return nil
    }

    private mutating func connectionOptions(_ value: UnsafePointer<UInt8>, _ count: Int) {
        var start = 0
        while start < count {
            var end = start
            while end < count, value[end] != 44 { end += 1 }
            var from = start
            var to = end
            while from < to, value[from] == 32 || value[from] == 9 { from += 1 }
            while to > from, value[to - 1] == 32 || value[to - 1] == 9 { to -= 1 }
            if matches(value + from, to - from, "close") { asksClose = true }
            if matches(value + from, to - from, "keep-alive") { asksKeepAlive = true }
            start = end + 1
        }
    }

    private static func decimal(_ value: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        guard count > 0, count <= 15 else { return nil }
        var number = 0
        for i in 0..<count {
            guard value[i] >= 48, value[i] <= 57 else { return nil }
            number = number * 10 + Int(value[i] - 48)
        }
        return number
    }

    private static func isHost(_ value: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard count <= 255 else { return false }
        return (0..<count).allSatisfy { i in
            switch value[i] {
            case 48...57, 65...90, 97...122, 45, 46, 58, 91, 93, 95: true
            default: false
            }
        }
    }
}

/// Compares without regard to the case of ASCII letters; `lowercased` is lower case.
@inline(__always)
func matches(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ lowercased: StaticString) -> Bool {
    guard count == lowercased.utf8CodeUnitCount else { return false }
    let wanted = lowercased.utf8Start
    for i in 0..<count {
        var byte = bytes[i]
        if byte &- 65 < 26 { byte |= 32 }
        if byte != wanted[i] { return false }
    }
    return true
}

/// What a byte may be part of.
enum ByteClass {
    static let token: UInt8 = 1
    static let value: UInt8 = 2
    static let target: UInt8 = 4

    static let table: [UInt8] = {
        var table = [UInt8](repeating: 0, count: 256)
        for byte in 0x21...0x7e { table[byte] |= value | target }
        for byte in 0x80...0xff { table[byte] |= value }
        table[0x20] |= value
        table[0x09] |= value
        let tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for byte in tokens.utf8 { table[Int(byte)] |= token }
        return table
    }()
}
