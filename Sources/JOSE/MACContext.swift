import COpenSSL

/// An OpenSSL context that computes HMAC-SHA-256 with one key, as often as it is asked.
struct MACContext: ~Copyable, Sendable {
    // Not copyable, and changed only through `mutating`: one thread at a time has it.
    private nonisolated(unsafe) let context: OpaquePointer

    init?(key: [UInt8]) {
        guard let method = EVP_MAC_fetch(nil, "HMAC", nil) else { return nil }
        defer { EVP_MAC_free(method) }
        guard let context = EVP_MAC_CTX_new(method) else { return nil }
        var digest = Array("SHA256".utf8CString)
        // A parameter only points to its name and value, so both must outlive it.
        let ready = digest.withUnsafeMutableBufferPointer { digest in
            OSSL_MAC_PARAM_DIGEST.withCString { name in
                let parameters = [
                    OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0), OSSL_PARAM_construct_end(),
                ]
                return EVP_MAC_init(context, key, key.count, parameters) == 1
            }
        }
        guard ready else {
            EVP_MAC_CTX_free(context)
            return nil
        }
        self.context = context
    }

    deinit { EVP_MAC_CTX_free(context) }

    /// nil when OpenSSL finds no memory.
    mutating func tag(of message: UnsafeRawBufferPointer) -> [UInt8]? {
        let bytes = message.assumingMemoryBound(to: UInt8.self)
        var tag = [UInt8](repeating: 0, count: 32)
        var count = 0
        guard EVP_MAC_init(context, nil, 0, nil) == 1,
            EVP_MAC_update(context, bytes.baseAddress, bytes.count) == 1,
            EVP_MAC_final(context, &tag, &count, tag.count) == 1, count == 32
        else { return nil }
        return tag
    }
}
