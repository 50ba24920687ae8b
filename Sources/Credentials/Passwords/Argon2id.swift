import CSodium
import Glibc

/// Argon2id (RFC 9106) in the PHC string form, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
enum Argon2id {
    struct Cost: Hashable {
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
        let failed = crypto_pwhash(
            &hash, UInt64(hashSize), password.map { CChar(bitPattern: $0) }, UInt64(password.count), salt,
            UInt64(passes), memoryKiB * 1024, crypto_pwhash_ALG_ARGON2ID13)
        guard failed == 0 else { throw .outOfMemory }
        return "$argon2id$v=19$m=\(memoryKiB),t=\(passes),p=1$\(base64(salt))$\(base64(hash))"
    }

    /// What the stored text says it costs; nil where it is no argon2id hash that this server would compute.
    static func cost(of stored: String) -> Cost? {
        guard stored.utf8.count < Int(crypto_pwhash_STRBYTES) else { return nil }
        let parts = stored.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id", parts[2] == "v=19" else { return nil }
        let costs = parts[3].split(separator: ",", omittingEmptySubsequences: false)
        guard costs.count == 3, let memory = number("m=", costs[0]), let passes = number("t=", costs[1]),
            let lanes = number("p=", costs[2])
        else { return nil }
        let cost = Cost(memoryKiB: memory, passes: passes, lanes: lanes)
        return cost.isBearable ? cost : nil
    }

    /// Call it only with a text that has a ``cost(of:)``.
    /// - Throws: `.outOfMemory`.
    static func verify(_ password: [UInt8], against stored: String) throws(HashingError) -> Bool {
        errno = 0
        let result = crypto_pwhash_str_verify(
            stored, password.map { CChar(bitPattern: $0) }, UInt64(password.count))
        // libsodium answers -1 for a wrong password and for a lack of memory, and tells them apart by errno.
        guard result == 0 || errno != ENOMEM else { throw .outOfMemory }
        return result == 0
    }

    private static func number(_ name: String, _ text: Substring) -> Int? {
        let digits = text.dropFirst(name.count)
        guard text.hasPrefix(name), digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(digits)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let variant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING
        var text = [CChar](repeating: 0, count: sodium_base64_encoded_len(bytes.count, variant))
        sodium_bin2base64(&text, text.count, bytes, bytes.count, variant)
        return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
