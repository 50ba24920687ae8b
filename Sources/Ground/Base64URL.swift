/// base64url without padding (RFC 7515, appendix C), strict: one text for one sequence of bytes.
public enum Base64URL {
    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// The value of each character; bit 7 marks what is no character of the alphabet.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    /// Appends the text of `bytes` to `output`.
    public static func encode(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) {
        let text = bytes.withContiguousStorageIfAvailable(encode) ?? Array(bytes).withUnsafeBufferPointer(encode)
        output.append(contentsOf: text)
    }

    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var output = [UInt8]()
        encode(bytes, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// nil for padding, a character outside the alphabet, a length of 4n+1, or set bits after the end.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        text.withContiguousStorageIfAvailable(decode) ?? Array(text).withUnsafeBufferPointer(decode)
    }

    public static func decode(_ text: some StringProtocol) -> [UInt8]? { decode(text.utf8) }

    private static func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        alphabet.withUnsafeBufferPointer { alphabet in
            [UInt8](unsafeUninitializedCapacity: (bytes.count * 4 + 2) / 3) { output, count in
                var bits: UInt32 = 0
                var waiting: UInt32 = 0
                for byte in bytes {
                    bits = bits << 8 | UInt32(byte)
                    waiting += 8
                    while waiting >= 6 {
                        waiting -= 6
                        output[count] = alphabet[Int(bits >> waiting) & 63]
                        count += 1
                    }
                }
                guard waiting > 0 else { return }
                output[count] = alphabet[Int(bits << (6 - waiting)) & 63]
                count += 1
            }
        }
    }

    private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var isValid = true
        let bytes = values.withUnsafeBufferPointer { values in
            [UInt8](unsafeUninitializedCapacity: text.count * 3 / 4) { output, count in
                var bits: UInt32 = 0
                var waiting: UInt32 = 0
                var seen: UInt8 = 0
                for byte in text {
                    let value = values[Int(byte)]
                    seen |= value
                    bits = bits << 6 | UInt32(value & 63)
                    waiting += 6
                    guard waiting >= 8 else { continue }
                    waiting -= 8
                    output[count] = UInt8(truncatingIfNeeded: bits >> waiting)
                    count += 1
                }
                isValid = seen & 0x80 == 0 && bits & ((1 << waiting) - 1) == 0
            }
        }
        return isValid ? bytes : nil
    }
}
