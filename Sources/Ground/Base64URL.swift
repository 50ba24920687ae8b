/// base64url without padding (RFC 7515, appendix C), strict: one text for one sequence of bytes.
public enum Base64URL {
    @usableFromInline static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    @usableFromInline static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    /// Appends the text of `bytes` to `output`.
    public static func encode(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var bits: UInt32 = 0
            var count = 0
            for byte in bytes {
                bits = bits << 8 | UInt32(byte)
                count += 8
                while count >= 6 {
                    count -= 6
                    output.append(alphabet[Int(bits >> UInt32(count)) & 63])
                }
            }
            if count > 0 { output.append(alphabet[Int(bits << UInt32(6 - count)) & 63]) }
        }
    }

    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var output = [UInt8]()
        output.reserveCapacity((bytes.count * 4 + 2) / 3)
        encode(bytes, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// nil for padding, a character outside the alphabet, a length of 4n+1, or set bits after the end.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        return values.withUnsafeBufferPointer { values in
            var output = [UInt8]()
            output.reserveCapacity(text.count * 3 / 4)
            var bits: UInt32 = 0
            var count = 0
            for byte in text {
                let value = values[Int(byte)]
                guard value != 0xff else { return nil }
                bits = bits << 6 | UInt32(value)
                count += 6
                if count >= 8 {
                    count -= 8
                    output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                }
            }
            guard bits & ((1 << UInt32(count)) - 1) == 0 else { return nil }
            return output
        }
    }

    public static func decode(_ text: some StringProtocol) -> [UInt8]? { decode(text.utf8) }
}
