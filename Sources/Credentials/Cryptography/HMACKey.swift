import COpenSSL

/// A key of HMAC-SHA-256 (RFC 2104) whose two pads are hashed once, so that each use costs the message only.
public struct HMACKey: Sendable {
    private static let blockSize = 64

    private let inner: SHA256_CTX
    private let outer: SHA256_CTX

    /// Any length will do; a key shorter than 32 bytes is weaker than the hash.
    public init(_ key: [UInt8]) {
        let short = key.count > Self.blockSize ? Digest.sha256(key) : key
        let block = short + [UInt8](repeating: 0, count: Self.blockSize - short.count)
        inner = Self.start(block.map { $0 ^ 0x36 })
        outer = Self.start(block.map { $0 ^ 0x5c })
    }

    private static func start(_ pad: [UInt8]) -> SHA256_CTX {
        var state = SHA256_CTX()
        SHA256_Init(&state)
        SHA256_Update(&state, pad, pad.count)
        return state
    }

    /// The 32 bytes of the message's code.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { code, count in
            var state = inner
            SHA256_Update(&state, message, message.count)
            SHA256_Final(code.baseAddress, &state)
            state = outer
            SHA256_Update(&state, code.baseAddress, 32)
            SHA256_Final(code.baseAddress, &state)
            count = 32
        }
    }

    /// Whether `code` is the message's code, compared in constant time.
    public func verify(_ code: [UInt8], of message: [UInt8]) -> Bool {
        Digest.equal(code, sign(message))
    }
}
