import COpenSSL
import Ground

/// Time-based one-time codes (RFC 6238) of authenticator apps: HMAC-SHA-1, steps of 30 seconds.
///
/// SHA-1 is what every app knows; HMAC needs no more of it than it gives.
public struct TOTP: Sendable {
    /// In seconds.
    public static let period: Int64 = 30
    /// Of a new secret, in bytes: what RFC 4226 recommends.
    public static let secretSize = 20

    private static let blockSize = 64
    private static let hashSize = 20

    /// How many digits a code has.
    public let digits: Int
    private let modulus: UInt32
    private let inner: SHA_CTX
    private let outer: SHA_CTX

    /// - Parameter digits: 6 to 8.
    public init?(secret: [UInt8], digits: Int = 6) {
        guard (6...8).contains(digits), secret.count >= 16, secret.count <= Self.blockSize else { return nil }
        self.digits = digits
        modulus = (0..<digits).reduce(1) { power, _ in power * 10 }
        let block = secret + [UInt8](repeating: 0, count: Self.blockSize - secret.count)
        inner = Self.start(block.map { $0 ^ 0x36 })
        outer = Self.start(block.map { $0 ^ 0x5c })
    }

    private static func start(_ pad: [UInt8]) -> SHA_CTX {
        var state = SHA_CTX()
        SHA1_Init(&state)
        SHA1_Update(&state, pad, pad.count)
        return state
    }

    /// The step that a moment lies in.
    public static func step(at moment: Timestamp) -> Int64 {
        let seconds = moment.seconds
        return seconds >= 0 ? seconds / period : -1
    }

    /// When a step begins.
    public static func moment(of step: Int64) -> Timestamp { Timestamp(seconds: step * period) }

    /// The code of a step.
    public func code(at step: Int64) -> String {
        let text = String(number(at: step))
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The step that a code belongs to: the one that the moment lies in, or one beside it, for clocks that differ.
    ///
    /// All three are always computed, and compared without a branch on the code.
    /// - Parameter text: as many ASCII digits as a code has; anything else belongs to none.
    /// - Returns: nil where it belongs to none of them.
    public func step(of text: String, at moment: Timestamp) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let shown = text.utf8.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 48) }
        let now = Self.step(at: moment)
        var found: Int64 = -1
        for step in [now - 1, now, now + 1] where step >= 0 {
            let difference = number(at: step) ^ shown
            // All ones where there is no difference.
            let mask = Int64(bitPattern: (UInt64(difference) &- 1) >> 63 == 1 ? UInt64.max : 0)
            found = (found & ~mask) | (step & mask)
        }
        return found < 0 ? nil : found
    }

    /// RFC 4226, section 5.3.
    private func number(at step: Int64) -> UInt32 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.hashSize) { code in
            var message = UInt64(bitPattern: step).bigEndian
            var state = inner
            SHA1_Update(&state, &message, 8)
            SHA1_Final(code.baseAddress, &state)
            state = outer
            SHA1_Update(&state, code.baseAddress, Self.hashSize)
            SHA1_Final(code.baseAddress, &state)
            let offset = Int(code[Self.hashSize - 1] & 15)
            let value = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(code[offset + $1]) }
            return (value & 0x7fff_ffff) % modulus
        }
    }

    /// What an authenticator app reads from a QR code, in the form that all of them know.
    /// - Parameters:
    ///   - issuer: whose account it is, as the app shows it.
    ///   - account: which account of theirs.
    public static func uri(secret: [UInt8], issuer: String, account: String) -> String {
        let issuer = PercentCoding.encode(issuer)
        return "otpauth://totp/\(issuer):\(PercentCoding.encode(account))?secret=\(Base32.encode(secret))&issuer=\(issuer)"
            + "&algorithm=SHA1&digits=6&period=\(period)"
    }
}
