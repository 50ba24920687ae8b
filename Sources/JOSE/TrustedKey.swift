import Ground

/// A key whose signatures count, for ever or for some time yet.
public struct TrustedKey: Sendable {
    public let key: VerificationKey
    /// From this moment on the key verifies nothing; nil where no end is set.
    public let until: Timestamp?
    /// How the header of an access token signed with the key begins a token, byte for byte.
    let accessTokenHeader: [UInt8]

    public init(_ key: VerificationKey, until: Timestamp? = nil) {
        self.key = key
        self.until = until
        accessTokenHeader = JOSEHeader.encode(algorithm: key.algorithm, keyID: key.id, type: .accessToken)
    }

    func isTrusted(at now: Timestamp) -> Bool { until.map { now < $0 } ?? true }
}
