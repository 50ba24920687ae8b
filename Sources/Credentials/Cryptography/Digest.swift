import COpenSSL
import CSodium
import Ground

/// Hashes and keyed hashes in one call, and the comparison that every secret goes through.
public enum Digest {
    /// SHA-256 (FIPS 180-4), 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { hash, count in
            var state = SHA256_CTX()
            SHA256_Init(&state)
            SHA256_Update(&state, bytes, bytes.count)
            SHA256_Final(hash.baseAddress, &state)
            count = 32
        }
    }

    /// The first eight bytes of SHA-1 (FIPS 180-4), as one number. For lists that others have made with it, and for nothing
    /// that must be hard to forge.
    static func sha1Prefix(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { hash in
            var state = SHA_CTX()
            SHA1_Init(&state)
            SHA1_Update(&state, bytes.baseAddress, bytes.count)
            SHA1_Final(hash.baseAddress, &state)
            return hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// SHA-256 as hexadecimal digits.
    static func hexSHA256(_ bytes: [UInt8]) -> String { Hex.encode(sha256(bytes)) }

    /// HMAC-SHA-256 (RFC 2104), 32 bytes. Who uses a key often makes an ``HMACKey`` of it.
    public static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        HMACKey(key).sign(bytes)
    }

    /// HMAC-SHA-384 (RFC 4231), 48 bytes.
    static func hmacSHA384(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 48)
        let made = HMAC(EVP_sha384(), key, Int32(key.count), bytes, bytes.count, &code, nil)
        precondition(made != nil, "OpenSSL makes no HMAC")
        return code
    }

    /// Whether both hold the same bytes, in a time that depends on their length only.
    public static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && sodium_memcmp(a, b, a.count) == 0
    }
}
