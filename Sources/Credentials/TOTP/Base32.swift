/// Base 32 (RFC 4648) as authenticator apps take it: upper case, without padding.
public enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    public static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count * 8 + 4) / 5)
        var held: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                output.append(alphabet[Int(held >> bits & 31)])
            }
            held &= (1 << bits) - 1
        }
        if bits > 0 { output.append(alphabet[Int(held << (5 - bits) & 31)]) }
        return String(decoding: output, as: UTF8.self)
    }
}
