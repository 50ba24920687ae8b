/// An e-mail address: `local@domain` in ASCII (RFC 5321), without the quoted local parts, comments and address
/// literals that servers read in different ways.
///
/// The text is taken apart before anything is normalised, and the local part must be ASCII, so that no character
/// can turn into an `@` or into another letter afterwards.
public struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    /// Bytes.
    public static let longest = 255

    /// As the person wrote it, the domain in its one spelling: what is shown, and where mail goes.
    public let address: String
    /// The address in lower case: the key by which two spellings are one account. Dots and `+tags` are kept, for
    /// only the mail server of the domain knows what they mean.
    public let normalized: String
    public let domain: DomainName

    public var description: String { address }

    /// White space around the address is ignored.
    public init(_ text: String) throws(EmailFault) {
        let trimmed = text.trimmingASCIISpace
        guard !trimmed.isEmpty else { throw .empty }
        guard trimmed.utf8.count <= Self.longest else { throw .tooLong }
        let parts = trimmed.utf8.split(separator: 64, omittingEmptySubsequences: false).map { Substring($0) }
        guard parts.count == 2 else { throw .notOneAt }
        guard Self.isDotAtom(parts[0]) else { throw .localPart }
        // Here white space would stand inside the address.
        guard parts[1].utf8.first.map({ $0 > 32 }) ?? true else { throw .domain(.invalid) }
        do throws(DomainFault) { domain = try DomainName(String(parts[1])) } catch { throw .domain(error) }
        address = "\(parts[0])@\(domain)"
        guard address.utf8.count <= Self.longest else { throw .tooLong }
        normalized = address.lowercased()
    }

    /// Addresses that differ only in case are the same.
    public static func == (a: EmailAddress, b: EmailAddress) -> Bool { a.normalized == b.normalized }
    public func hash(into hasher: inout Hasher) { hasher.combine(normalized) }

    /// RFC 5321, 4.1.2: atoms with single dots between them.
    private static func isDotAtom(_ text: Substring) -> Bool {
        guard (1...64).contains(text.utf8.count) else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty && atom.utf8.allSatisfy(isAtomText)
        }
    }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
        }
    }
}
