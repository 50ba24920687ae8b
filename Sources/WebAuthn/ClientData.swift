import Credentials
import Ground

/// What the browser says of the ceremony (Level 3, section 5.8.1), as the authenticator has signed it.
public struct ClientData: Sendable {
    static let maximumSize = 16_384

    let type: String
    /// What the page was given to be signed.
    public let challenge: [UInt8]
    let origin: String
    let isCrossOrigin: Bool
    let topOrigin: String?
    /// SHA-256 of the text.
    let digest: [UInt8]

    /// - Throws: `.malformed(.clientData)`.
    public init(_ text: [UInt8]) throws(WebAuthnFault) {
        guard text.count <= Self.maximumSize,
            let json = try? JSON.parse(text, limits: JSONLimits(depth: 8, values: 256)),
            let type = json["type"]?.string, let challenge = json["challenge"]?.string.flatMap({ Base64URL.decode($0) }),
            let origin = json["origin"]?.string,
            let isCrossOrigin = Self.flag(json["crossOrigin"]), let topOrigin = Self.text(json["topOrigin"])
        else { throw .malformed(.clientData) }
        self.type = type
        self.challenge = challenge
        self.origin = origin
        self.isCrossOrigin = isCrossOrigin
        self.topOrigin = topOrigin
        digest = Digest.sha256(text)
    }

    private static func flag(_ value: JSON?) -> Bool? { value.map(\.bool) ?? false }

    private static func text(_ value: JSON?) -> String?? { value.map { $0.string.map { .some($0) } } ?? .some(nil) }

    /// - Throws: `.wrongType`, `.wrongChallenge`, `.wrongOrigin`, `.embedded`.
    func check(_ type: String, _ challenge: [UInt8], for party: RelyingParty) throws(WebAuthnFault) {
        guard self.type.utf8.elementsEqual(type.utf8) else { throw .wrongType }
        guard Digest.equal(self.challenge, challenge) else { throw .wrongChallenge }
        guard party.origins.contains(where: { $0.utf8.elementsEqual(origin.utf8) }) else { throw .wrongOrigin }
        guard isCrossOrigin || topOrigin != nil else { return }
        guard let outer = party.embeddingOrigins else { throw .embedded }
        if let topOrigin {
            guard outer.contains(where: { $0.utf8.elementsEqual(topOrigin.utf8) }) else { throw .embedded }
        }
    }
}
