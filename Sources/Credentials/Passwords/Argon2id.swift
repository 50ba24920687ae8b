import CSodium
import Glibc

/// Argon2id (RFC 9106) in the PHC string form, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. Argon2i, of other software,
/// is checked too.
enum Argon2id {
    struct Cost: Hashable {
        let isArgon2id: Bool
        let memoryKiB: Int
        let passes: Int
        let lanes: Int

        /// A stored hash names its own cost, so one that came with an import could exhaust the machine.
        /// The bound is 256 MiB, and some two hundred times the work of the default.
        var isBearable: Bool {
            (1...16).contains(lanes) && (8 * lanes...262_144).contains(memoryKiB) && (1...1024).contains(passes)
                && memoryKiB * passes <= 8_388_608
        }
    }

    static let saltSize = 16
    private static let hashSize = 32

    /// - Throws: `.outOfMemory`.
    static func hash(
        _ password: [UInt8], memoryKiB: Int, passes: Int, salt: [UInt8]
    ) throws(HashingError) -> String {
        var hash = [UInt8](repeating: 0, count: hashSize)
        let failed = HashMemory.lent {
            crypto_pwhash(
                &hash, UInt64(hashSize), password.map { CChar(bitPattern: $0) }, UInt64(password.count), salt,
                UInt64(passes), memoryKiB * 1024, crypto_pwhash_ALG_ARGON2ID13)
        }
        guard failed == 0 else { throw .outOfMemory }
        return "$argon2id$v=19$m=\(memoryKiB),t=\(passes),p=1$\(HashText.text(salt))$\(HashText.text(hash))"
    }

    /// What the stored text says it costs; nil where it is no hash of Argon2 that this server would compute.
    static func cost(of stored: String) -> Cost? {
        guard let cost = namedCost(of: HashText.parts(stored)), stored.utf8.count < Int(crypto_pwhash_STRBYTES)
        else { return nil }
        return cost.isBearable ? cost : nil
    }

    /// - Throws: `.malformed`, `.tooCostly`.
    static func demandReadable(_ stored: String) throws(HashFault) {
        let parts = HashText.parts(stored)
        guard stored.utf8.count < Int(crypto_pwhash_STRBYTES), let cost = namedCost(of: parts),
            let salt = HashText.bytes(parts[4]), let hash = HashText.bytes(parts[5]), salt.count >= 8, hash.count >= 16,
            // Whoever checks it reads one alphabet, without padding.
            HashText.text(salt) == parts[4], HashText.text(hash) == parts[5]
        else { throw .malformed }
        guard cost.isBearable else { throw .tooCostly }
    }

    private static func namedCost(of parts: [Substring]) -> Cost? {
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id" || parts[1] == "argon2i", parts[2] == "v=19"
        else { return nil }
        let costs = parts[3].split(separator: ",", omittingEmptySubsequences: false)
        guard costs.count == 3, let memory = HashText.number("m=", costs[0]), let passes = HashText.number("t=", costs[1]),
            let lanes = HashText.number("p=", costs[2])
        else { return nil }
        return Cost(isArgon2id: parts[1] == "argon2id", memoryKiB: memory, passes: passes, lanes: lanes)
    }

    /// Call it only with a text that has a ``cost(of:)``.
    /// - Throws: `.outOfMemory`.
    static func verify(_ password: [UInt8], against stored: String) throws(HashingError) -> Bool {
        // libsodium answers -1 for a wrong password and for a lack of memory, and tells them apart by errno.
        let (result, isOutOfMemory) = HashMemory.lent {
            errno = 0
            let result = crypto_pwhash_str_verify(
                stored, password.map { CChar(bitPattern: $0) }, UInt64(password.count))
            return (result, result != 0 && errno == ENOMEM)
        }
        guard !isOutOfMemory else { throw .outOfMemory }
        return result == 0
    }
}
