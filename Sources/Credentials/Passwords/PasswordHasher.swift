import Ground

/// Makes and checks password hashes. Every call takes the time it is meant to take: run it on a ``HashingPool``.
///
/// A password's bytes are taken as they came, in UTF-8 and without Unicode normalisation.
///
/// bcrypt sees only 72 bytes, so a new bcrypt hash is one of HMAC-SHA-384 over the password, keyed with a pepper,
/// and says so: `$gh-bcrypt$`, the pepper's id, then the hash of crypt(3). Hashes that other software made are checked
/// as that software did, and asked to be made anew.
public struct PasswordHasher: Sendable {
    /// Bytes; more is refused before any work, so that no text can cost more than it should.
    public static let longestPassword = 512

    static let marker = "$gh-bcrypt$"

    public let scheme: PasswordScheme
    private let peppers: [Pepper]
    private let random: RandomSource

    private struct Pepper: Sendable {
        let id: String
        let key: [UInt8]
    }

    /// - Parameter peppers: secrets of 32 bytes or more, kept apart from the hashes. The first is for new hashes;
    ///   all serve to check, so that an older one can be replaced.
    /// - Throws: `.unusableScheme`, `.unusablePepper`.
    public init(
        scheme: PasswordScheme = .argon2id(), peppers: [[UInt8]], random: RandomSource = .system
    ) throws(HashingError) {
        guard scheme.isUsable else { throw .unusableScheme }
        guard !peppers.isEmpty, peppers.allSatisfy({ $0.count >= 32 }) else { throw .unusablePepper }
        Sodium.start()
        self.scheme = scheme
        self.peppers = peppers.map { Pepper(id: Hex.encode(Digest.sha256($0).prefix(4)), key: $0) }
        self.random = random
    }

    /// The text to store.
    /// - Throws: `.containsNUL`, `.tooLong`, `.outOfMemory`.
    public func hash(_ password: String) throws(HashingError) -> String {
        let password = Array(password.utf8)
        guard password.count <= Self.longestPassword else { throw .tooLong }
        guard !password.contains(0) else { throw .containsNUL }
        switch scheme {
        case .argon2id(let memoryKiB, let passes):
            let salt = random.bytes(Argon2id.saltSize)
            return try Argon2id.hash(password, memoryKiB: memoryKiB, passes: passes, salt: salt)
        case .bcrypt(let cost):
            let key = Self.key(of: password, with: peppers[0])
            let salt = random.bytes(Bcrypt.saltSize)
            return Self.marker + peppers[0].id + (try Bcrypt.hash(key, cost: cost, salt: salt))
        }
    }

    /// Checks a password against any hash of this product, and any that ``adopt(_:)`` gives, of any cost within reason.
    /// A text that is none of these matches nothing.
    /// - Throws: `.outOfMemory`.
    public func verify(_ password: String, against stored: String) throws(HashingError) -> Verification {
        let password = Array(password.utf8)
        guard password.count <= Self.longestPassword, !password.contains(0) else { return .mismatch }
        if let cost = Argon2id.cost(of: stored) {
            return Verification(
                matches: try Argon2id.verify(password, against: stored), needsRehash: isBelowSetting(cost))
        }
        if stored.hasPrefix(Self.marker) {
            return try verify(password, peppered: stored.dropFirst(Self.marker.count))
        }
        if Bcrypt.cost(of: stored) != nil {
            return Verification(matches: try Bcrypt.verify(password, against: stored), needsRehash: true)
        }
        guard let foreign = try? ForeignHash(stored) else { return .mismatch }
        return Verification(matches: try foreign.verify(password), needsRehash: true)
    }

    /// - Throws: `.malformed`, `.tooCostly`, `.unknownPepper`.
    func demandKnownPepper(of text: Substring) throws(HashFault) {
        try Bcrypt.demandReadable(text.dropFirst(8))
        guard peppers.contains(where: { $0.id == text.prefix(8) }) else { throw .unknownPepper }
    }

    private func verify(_ password: [UInt8], peppered text: Substring) throws(HashingError) -> Verification {
        let stored = text.dropFirst(8)
        guard let pepper = peppers.first(where: { $0.id == text.prefix(8) }), let cost = Bcrypt.cost(of: stored)
        else { return .mismatch }
        let key = Self.key(of: password, with: pepper)
        return Verification(
            matches: try Bcrypt.verify(key, against: stored),
            needsRehash: pepper.id != peppers[0].id || isBelowSetting(bcryptCost: cost))
    }

    /// 64 characters without NUL, whatever the password: all of them count in bcrypt.
    private static func key(of password: [UInt8], with pepper: Pepper) -> [UInt8] {
        var text = [UInt8]()
        Base64URL.encode(Digest.hmacSHA384(key: pepper.key, password), into: &text)
        return text
    }

    private func isBelowSetting(_ cost: Argon2id.Cost) -> Bool {
        guard case .argon2id(let memoryKiB, let passes) = scheme else { return true }
        return cost.memoryKiB < memoryKiB || cost.passes < passes || cost.lanes != 1 || !cost.isArgon2id
    }

    private func isBelowSetting(bcryptCost cost: Int) -> Bool {
        guard case .bcrypt(let wanted) = scheme else { return true }
        return cost < wanted
    }
}
