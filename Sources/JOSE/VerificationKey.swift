import COpenSSL
import CSodium

/// A key that verifies signatures of its own algorithm and of no other (RFC 8725, section 3.1).
///
/// What OpenSSL needs is parsed once and kept. Any number of threads may use it at the same time.
public final class VerificationKey: Sendable {
    private enum Verifier: Sendable {
        case ed25519(publicKey: [UInt8])
        case ecdsa(ContextPool<PublicKeyContext>)
        case rsa(ContextPool<PublicKeyContext>)
        case hmac(ContextPool<MACContext>)
    }

    /// The `kid`; of a key that was given none its thumbprint.
    public let id: String
    public let algorithm: SignatureAlgorithm
    /// What may be published; nil for HS256.
    public let publicJWK: JWK?
    private let verifier: Verifier

    /// - Throws: `.unsupported("key_ops")` when the key is for signing only.
    public convenience init(_ jwk: JWK) throws(KeyError) {
        guard jwk.allows("verify") else { throw .unsupported("key_ops") }
        try self.init(jwk.material, id: jwk.id)
    }

    init(_ material: KeyMaterial, id: String?) throws(KeyError) {
        let id = id ?? material.ownID
        self.id = id
        algorithm = material.algorithm
        publicJWK = material.publicPart.map { JWK(publicPart: $0, id: id) }
        verifier = try Self.verifier(for: material)
    }

    private static func verifier(for material: KeyMaterial) throws(KeyError) -> Verifier {
        switch material {
        case .ed25519(let publicKey, _):
            // libsodium asks for it before anything else, and does it once.
            guard sodium_init() >= 0 else { throw .malformed("x") }
            return .ed25519(publicKey: publicKey)
        case .p256(let x, let y, _):
            guard let key = OpenSSLKey(p256X: x, y: y), let pool = ContextPool({ key.verificationContext() }) else {
                throw .malformed("x")
            }
            return .ecdsa(pool)
        case .rsa(let numbers):
            guard let key = OpenSSLKey(numbers.publicPart), let pool = ContextPool({ key.verificationContext() }) else {
                throw .malformed("n")
            }
            return .rsa(pool)
        case .secret(let secret):
            guard let pool = ContextPool({ MACContext(key: secret) }) else { throw .malformed("k") }
            return .hmac(pool)
        }
    }

    /// Whether `signature`, in the form of RFC 7518, section 3, or RFC 8037, section 3.1, is this key's.
    public func verify(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        signature.withUnsafeBytes { signature in
            message.withUnsafeBytes { verify(signature, over: $0) }
        }
    }

    func verify(_ signature: UnsafeRawBufferPointer, over message: UnsafeRawBufferPointer) -> Bool {
        switch verifier {
        case .ed25519(let publicKey):
            let bytes = signature.assumingMemoryBound(to: UInt8.self)
            // An empty message may come without an address; one must be given all the same.
            guard let start = bytes.baseAddress, bytes.count == Int(crypto_sign_BYTES) else { return false }
            let text = message.assumingMemoryBound(to: UInt8.self).baseAddress ?? start
            return crypto_sign_verify_detached(start, text, UInt64(message.count), publicKey) == 0
        case .ecdsa(let pool):
            guard let der = ECDSASignature.der(from: signature) else { return false }
            let digest = Digest.sha256(message)
            return der.withUnsafeBytes { der in pool.use { $0.verify(der, over: digest) } }
        case .rsa(let pool):
            let digest = Digest.sha256(message)
            return pool.use { $0.verify(signature, over: digest) }
        case .hmac(let pool):
            guard signature.count == 32, let tag = pool.use({ $0.tag(of: message) }) else { return false }
            return CRYPTO_memcmp(tag, signature.baseAddress, tag.count) == 0
        }
    }
}
