/// How new password hashes are made.
public enum PasswordScheme: Sendable, Hashable {
    /// Argon2id (RFC 9106), version 19, one lane; memory in KiB.
    case argon2id(memoryKiB: Int = 19_456, passes: Int = 2)
    /// bcrypt with 2^cost rounds.
    case bcrypt(cost: Int = 12)

    /// Whether it can be computed here at all: within what the algorithm allows, and what a server can bear.
    var isUsable: Bool {
        switch self {
        case .argon2id(let memoryKiB, let passes):
            Argon2id.Cost(isArgon2id: true, memoryKiB: memoryKiB, passes: passes, lanes: 1).isBearable
        case .bcrypt(let cost): Bcrypt.bearableCosts.contains(cost)
        }
    }

    /// Whether it costs an attacker enough, by the OWASP Password Storage Cheat Sheet: a setting of a production
    /// server must.
    public var isSufficient: Bool {
        switch self {
        case .argon2id(let memoryKiB, let passes):
            [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)]
                .contains { memoryKiB >= $0.0 && passes >= $0.1 }
        case .bcrypt(let cost): cost >= 10
        }
    }
}
