import CCrypt
import Glibc

/// bcrypt in the form of crypt(3), `$2b$12$` and 22 characters of salt and 31 of hash.
enum Bcrypt {
    /// What comes behind the first 72 bytes has no influence on the hash.
    static let significantBytes = 72
    static let saltSize = 16
    /// 4 is the algorithm's least; 16 takes a server three seconds.
    static let bearableCosts = 4...16

    /// - Throws: `.outOfMemory`.
    static func hash(_ key: [UInt8], cost: Int, salt: [UInt8]) throws(HashingError) -> String {
        let salt = salt.map { CChar(bitPattern: $0) }
        guard let setting = crypt_gensalt_ra("$2b$", UInt(cost), salt, Int32(salt.count)) else { throw .outOfMemory }
        defer { free(setting) }
        return try crypt(key, setting: String(cString: setting))
    }

    /// The cost that the stored text names; nil where it is no bcrypt hash that this server would compute.
    static func cost(of stored: some StringProtocol) -> Int? {
        guard let cost = namedCost(of: stored), bearableCosts.contains(cost) else { return nil }
        return cost
    }

    /// Whether it begins like a bcrypt hash.
    static func isMarked(_ stored: some StringProtocol) -> Bool {
        ["$2a$", "$2b$", "$2y$"].contains { stored.utf8.starts(with: $0.utf8) }
    }

    /// - Throws: `.malformed`, `.tooCostly`.
    static func demandReadable(_ stored: some StringProtocol) throws(HashFault) {
        guard let cost = namedCost(of: stored) else { throw .malformed }
        guard bearableCosts.contains(cost) else { throw .tooCostly }
    }

    private static func namedCost(of stored: some StringProtocol) -> Int? {
        let text = Array(stored.utf8)
        guard text.count == 60, isMarked(stored), text[6] == 36, text[7...].allSatisfy(isLetterOfHash) else { return nil }
        return HashText.number(Substring(String(decoding: text[4..<6], as: UTF8.self)))
    }

    /// Call it only with a text that has a ``cost(of:)``.
    /// - Throws: `.outOfMemory`.
    static func verify(_ key: [UInt8], against stored: some StringProtocol) throws(HashingError) -> Bool {
        let computed = try crypt(key, setting: String(stored))
        // The salt's last character has four bits that count for nothing, and that some software fills.
        return Digest.equal(Array(computed.utf8.suffix(31)), Array(stored.utf8.suffix(31)))
    }

    private static func crypt(_ key: [UInt8], setting: String) throws(HashingError) -> String {
        let phrase = key.prefix(significantBytes).map { CChar(bitPattern: $0) } + [0]
        var memory: UnsafeMutableRawPointer?
        var size: Int32 = 0
        defer { free(memory) }
        guard let text = crypt_ra(phrase, setting, &memory, &size) else { throw .outOfMemory }
        return String(cString: text)
    }

    private static func isLetterOfHash(_ byte: UInt8) -> Bool {
        switch byte {
        case 46...57, 65...90, 97...122: true
        default: false
        }
    }
}
