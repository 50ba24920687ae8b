import COpenSSL

/// What OpenSSL checks with a key that it holds itself.
enum Signatures {
    /// - Parameter hash: nil where the algorithm brings its own.
    static func verify(_ signature: [UInt8], over message: [UInt8], by key: OpaquePointer, hash: OpaquePointer?, pss: Bool = false)
        -> Bool
    {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        var parameters: OpaquePointer?
        guard EVP_DigestVerifyInit(context, &parameters, hash, nil, key) == 1 else { return false }
        if pss {
            guard EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
            else { return false }
        }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    static func hash(_ message: [UInt8], with hash: OpaquePointer?) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        var count: UInt32 = 0
        let made = EVP_Digest(message, message.count, &digest, &count, hash, nil)
        precondition(made == 1, "OpenSSL makes no hash")
        return Array(digest.prefix(Int(count)))
    }
}
