import COpenSSL

/// AES-256 in Galois/Counter Mode (NIST SP 800-38D) with a nonce of 96 bits and a tag of 128.
public struct AESGCM: Sendable {
    public static let keySize = 32
    public static let nonceSize = 12
    public static let tagSize = 16

    private let key: [UInt8]

    /// nil unless the key has 32 bytes.
    public init?(key: [UInt8]) {
        guard key.count == Self.keySize else { return nil }
        self.key = key
    }

    /// The ciphertext with the tag behind it. A nonce must never serve twice under one key.
    ///
    /// nil unless the nonce has 12 bytes and the text at most 2^31 - 1.
    public func seal(_ plaintext: [UInt8], nonce: [UInt8], authenticating data: [UInt8]) -> [UInt8]? {
        run(plaintext, nonce: nonce, authenticating: data, encrypting: true) { context, output, count in
            var last: Int32 = 0
            guard EVP_EncryptFinal_ex(context, output + count, &last) == 1,
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagSize), output + count) == 1
            else { return nil }
            return count + Self.tagSize
        }
    }

    /// The plaintext; nil where key, nonce, data, ciphertext or tag is not what it was when sealed.
    public func open(_ sealed: [UInt8], nonce: [UInt8], authenticating data: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.tagSize else { return nil }
        var tag = Array(sealed.suffix(Self.tagSize))
        let ciphertext = Array(sealed.dropLast(Self.tagSize))
        return run(ciphertext, nonce: nonce, authenticating: data, encrypting: false) { context, output, count in
            var last: Int32 = 0
            guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagSize), &tag) == 1,
                EVP_DecryptFinal_ex(context, output + count, &last) == 1
            else { return nil }
            return count
        }
    }

    private typealias Finish = (OpaquePointer, UnsafeMutablePointer<UInt8>, Int) -> Int?

    private func run(
        _ input: [UInt8], nonce: [UInt8], authenticating data: [UInt8], encrypting: Bool, finish: Finish
    ) -> [UInt8]? {
        guard nonce.count == Self.nonceSize, let size = Int32(exactly: input.count),
            let dataSize = Int32(exactly: data.count), let context = EVP_CIPHER_CTX_new()
        else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting ? 1 : 0) == 1
        else { return nil }
        var ignored: Int32 = 0
        guard data.isEmpty || EVP_CipherUpdate(context, nil, &ignored, data, dataSize) == 1 else { return nil }
        var succeeded = false
        let output = [UInt8](unsafeUninitializedCapacity: input.count + Self.tagSize) { buffer, filled in
            guard let start = buffer.baseAddress else { return }
            var count: Int32 = 0
            guard input.isEmpty || EVP_CipherUpdate(context, start, &count, input, size) == 1,
                let total = finish(context, start, Int(count))
            else { return }
            filled = total
            succeeded = true
        }
        return succeeded ? output : nil
    }
}
