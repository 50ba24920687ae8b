import CSodium
import Ground

/// A key that signs with its own algorithm. Any number of threads may use it at the same time.
public final class SigningKey: Sendable {
    private enum Signer: Sendable {
        case ed25519(secretKey: [UInt8])
        case ecdsa(ContextPool<PublicKeyContext>)
        case rsa(ContextPool<PublicKeyContext>)
        case hmac(ContextPool<MACContext>)
    }

    /// The counterpart that verifies what this key signs.
    public let verificationKey: VerificationKey
    /// What `init(restoring:algorithm:)` makes the key of: the seed of Ed25519 (32 bytes), the number of
    /// P-256 (32 bytes), the PKCS #1 private key of RSA, the secret of HS256. To be stored sealed.
    public let privateBytes: [UInt8]
    private let signer: Signer

    /// The `kid` of what it signs: the thumbprint of the public key (RFC 7638); for HS256 a tag that does
    /// not reveal the key.
    public var id: String { verificationKey.id }
    public var algorithm: SignatureAlgorithm { verificationKey.algorithm }
    /// What may be published; nil for HS256.
    public var publicJWK: JWK? { verificationKey.publicJWK }

    public convenience init(restoring privateBytes: [UInt8], algorithm: SignatureAlgorithm) throws(KeyError) {
        try self.init(KeyMaterial(restoring: privateBytes, algorithm: algorithm), id: nil)
    }

    /// - Throws: `.malformed("d")` for a public key, `.unsupported("key_ops")` when it is for verifying only.
    public convenience init(_ jwk: JWK) throws(KeyError) {
        guard jwk.allows("sign") else { throw .unsupported("key_ops") }
        try self.init(jwk.material, id: jwk.id)
    }

    /// A new key; RSA has 2048 bits and takes some hundred milliseconds.
    ///
    /// - Parameter random: what Ed25519 and HS256 keys are made of. P-256 and RSA keys come from OpenSSL's
    ///   generator, which the kernel seeds.
    /// - Throws: only when OpenSSL finds no memory.
    public static func generate(
        _ algorithm: SignatureAlgorithm, random: RandomSource
    ) throws(KeyError) -> SigningKey {
        try SigningKey(KeyMaterial.generate(algorithm, random: random), id: nil)
    }

    private init(_ material: KeyMaterial, id: String?) throws(KeyError) {
        guard let privateBytes = material.privateBytes else { throw .malformed("d") }
        self.privateBytes = privateBytes
        verificationKey = try VerificationKey(material, id: id)
        signer = try Self.signer(for: material)
        // A private part that is not of the public one would sign what nobody can verify.
        let probe = Array("probe".utf8)
        guard let signature = signature(over: probe), verificationKey.verify(signature, over: probe) else {
            throw .inconsistent
        }
    }

    private static func signer(for material: KeyMaterial) throws(KeyError) -> Signer {
        switch material {
        case .ed25519(_, let seed):
            return .ed25519(secretKey: KeyMaterial.ed25519Pair(seed: seed ?? []).secretKey)
        case .p256(_, _, let number):
            guard let key = OpenSSLKey(p256Number: number ?? []),
                let pool = ContextPool({ key.signingContext() })
            else { throw .malformed("d") }
            return .ecdsa(pool)
        case .rsa(let numbers):
            guard let key = OpenSSLKey(numbers), let pool = ContextPool({ key.signingContext() }) else {
                throw .malformed("d")
            }
            return .rsa(pool)
        case .secret(let secret):
            guard let pool = ContextPool({ MACContext(key: secret) }) else { throw .malformed("k") }
            return .hmac(pool)
        }
    }

    /// The signature in the form of RFC 7518, section 3, or RFC 8037, section 3.1.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        guard let signature = signature(over: message) else {
            // The key has signed before, so it is memory or the system's randomness that has run out.
            preconditionFailure("OpenSSL cannot sign")
        }
        return signature
    }

    private func signature(over message: [UInt8]) -> [UInt8]? {
        switch signer {
        case .ed25519(let secretKey):
            var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
            crypto_sign_detached(&signature, nil, message, UInt64(message.count), secretKey)
            return signature
        case .ecdsa(let pool):
            let digest = Digest.sha256(message)
            return pool.use { $0.sign(digest) }.flatMap { ECDSASignature.jose(from: $0) }
        case .rsa(let pool):
            let digest = Digest.sha256(message)
            return pool.use { $0.sign(digest) }
        case .hmac(let pool):
            return message.withUnsafeBytes { message in pool.use { $0.tag(of: message) } }
        }
    }
}
