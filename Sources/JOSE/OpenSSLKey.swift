import COpenSSL

/// A P-256 or RSA key as OpenSSL holds it, while contexts are made of it or numbers are read from it.
struct OpenSSLKey: ~Copyable {
    private let key: OpaquePointer

    deinit { EVP_PKEY_free(key) }

    /// The SubjectPublicKeyInfo of a P-256 key (RFC 5480), up to the point.
    private static let p256PublicHead: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ]
    /// The ECPrivateKey of a P-256 key (RFC 5915): what stands before and after its number.
    private static let p256PrivateHead: [UInt8] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20]
    private static let p256PrivateTail: [UInt8] = [
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ]

    /// nil unless the coordinates, 32 bytes each, are a point of the curve.
    init?(p256X x: [UInt8], y: [UInt8]) {
        let text = Self.p256PublicHead + [0x04] + x + y
        guard let key = Self.parse(text, with: { d2i_PUBKEY(nil, $0, $1) }) else { return nil }
        guard Self.check(key, with: EVP_PKEY_public_check) else { return nil }
        self.key = key
    }

    /// nil unless the number, 32 bytes, is a private key of the curve.
    init?(p256Number number: [UInt8]) {
        let text = Self.p256PrivateHead + number + Self.p256PrivateTail
        guard let key = Self.parse(text, with: { d2i_PrivateKey(EVP_PKEY_EC, nil, $0, $1) }) else { return nil }
        guard Self.check(key, with: EVP_PKEY_check) else { return nil }
        self.key = key
    }

    init?(_ numbers: RSANumbers) {
        let parsed: OpaquePointer? =
            if let text = numbers.privateDER {
                Self.parse(text, with: { d2i_PrivateKey(EVP_PKEY_RSA, nil, $0, $1) })
            } else {
                Self.parse(numbers.publicDER, with: { d2i_PublicKey(EVP_PKEY_RSA, nil, $0, $1) })
            }
        guard let parsed else { return nil }
        key = parsed
    }

    /// An RSA private key from its PKCS #1 form (RFC 8017, appendix A.1.2).
    init?(rsaPrivateDER text: [UInt8]) {
        guard let key = Self.parse(text, with: { d2i_PrivateKey(EVP_PKEY_RSA, nil, $0, $1) }) else { return nil }
        self.key = key
    }

    /// A new key from OpenSSL's own generator; nil when it finds no memory.
    init?(generating algorithm: NewKey) {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, algorithm.rawValue, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { return nil }
        let prepared =
            switch algorithm {
            case .p256: EVP_PKEY_CTX_set_group_name(context, "P-256")
            case .rsa2048: EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048)
            }
        var key: OpaquePointer?
        guard prepared == 1, EVP_PKEY_generate(context, &key) == 1, let key else { return nil }
        self.key = key
    }

    enum NewKey: String {
        case p256 = "EC"
        case rsa2048 = "RSA"
    }

    /// The number of that OpenSSL name, big-endian; without leading zeros where no `width` is given.
    func number(_ name: String, width: Int? = nil) -> [UInt8]? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { return nil }
        defer { BN_clear_free(number) }
        let count = width ?? Int(BN_num_bits(number) + 7) / 8
        var bytes = [UInt8](repeating: 0, count: count)
        guard BN_bn2binpad(number, &bytes, Int32(count)) == Int32(count) else { return nil }
        return bytes
    }

    /// x and y of a P-256 key, 32 bytes each.
    var coordinates: (x: [UInt8], y: [UInt8])? {
        guard let x = number("qx", width: 32), let y = number("qy", width: 32) else { return nil }
        return (x, y)
    }

    var rsaNumbers: RSANumbers? {
        guard let modulus = number("n"), let exponent = number("e") else { return nil }
        let names = ["d", "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2", "rsa-coefficient1"]
        let secrets = names.compactMap { number($0) }
        return RSANumbers(modulus: modulus, exponent: exponent, secrets: secrets)
    }

    func verificationContext() -> PublicKeyContext? { context(EVP_PKEY_verify_init) }

    func signingContext() -> PublicKeyContext? { context(EVP_PKEY_sign_init) }

    private func context(_ start: (OpaquePointer) -> Int32) -> PublicKeyContext? {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return nil }
        let owner = PublicKeyContext(takingOver: context)
        guard start(context) == 1, EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 else { return nil }
        if EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA {
            guard EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 else { return nil }
        }
        return owner
    }

    private static func parse(
        _ text: [UInt8], with reader: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?
    ) -> OpaquePointer? {
        text.withUnsafeBufferPointer { text in
            var position = text.baseAddress
            let key = reader(&position, text.count)
            if let key, position == text.baseAddress.map({ $0 + text.count }) { return key }
            EVP_PKEY_free(key)
            ERR_clear_error()
            return nil
        }
    }

    /// Frees the key when the check fails.
    private static func check(_ key: OpaquePointer, with test: (OpaquePointer) -> Int32) -> Bool {
        let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
        defer { EVP_PKEY_CTX_free(context) }
        if let context, test(context) == 1 { return true }
        EVP_PKEY_free(key)
        ERR_clear_error()
        return false
    }
}
