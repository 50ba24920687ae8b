import COpenSSL

/// An OpenSSL context that signs or verifies SHA-256 digests with one key, as often as it is asked.
struct PublicKeyContext: ~Copyable, Sendable {
    // Not copyable, and changed only through `mutating`: one thread at a time has it.
    private nonisolated(unsafe) let context: OpaquePointer

    /// Takes over `context`, which was set up for signing or for verifying.
    init(takingOver context: OpaquePointer) { self.context = context }

    deinit { EVP_PKEY_CTX_free(context) }

    mutating func sign(_ digest: [UInt8]) -> [UInt8]? {
        var count = 0
        guard EVP_PKEY_sign(context, nil, &count, digest, digest.count) == 1 else { return nil }
        var signature = [UInt8](repeating: 0, count: count)
        guard EVP_PKEY_sign(context, &signature, &count, digest, digest.count) == 1 else { return nil }
        return Array(signature.prefix(count))
    }

    mutating func verify(_ signature: UnsafeRawBufferPointer, over digest: [UInt8]) -> Bool {
        let bytes = signature.assumingMemoryBound(to: UInt8.self)
        if EVP_PKEY_verify(context, bytes.baseAddress, bytes.count, digest, digest.count) == 1 { return true }
        // What OpenSSL noted about a bad signature must not be taken by a TLS library for its own failure.
        ERR_clear_error()
        return false
    }
}
