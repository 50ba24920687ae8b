import Ground

/// How other software writes its hashes, brought into the form that is stored here.
enum ForeignSpelling {
    /// The stored form of what Django, Better Auth and others write; the text itself where it is no spelling of theirs.
    /// - Throws: `.malformed`, `.tooCostly`.
    static func stored(_ text: String) throws(HashFault) -> String {
        guard text.utf8.first != 36 else { return text }
        if let colon = text.utf8.firstIndex(of: 58) {
            return try betterAuth(salt: text[..<colon], key: text[text.utf8.index(after: colon)...])
        }
        guard let dollar = text.utf8.firstIndex(of: 36) else { return text }
        let rest = text[text.utf8.index(after: dollar)...]
        switch text[..<dollar] {
        case "pbkdf2_sha256": return try djangoPBKDF2(.sha256, rest)
        case "pbkdf2_sha1": return try djangoPBKDF2(.sha1, rest)
        case "bcrypt": return String(rest)
        case "bcrypt_sha256": return "$django-bcrypt-sha256" + rest
        case "argon2": return "$" + rest
        case "scrypt": return try djangoScrypt(rest)
        default: return text
        }
    }

    /// `iterations$salt$key`, the salt as it stands and the key in base64.
    private static func djangoPBKDF2(_ function: PBKDF2.Function, _ text: Substring) throws(HashFault) -> String {
        let parts = HashText.parts(text)
        guard parts.count == 3, let iterations = HashText.number(parts[0]), let key = HashText.bytes(parts[2])
        else { throw .malformed }
        return try PBKDF2(function, iterations: iterations, salt: Array(parts[1].utf8), key: key).text
    }

    /// `steps$salt$block size$lanes$key`.
    private static func djangoScrypt(_ text: Substring) throws(HashFault) -> String {
        let parts = HashText.parts(text)
        guard parts.count == 5, let steps = HashText.number(parts[0]), steps > 1, steps.nonzeroBitCount == 1,
            let blockSize = HashText.number(parts[2]), let lanes = HashText.number(parts[3]),
            let key = HashText.bytes(parts[4])
        else { throw .malformed }
        let cost = try Scrypt.Cost(steps: steps.trailingZeroBitCount, blockSize: blockSize, lanes: lanes)
        return try Scrypt(cost, salt: Array(parts[1].utf8), key: key).text
    }

    /// `salt:key` in hexadecimal digits; the salt is used as those digits.
    private static func betterAuth(salt: Substring, key: Substring) throws(HashFault) -> String {
        guard let bytes = Hex.decode(key), bytes.count == 64, Hex.decode(salt) != nil else { throw .unknownForm }
        let cost = try Scrypt.Cost(steps: 14, blockSize: 16, lanes: 1)
        return try Scrypt(cost, isNFKC: true, salt: Array(salt.utf8), key: bytes).text
    }
}
