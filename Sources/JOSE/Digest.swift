import COpenSSL

/// SHA-256 of what is signed and of what names a key.
enum Digest {
    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            var state = SHA256_CTX()
            SHA256_Init(&state)
            SHA256_Update(&state, bytes.baseAddress, bytes.count)
            SHA256_Final(output.baseAddress, &state)
            count = 32
        }
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { sha256($0) } }

    /// HMAC-SHA-256 with a key of any length.
    static func hmac(_ text: String, key: [UInt8]) -> [UInt8] {
        let message = Array(text.utf8)
        var tag = [UInt8](repeating: 0, count: 32)
        let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &tag, nil)
        precondition(made != nil, "OpenSSL makes no HMAC")
        return tag
    }
}
