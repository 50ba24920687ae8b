/// The little of DER (X.690) that keys and ECDSA signatures need to be handed to OpenSSL.
enum DER {
    static func sequence(_ contents: [UInt8]) -> [UInt8] { element(0x30, contents) }

    /// An INTEGER from the big-endian bytes of a number that is not negative.
    static func integer(_ magnitude: some Collection<UInt8>) -> [UInt8] {
        var digits = Array(magnitude.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return element(0x02, digits)
    }

    private static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        var output = [tag]
        switch contents.count {
        case 0..<0x80: output.append(UInt8(contents.count))
        case 0x80..<0x100: output += [0x81, UInt8(contents.count)]
        default: output += [0x82, UInt8(truncatingIfNeeded: contents.count >> 8), UInt8(contents.count & 0xff)]
        }
        return output + contents
    }
}
