import Ground
import JOSE

/// A signed statement about the chain of the audit log: that at some moment it had this hash at that place.
public struct AuditHead: Sendable, Hashable {
    /// What is stated of the place.
    public enum Kind: String, Sendable {
        /// The chain was so far then.
        case head
        /// Everything up to here was taken away, as it was older than what is kept.
        case anchor
        /// The chain starts behind it.
        case start
    }

    public let kind: Kind
    public let sequence: Int64
    public let hash: [UInt8]
    public let at: Timestamp
    /// The statement itself: a compact JWS (RFC 7515).
    public let token: String
}

/// Signs and verifies statements about the chain, with an Ed25519 key that serves nothing else and never changes: a
/// head that was sent away must be worth something years later.
public struct AuditSigner: Sendable {
    private let key: SigningKey
    private let trusted: KeySet
    private let issuer: String

    /// - Parameter seed: 32 bytes.
    init(seed: [UInt8], issuer: String) throws(AuthError) {
        do { key = try SigningKey(restoring: seed, algorithm: .edDSA) } catch {
            throw .unexpected(because: "the key of the audit log: \(error)")
        }
        trusted = KeySet([TrustedKey(key.verificationKey)])
        self.issuer = issuer
    }

    /// What others verify heads with.
    public var publicKey: JSON { key.publicJWK?.publicJSON ?? .null }

    func sign(_ kind: AuditHead.Kind, sequence: Int64, hash: [UInt8], at moment: Timestamp) -> AuditHead {
        let claims: JSON = [
            "iss": .string(issuer), "sequence": .integer(sequence), "hash": .string(Hex.encode(hash)),
            "at": .string(moment.rfc3339),
        ]
        let token = JWS.sign(claims.utf8, type: .named(Self.type(kind)), with: key)
        return AuditHead(kind: kind, sequence: sequence, hash: hash, at: moment, token: token)
    }

    /// - Returns: nil unless this server signed it.
    func read(_ token: String, as kind: AuditHead.Kind, at now: Timestamp) -> AuditHead? {
        guard let jws = try? JWS(verifying: Array(token.utf8), with: trusted, at: now), jws.type == Self.type(kind),
            let claims = try? JSON.parse(jws.payload), let sequence = claims["sequence"]?.integer,
            let hash = claims["hash"]?.string.flatMap({ Hex.decode($0) }), hash.count == 32,
            let moment = claims["at"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        return AuditHead(kind: kind, sequence: sequence, hash: hash, at: moment, token: token)
    }

    private static func type(_ kind: AuditHead.Kind) -> String { "gatehouse-audit-\(kind.rawValue)+jws" }
}
