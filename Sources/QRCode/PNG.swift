/// A picture of black and white squares as a PNG (ISO/IEC 15948): one bit a pixel, and deflate's blocks without
/// compression, so that no library is needed.
struct PNG {
    /// Whether the square is dark.
    let isDark: (_ row: Int, _ column: Int) -> Bool
    /// Squares on each side.
    let side: Int
    /// Pixels on each side of a square.
    let scale: Int

    var bytes: [UInt8] {
        let pixels = Self.number(UInt32(side * scale))
        var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        // One bit of grey, deflate, no interlacing.
        file += Self.chunk("IHDR", pixels + pixels + [1, 0, 0, 0, 0])
        file += Self.chunk("IDAT", Self.zlib(lines))
        return file + Self.chunk("IEND", [])
    }

    /// Each line of pixels with the number of its filter before it: none.
    private var lines: [UInt8] {
        var lines: [UInt8] = []
        for row in 0..<side {
            var line = [UInt8](repeating: 0, count: 1 + (side * scale + 7) / 8)
            for column in 0..<side where !isDark(row, column) {
                for pixel in column * scale..<(column + 1) * scale { line[1 + pixel / 8] |= 0x80 >> UInt8(pixel % 8) }
            }
            for _ in 0..<scale { lines += line }
        }
        return lines
    }

    /// RFC 1950 around stored blocks (RFC 1951, 3.2.4).
    private static func zlib(_ data: [UInt8]) -> [UInt8] {
        let blockSize = 65_535
        var output: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: data.count, by: blockSize) {
            let end = min(start + blockSize, data.count)
            let count = UInt16(end - start)
            output.append(end == data.count ? 1 : 0)
            for word in [count, ~count] { output += [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)] }
            output += data[start..<end]
        }
        return output + number(adler(data))
    }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        return number(UInt32(data.count)) + body + number(crc(body))
    }

    private static func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    private static func adler(_ data: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in data {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return b << 16 | a
    }

    private static func crc(_ data: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in data {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
