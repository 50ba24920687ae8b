import CSodium
import Ground

/// The numbers of a key, checked: a value of this type can be worked with.
enum KeyMaterial: Hashable, Sendable {
    case ed25519(publicKey: [UInt8], seed: [UInt8]?)
    case p256(x: [UInt8], y: [UInt8], number: [UInt8]?)
    case rsa(RSANumbers)
    case secret([UInt8])

    var algorithm: SignatureAlgorithm {
        switch self {
        case .ed25519: .edDSA
        case .p256: .es256
        case .rsa: .rs256
        case .secret: .hs256
        }
    }

    /// From what `privateBytes` gave.
    init(restoring bytes: [UInt8], algorithm: SignatureAlgorithm) throws(KeyError) {
        switch algorithm {
        case .edDSA:
            guard bytes.count == Int(crypto_sign_SEEDBYTES) else { throw .malformed("d") }
            self = .ed25519(publicKey: Self.ed25519Pair(seed: bytes).publicKey, seed: bytes)
        case .es256:
            guard bytes.count == 32, let key = OpenSSLKey(p256Number: bytes), let (x, y) = key.coordinates else {
                throw .malformed("d")
            }
            self = .p256(x: x, y: y, number: bytes)
        case .rs256:
            guard let numbers = OpenSSLKey(rsaPrivateDER: bytes)?.rsaNumbers else { throw .malformed("d") }
            try numbers.check()
            self = .rsa(numbers)
        case .hs256:
            // RFC 7518, section 3.2: no shorter than the hash.
            guard bytes.count >= 32 else { throw .weak("k") }
            self = .secret(bytes)
        }
    }

    /// - Parameter random: what an Ed25519 or HS256 key is made of. P-256 and RSA keys come from OpenSSL's
    ///   generator, which the kernel seeds.
    static func generate(_ algorithm: SignatureAlgorithm, random: RandomSource) throws(KeyError) -> KeyMaterial {
        switch algorithm {
        case .edDSA, .hs256:
            return try KeyMaterial(restoring: random.bytes(32), algorithm: algorithm)
        case .es256:
            guard let key = OpenSSLKey(generating: .p256), let (x, y) = key.coordinates,
                let number = key.number("priv", width: 32)
            else { throw .malformed("d") }
            return .p256(x: x, y: y, number: number)
        case .rs256:
            guard let numbers = OpenSSLKey(generating: .rsa2048)?.rsaNumbers else { throw .malformed("d") }
            return .rsa(numbers)
        }
    }

    /// What a private key is restored from; nil in a public key.
    var privateBytes: [UInt8]? {
        switch self {
        case .ed25519(_, let seed): seed
        case .p256(_, _, let number): number
        case .rsa(let numbers): numbers.privateDER
        case .secret(let key): key
        }
    }

    /// The same key without its private members; nil for a shared secret, which has no public part.
    var publicPart: KeyMaterial? {
        switch self {
        case .ed25519(let publicKey, _): .ed25519(publicKey: publicKey, seed: nil)
        case .p256(let x, let y, _): .p256(x: x, y: y, number: nil)
        case .rsa(let numbers): .rsa(numbers.publicPart)
        case .secret: nil
        }
    }

    /// The members of the public key that its thumbprint is made of, in their order (RFC 7638, section 3.2;
    /// RFC 8037, section 2); nil for a shared secret.
    var publicMembers: [JSON.Member]? {
        func text(_ bytes: [UInt8]) -> JSON { .string(Base64URL.encode(bytes)) }
        return switch self {
        case .ed25519(let publicKey, _):
            [.init("crv", "Ed25519"), .init("kty", "OKP"), .init("x", text(publicKey))]
        case .p256(let x, let y, _):
            [.init("crv", "P-256"), .init("kty", "EC"), .init("x", text(x)), .init("y", text(y))]
        case .rsa(let numbers):
            [.init("e", text(numbers.exponent)), .init("kty", "RSA"), .init("n", text(numbers.modulus))]
        case .secret: nil
        }
    }

    /// The id of a key that was given none: the thumbprint (RFC 7638), or for a shared secret a tag made
    /// with it, which tells a guesser no more than any token does.
    var ownID: String {
        // No text that is signed here is this one, as they all have a dot in them.
        if case .secret(let key) = self { return Base64URL.encode(Digest.hmac("key id", key: key).prefix(16)) }
        return Base64URL.encode(Digest.sha256(JSON.object(publicMembers ?? []).utf8))
    }

    /// The key pair of a seed of 32 bytes.
    static func ed25519Pair(seed: [UInt8]) -> (publicKey: [UInt8], secretKey: [UInt8]) {
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        crypto_sign_seed_keypair(&publicKey, &secretKey, seed)
        return (publicKey, secretKey)
    }

    /// Whether the 32 bytes are a point of the prime-order group, in their one encoding.
    static func isEd25519Point(_ bytes: [UInt8]) -> Bool { crypto_core_ed25519_is_valid_point(bytes) == 1 }
}
