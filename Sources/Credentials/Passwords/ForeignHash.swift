/// A hash that other software made and that this server only checks, in the form in which it is stored.
enum ForeignHash: Hashable {
    case pbkdf2(PBKDF2)
    case scrypt(Scrypt)
    case firebase(FirebaseScrypt)
    /// Django's bcrypt over the hexadecimal digits of SHA-256: `$django-bcrypt-sha256` and a hash of bcrypt.
    case bcryptOfSHA256(String)

    private static let bcryptOfSHA256 = "$django-bcrypt-sha256"

    /// - Throws: `.unknownForm`, `.malformed`, `.tooCostly`.
    init(_ stored: String) throws(HashFault) {
        guard stored.utf8.count <= HashText.longest, stored.utf8.first == 36 else { throw .unknownForm }
        if stored.hasPrefix(Self.bcryptOfSHA256) {
            let bcrypt = String(stored.dropFirst(Self.bcryptOfSHA256.count))
            try Bcrypt.demandReadable(bcrypt)
            self = .bcryptOfSHA256(bcrypt)
            return
        }
        let parts = HashText.parts(stored)
        guard parts.count > 2 else { throw .unknownForm }
        switch parts[1] {
        case "scrypt", "scrypt-nfkc":
            self = .scrypt(try Scrypt(parts: parts, isNFKC: parts[1] == Scrypt.nameNFKC))
        case "firebase-scrypt": self = .firebase(try FirebaseScrypt(parts: parts))
        default:
            guard let function = PBKDF2.Function(rawValue: String(parts[1])) else { throw .unknownForm }
            self = .pbkdf2(try PBKDF2(function, parts: parts))
        }
    }

    var text: String {
        switch self {
        case .pbkdf2(let hash): hash.text
        case .scrypt(let hash): hash.text
        case .firebase(let hash): hash.text
        case .bcryptOfSHA256(let hash): Self.bcryptOfSHA256 + hash
        }
    }

    /// - Throws: `.outOfMemory`.
    func verify(_ password: [UInt8]) throws(HashingError) -> Bool {
        switch self {
        case .pbkdf2(let hash): return try hash.verify(password)
        case .scrypt(let hash): return try hash.verify(password)
        case .firebase(let hash): return try hash.verify(password)
        case .bcryptOfSHA256(let hash): return try Bcrypt.verify(Array(Digest.hexSHA256(password).utf8), against: hash)
        }
    }
}
