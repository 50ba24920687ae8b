/// Percent-encoding of URLs and forms.
public enum PercentCoding {
    /// nil for a broken escape, or bytes that are no UTF-8.
    public static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case 37:
                guard let first = bytes.next(), let second = bytes.next(), let high = Hex.value(of: first),
                    let low = Hex.value(of: second)
                else { return nil }
                output.append(high << 4 | low)
            case 43 where plusIsSpace: output.append(32)
            default: output.append(byte)
            }
        }
        return String(validating: output, as: UTF8.self)
    }

    /// Escapes everything but the unreserved characters of RFC 3986.
    public static func encode(_ text: some StringProtocol) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: output.append(byte)
            default:
                output.append(37)
                output.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
