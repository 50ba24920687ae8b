import CSystem

/// Finds the end of a body, and takes the chunked coding off (RFC 9112, sections 6 and 7.1).
struct BodyDecoder {
    private enum Phase { case fixed, chunkSize, chunkData, chunkEnd, trailer, done }

    private var phase: Phase
    private var remaining: Int
    private(set) var received = 0
    private var trailerBytes = 0

    /// A body of a known length.
    init(length: Int) {
        phase = length == 0 ? .done : .fixed
        remaining = length
    }

    /// A chunked body.
    init() {
        phase = .chunkSize
        remaining = 0
    }

    var isDone: Bool { phase == .done }

    enum Outcome: Equatable { case more, done, refused }

    /// Takes what it can from `bytes`, hands the content to `deliver`, and says how much it used.
    mutating func consume(
        _ bytes: UnsafeBufferPointer<UInt8>, used: inout Int, deliver: (UnsafeBufferPointer<UInt8>) -> Void
    ) -> Outcome {
        used = 0
        while phase != .done {
            let rest = UnsafeBufferPointer(rebasing: bytes[used...])
            switch phase {
            case .fixed, .chunkData:
                guard !rest.isEmpty else { return .more }
                let count = min(rest.count, remaining)
                received += count
                deliver(UnsafeBufferPointer(rebasing: rest[..<count]))
                used += count
                remaining -= count
                if remaining == 0 { phase = phase == .fixed ? .done : .chunkEnd }
            case .chunkEnd:
                guard rest.count >= 2 else { return .more }
                guard rest[0] == 13, rest[1] == 10 else { return .refused }
                used += 2
                phase = .chunkSize
            case .chunkSize:
                // One bound however the bytes were split, so that the same body has the same fate.
                guard let line = Self.line(rest) else { return rest.count > 257 ? .refused : .more }
                guard line <= 256, let size = Self.size(rest, line) else { return .refused }
                used += line + 2
                remaining = size
                phase = size == 0 ? .trailer : .chunkData
            case .trailer:
                guard let line = Self.line(rest) else { return rest.count > 4097 ? .refused : .more }
                guard line <= 4096, Self.isPlain(rest, 0, line), line == 0 || rest[..<line].contains(58) else { return .refused }
                used += line + 2
                trailerBytes += line
                guard trailerBytes <= 8192 else { return .refused }
                if line == 0 { phase = .done }
            case .done: break
            }
        }
        return .done
    }

    /// Offset of the CR LF that ends the first line.
    private static func line(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let base = bytes.baseAddress, let end = gh_find(base, bytes.count, "\r\n", 2) else { return nil }
        return end - UnsafeRawPointer(base)
    }

    /// 1 to 8 hexadecimal digits, then nothing or an extension behind a semicolon.
    private static func size(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Int) -> Int? {
        var size = 0
        var digits = 0
        while digits < line {
            let byte = bytes[digits]
            let value: Int
            switch byte {
            case 48...57: value = Int(byte) - 48
            case 97...102: value = Int(byte) - 87
            case 65...70: value = Int(byte) - 55
            default: value = -1
            }
            if value < 0 { break }
            guard digits < 8 else { return nil }
            size = size << 4 | value
            digits += 1
        }
        guard digits > 0, digits == line || bytes[digits] == 59, isPlain(bytes, digits, line) else { return nil }
        return size
    }

    private static func isPlain(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        bytes[start..<end].allSatisfy { ByteClass.table[Int($0)] & ByteClass.value != 0 }
    }
}
