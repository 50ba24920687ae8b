import COpenSSL

/// PBKDF2 (RFC 8018) with HMAC, as Django, Keycloak and passlib use it. Only checked, never made.
///
/// Stored in passlib's form: `$pbkdf2-sha256$600000$salt$key`; `$pbkdf2$` is SHA-1, `$pbkdf2-sha512$` SHA-512.
struct PBKDF2: Hashable {
    enum Function: String {
        case sha1 = "pbkdf2"
        case sha256 = "pbkdf2-sha256"
        case sha512 = "pbkdf2-sha512"

        var size: Int {
            switch self {
            case .sha1: 20
            case .sha256: 32
            case .sha512: 64
            }
        }

        /// Rounds of HMAC that take a server about two seconds.
        var bearableRounds: Int { self == .sha1 ? 8_000_000 : 4_000_000 }
    }

    private static let keySizes = 16...128
    private static let saltSizes = 1...256

    let function: Function
    let iterations: Int
    let salt: [UInt8]
    let key: [UInt8]

    init(_ function: Function, iterations: Int, salt: [UInt8], key: [UInt8]) throws(HashFault) {
        guard Self.keySizes.contains(key.count), Self.saltSizes.contains(salt.count), iterations > 0 else {
            throw .malformed
        }
        let blocks = (key.count + function.size - 1) / function.size
        guard iterations <= function.bearableRounds / blocks else { throw .tooCostly }
        self.function = function
        self.iterations = iterations
        self.salt = salt
        self.key = key
    }

    /// Reads the stored form.
    init(_ function: Function, parts: [Substring]) throws(HashFault) {
        guard parts.count == 5, let iterations = HashText.number(parts[2]), let salt = HashText.bytes(parts[3]),
            let key = HashText.bytes(parts[4])
        else { throw .malformed }
        try self.init(function, iterations: iterations, salt: salt, key: key)
    }

    var text: String { "$\(function.rawValue)$\(iterations)$\(HashText.text(salt))$\(HashText.text(key))" }

    /// - Throws: `.outOfMemory`.
    func verify(_ password: [UInt8]) throws(HashingError) -> Bool {
        let algorithm = switch function {
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha512: EVP_sha512()
        }
        var computed = [UInt8](repeating: 0, count: key.count)
        let made = PKCS5_PBKDF2_HMAC(
            password.map { CChar(bitPattern: $0) }, Int32(password.count), salt, Int32(salt.count), Int32(iterations),
            algorithm, Int32(computed.count), &computed)
        guard made == 1 else { throw .outOfMemory }
        return Digest.equal(computed, key)
    }
}
