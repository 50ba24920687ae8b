import Credentials

/// For whom passkeys are made and asked.
public struct RelyingParty: Sendable {
    /// A domain: the origin's, or one that it is part of.
    public let id: String
    /// Whose pages may ask, each as the browser spells it.
    public let origins: [String]
    /// In whose frames such a page may stand; nil: in none.
    public let embeddingOrigins: [String]?
    let idDigest: [UInt8]

    public init(id: String, origins: [String], embeddingOrigins: [String]? = nil) {
        self.id = id
        self.origins = origins
        self.embeddingOrigins = embeddingOrigins
        idDigest = Digest.sha256(Array(id.utf8))
    }
}
