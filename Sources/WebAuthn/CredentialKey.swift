import COpenSSL
import Credentials

/// The public key of a passkey, as COSE writes it (RFC 9052, section 7), bound to one algorithm.
public struct CredentialKey: Hashable, Sendable {
    enum Material: Hashable, Sendable {
        /// The point, uncompressed.
        case elliptic(EllipticCurve, point: [UInt8])
        case rsa(RSAKey)
        case ed25519([UInt8])
        case ed448([UInt8])
    }

    public let algorithm: COSEAlgorithm
    let material: Material

    /// - Parameter cose: all of the key.
    /// - Throws: `.malformed(.key)`, `.algorithmNotAllowed` for one that is not understood.
    public init(cose: [UInt8]) throws(WebAuthnFault) {
        guard let value = try? CBORReader.whole(cose) else { throw .malformed(.key) }
        try self.init(value)
    }

    /// A key has the parameters of its kind and no others (Level 3, section 6.5.1.1).
    init(_ cose: CBOR) throws(WebAuthnFault) {
        guard let entries = cose.entries, let kind = cose[1]?.integer, let number = cose[3]?.integer else {
            throw .malformed(.key)
        }
        guard let algorithm = COSEAlgorithm(rawValue: number) else { throw .algorithmNotAllowed }
        self.algorithm = algorithm
        let material: Material? =
            switch (kind, algorithm, entries.count) {
            case (1, .edDSA, 4): Self.edwards(cose, curve: 6, count: 32).map { .ed25519($0) }
            case (1, .ed448, 4): Self.edwards(cose, curve: 7, count: 57).map { .ed448($0) }
            case (2, .es256, 5): Self.point(cose, .p256, number: 1).map { .elliptic(.p256, point: $0) }
            case (2, .es384, 5): Self.point(cose, .p384, number: 2).map { .elliptic(.p384, point: $0) }
            case (2, .es512, 5): Self.point(cose, .p521, number: 3).map { .elliptic(.p521, point: $0) }
            case (3, .rs256, 4), (3, .ps256, 4): Self.numbers(cose).map { .rsa($0) }
            default: nil
            }
        guard let material else { throw .malformed(.key) }
        self.material = material
    }

    private static func edwards(_ cose: CBOR, curve: Int64, count: Int) -> [UInt8]? {
        guard cose[-1]?.integer == curve, let key = cose[-2]?.bytes, key.count == count else { return nil }
        return key
    }

    private static func point(_ cose: CBOR, _ curve: EllipticCurve, number: Int64) -> [UInt8]? {
        guard cose[-1]?.integer == number, let x = cose[-2]?.bytes, let y = cose[-3]?.bytes, x.count == curve.width,
            y.count == curve.width
        else { return nil }
        return [4] + x + y
    }

    private static func numbers(_ cose: CBOR) -> RSAKey? {
        guard let modulus = cose[-1]?.bytes, let exponent = cose[-2]?.bytes else { return nil }
        return RSAKey(modulus: modulus, exponent: exponent)
    }

    /// Whether signatures can be checked with it: a point is on its curve.
    var isSound: Bool {
        switch material {
        case .elliptic(let curve, let point): curve.withKey(point) { _ in true } ?? false
        case .rsa, .ed25519: true
        case .ed448(let key): Self.withEd448(key) { _ in true } ?? false
        }
    }

    /// Whether `signature`, in the form that authenticators use (Level 3, section 6.5.5), is this key's.
    public func verify(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        switch material {
        case .elliptic(let curve, let point):
            curve.verify(signature, of: Self.digest(of: message, for: curve), by: point)
        case .rsa(let key):
            algorithm == .ps256
                ? key.verifyPSS(signature, of: Digest.sha256(message)) : key.verify(signature, of: Digest.sha256(message))
        case .ed25519(let key): Ed25519.verify(signature, of: message, by: key)
        case .ed448(let key):
            Self.withEd448(key) { Signatures.verify(signature, over: message, by: $0, hash: nil) } ?? false
        }
    }

    private static func digest(of message: [UInt8], for curve: EllipticCurve) -> [UInt8] {
        switch curve {
        case .p256: Digest.sha256(message)
        case .p384: Signatures.hash(message, with: EVP_sha384())
        case .p521: Signatures.hash(message, with: EVP_sha512())
        }
    }

    private static func withEd448<Result>(_ key: [UInt8], _ body: (OpaquePointer) -> Result) -> Result? {
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED448, nil, key, key.count) else {
            ERR_clear_error()
            return nil
        }
        defer { EVP_PKEY_free(key) }
        return body(key)
    }

    /// Whether that key of OpenSSL is this one.
    func isSame(as other: OpaquePointer) -> Bool {
        func same(_ fill: (OpaquePointer) -> Int32) -> Bool {
            guard let own = EVP_PKEY_new() else { return false }
            defer {
                EVP_PKEY_free(own)
                ERR_clear_error()
            }
            return fill(own) == 1 && EVP_PKEY_eq(own, other) == 1
        }
        return switch material {
        case .elliptic(let curve, let point):
            curve.withKey(point) { key in same { EVP_PKEY_set1_EC_KEY($0, key) } } ?? false
        case .rsa(let numbers): numbers.withKey { key in same { EVP_PKEY_set1_RSA($0, key) } } ?? false
        case .ed25519(let key):
            Self.raw(of: other, count: 32).map { Digest.equal($0, key) } ?? false
        case .ed448(let key): Self.withEd448(key) { EVP_PKEY_eq($0, other) == 1 } ?? false
        }
    }

    private static func raw(of key: OpaquePointer, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var length = count
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519,
            EVP_PKEY_get_raw_public_key(key, &bytes, &length) == 1, length == count
        else { return nil }
        return bytes
    }
}
