import CSodium

/// Signatures of Ed25519 (RFC 8032) that others have made.
public enum Ed25519 {
    /// Whether `signature` is that of the message under the public key of 32 bytes.
    public static func verify(_ signature: [UInt8], of message: [UInt8], by key: [UInt8]) -> Bool {
        guard signature.count == 64, key.count == 32 else { return false }
        Sodium.start()
        return crypto_sign_verify_detached(signature, message, UInt64(message.count), key) == 0
    }
}
