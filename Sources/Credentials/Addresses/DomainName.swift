import CIdn2

/// A fully qualified domain name in its one spelling: lower-case ASCII, international labels as A-labels
/// (RFC 5890), without a dot at the end.
public struct DomainName: Hashable, Sendable, CustomStringConvertible {
    public let ascii: String

    public var description: String { ascii }

    /// White space around the name is ignored. International names are read by UTS #46, nontransitional.
    public init(_ text: String) throws(DomainFault) {
        let trimmed = text.trimmingASCIISpace
        guard !trimmed.isEmpty else { throw .empty }
        guard trimmed.utf8.count <= 1024 else { throw .tooLong }
        // UTS #46 drops characters that cannot be seen; two names that look alike would become one.
        guard trimmed.unicodeScalars.allSatisfy({ $0.value > 32 && !$0.properties.isDefaultIgnorableCodePoint })
        else { throw .invalid }
        let ascii = try Self.ascii(of: trimmed)
        try Self.check(ascii)
        self.ascii = ascii
    }

    /// nil for no text, and for one that is empty or blank: there is no domain then.
    public init?(optional text: String?) throws(DomainFault) {
        guard let text, !text.trimmingASCIISpace.isEmpty else { return nil }
        try self.init(text)
    }

    /// Refuses A-labels that are not the one spelling of what they stand for. Never with
    /// `IDN2_USE_STD3_ASCII_RULES`: it makes `example.com` of `exa_mple.com`.
    private static func ascii(of text: String) throws(DomainFault) -> String {
        var output: UnsafeMutablePointer<CChar>?
        let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
        let result = idn2_to_ascii_8z(text, &output, flags)
        defer { idn2_free(output) }
        guard result == IDN2_OK.rawValue, let output else {
            switch result {
            case IDN2_TOO_BIG_DOMAIN.rawValue, IDN2_TOO_BIG_LABEL.rawValue, IDN2_PUNYCODE_BIG_OUTPUT.rawValue:
                throw .tooLong
            default: throw .invalid
            }
        }
        return String(cString: output).lowercased()
    }

    private static func check(_ ascii: String) throws(DomainFault) {
        guard ascii.utf8.count <= 253 else { throw .tooLong }
        let labels = ascii.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty }) else { throw .emptyLabel }
        guard labels.allSatisfy({ $0.utf8.count <= 63 }) else { throw .tooLong }
        guard labels.allSatisfy(isLettersDigitsHyphen) else { throw .invalid }
        // The WHATWG URL standard (host parsing, "ends in a number") reads 1.2.3.0x7f as an address.
        guard let last = labels.last, !last.utf8.allSatisfy({ (48...57).contains($0) }), !last.hasPrefix("0x")
        else { throw .isAddress }
        guard labels.count > 1 else { throw .notQualified }
    }

    /// Letters, digits and hyphens, no hyphen at either end (RFC 1123), and none in the third and fourth place but
    /// for A-labels (RFC 5891, 4.2.3.1).
    private static func isLettersDigitsHyphen(_ label: Substring) -> Bool {
        let bytes = Array(label.utf8)
        return bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
            && bytes.first != 45 && bytes.last != 45
            && (!bytes.dropFirst(2).starts(with: [45, 45]) || label.hasPrefix("xn--"))
    }
}
