/// What is wrong with a filter of breached passwords, or with a list that one is to be made of. The text goes on where
/// "the file" stands before it.
public enum BreachedFault: Error, Hashable, Sendable, CustomStringConvertible {
    case notRead(reason: String)
    case notWritten(reason: String)
    /// It was not made by `gatehouse breached import`, or only a part of it is there.
    case noFilter
    /// A newer program made it.
    case newerVersion(UInt32)
    /// A part is not as it was written.
    case damaged(part: Int)
    /// A line is no SHA-1, with or without a count.
    case noHash(line: Int)
    /// A line is an NTLM hash: the same passwords, in another list.
    case isNTLM(line: Int)
    /// Nothing of it is to be in a filter.
    case empty
    case tooMany

    public var description: String {
        switch self {
        case .notRead(let reason): "cannot be read: \(reason)"
        case .notWritten(let reason): "cannot be written: \(reason)"
        case .noFilter: "is no filter of breached passwords, or only a part of one"
        case .newerVersion(let version): "has version \(version) of the format, which this program does not know"
        case .damaged(let part): "is damaged: part \(part) is not as it was written"
        case .noHash(let line): "has no SHA-1 in line \(line)"
        case .isNTLM(let line): "has an NTLM hash in line \(line): take the list of SHA-1 hashes"
        case .empty: "holds no password that is to be refused"
        case .tooMany: "has more hashes than a filter can hold"
        }
    }
}
