import CSodium

/// A key of HMAC-SHA-256 (RFC 2104) whose two pads are hashed once, so that each use costs the message only.
public struct HMACKey: Sendable {
    private let start: crypto_auth_hmacsha256_state

    /// Any length will do; a key shorter than 32 bytes is weaker than the hash.
    public init(_ key: [UInt8]) {
        Sodium.start()
        var state = crypto_auth_hmacsha256_state()
        crypto_auth_hmacsha256_init(&state, key, key.count)
        start = state
    }

    /// The 32 bytes of the message's code.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        var state = start
        var code = [UInt8](repeating: 0, count: 32)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        crypto_auth_hmacsha256_final(&state, &code)
        return code
    }

    /// Whether `code` is the message's code, compared in constant time.
    public func verify(_ code: [UInt8], of message: [UInt8]) -> Bool {
        Digest.equal(code, sign(message))
    }
}
