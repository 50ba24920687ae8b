/// The signature algorithms that are understood, by their numbers in COSE (RFC 9053, RFC 8812, RFC 9864).
public enum COSEAlgorithm: Int64, Sendable, CaseIterable {
    case edDSA = -8
    case es256 = -7
    case es384 = -35
    case es512 = -36
    case ps256 = -37
    case rs256 = -257
    case ed448 = -53

    /// What registrations are asked for, the best first. Ed448 is understood, and asked of nobody.
    public static let offered: [COSEAlgorithm] = [.edDSA, .es256, .es384, .es512, .ps256, .rs256]
}
