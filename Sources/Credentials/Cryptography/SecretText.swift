import Glibc

/// The guard before secrets that an operator writes into the configuration (`JWT_SECRET`, `ENCRYPTION_KEY`).
public enum SecretText {
    /// RFC 7518, section 3.2: a key of HS256 is at least as long as the hash.
    public static let minimumLength = 32

    /// Of the part that ``PasswordStrength`` looks at. Random hexadecimal digits have some 110 there, and of half a
    /// million such texts none had less than 55.
    private static let minimumBits = 48.0

    /// Phrases of examples, without the signs between their words. Each is so long that random text never has it.
    private static let phrases = [
        "secret", "changeme", "changethis", "changeit", "replaceme", "replacethis", "example", "password",
        "placeholder", "insecure", "default", "development", "production", "jwtkey", "encryptionkey", "yourkey",
        "mykey", "gatehouse", "00112233445566778899", "deadbeef",
    ]

    /// Why a server in production must not start with this secret; nil where nothing speaks against it.
    public static func weakness(ofSecret secret: String) -> SecretFault? {
        guard secret.utf8.count >= minimumLength else { return .tooShort(minimum: minimumLength) }
        let letters = secret.utf8.lazy.map { (65...90).contains($0) ? $0 + 32 : $0 }
            .filter { (97...122).contains($0) || (48...57).contains($0) }
        let squeezed = String(decoding: Array(letters), as: UTF8.self)
        if phrases.contains(where: { strstr(squeezed, $0) != nil }) { return .wellKnown }
        if Set(secret.utf8).count < 8 || PasswordStrength(of: secret).bits < minimumBits { return .predictable }
        return nil
    }
}
