import COpenSSL

/// The numbers of an RSA key, and signatures by it.
struct RSAKey: Hashable, Sendable {
    let modulus: [UInt8]
    let exponent: [UInt8]

    /// nil for what is weak, and for what only keeps the processor busy.
    init?(modulus: [UInt8], exponent: [UInt8]) {
        guard let head = modulus.first, head != 0, let tail = modulus.last, tail & 1 == 1 else { return nil }
        let bits = modulus.count * 8 - head.leadingZeroBitCount
        guard (2048...4096).contains(bits) else { return nil }
        guard let first = exponent.first, first != 0, exponent.count <= 4, let last = exponent.last, last & 1 == 1,
            exponent != [1]
        else { return nil }
        self.modulus = modulus
        self.exponent = exponent
    }

    func withKey<Result>(_ body: (OpaquePointer) -> Result) -> Result? {
        guard let key = RSA_new() else { return nil }
        defer { RSA_free(key) }
        let n = BN_bin2bn(modulus, Int32(modulus.count), nil)
        let e = BN_bin2bn(exponent, Int32(exponent.count), nil)
        // It takes both numbers over, unless it refuses.
        guard n != nil, e != nil, RSA_set0_key(key, n, e, nil) == 1 else {
            BN_free(n)
            BN_free(e)
            return nil
        }
        return body(key)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    func verify(_ signature: [UInt8], of digest: [UInt8]) -> Bool {
        guard signature.count == modulus.count else { return false }
        let verdict = withKey {
            RSA_verify(NID_sha256, digest, UInt32(digest.count), signature, UInt32(signature.count), $0)
        }
        if verdict == 1 { return true }
        ERR_clear_error()
        return false
    }

    /// RSASSA-PSS with SHA-256 for hash and mask, and a salt as long as the hash.
    func verifyPSS(_ signature: [UInt8], of digest: [UInt8]) -> Bool {
        guard signature.count == modulus.count else { return false }
        let verdict: Int32? = withKey { key in
            var encoded = [UInt8](repeating: 0, count: modulus.count)
            let count = RSA_public_decrypt(Int32(signature.count), signature, &encoded, key, RSA_NO_PADDING)
            guard count == Int32(encoded.count) else { return 0 }
            return RSA_verify_PKCS1_PSS_mgf1(key, digest, EVP_sha256(), EVP_sha256(), encoded, RSA_PSS_SALTLEN_DIGEST)
        }
        if verdict == 1 { return true }
        ERR_clear_error()
        return false
    }
}
