import CSodium

/// SHA-256 of what is signed and of what names a key. From libsodium, where it cannot fail.
enum Digest {
    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let text = bytes.assumingMemoryBound(to: UInt8.self)
        return [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            guard let start = output.baseAddress else { return }
            // An empty text may come without an address; one must be given all the same.
            crypto_hash_sha256(start, text.baseAddress ?? UnsafePointer(start), UInt64(text.count))
            count = 32
        }
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { sha256($0) } }

    /// HMAC-SHA-256 with a key of any length.
    static func hmac(_ text: String, key: [UInt8]) -> [UInt8] {
        let message = Array(text.utf8)
        var tag = [UInt8](repeating: 0, count: Int(crypto_auth_hmacsha256_BYTES))
        var state = crypto_auth_hmacsha256_state()
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        crypto_auth_hmacsha256_final(&state, &tag)
        return tag
    }
}
