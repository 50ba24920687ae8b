import COpenSSL

/// scrypt (RFC 7914), as Django, Better Auth and passlib use it. Only checked, never made.
///
/// Stored in the PHC form: `$scrypt$ln=14,r=8,p=1$salt$key`. Better Auth brings a password into the form NFKC first;
/// then the name is `$scrypt-nfkc$`.
struct Scrypt: Hashable {
    struct Cost: Hashable {
        /// The logarithm of the number of steps.
        let steps: Int
        let blockSize: Int
        let lanes: Int

        var memory: Int { 128 * blockSize << steps }

        /// Bounds as for Argon2: 256 MiB, and about two seconds.
        init(steps: Int, blockSize: Int, lanes: Int) throws(HashFault) {
            guard steps > 0, blockSize > 0, lanes > 0 else { throw .malformed }
            guard steps <= 20, blockSize <= 64, lanes <= 64 else { throw .tooCostly }
            self.steps = steps
            self.blockSize = blockSize
            self.lanes = lanes
            guard memory <= 256 << 20, memory * lanes <= 1 << 30 else { throw .tooCostly }
        }

        /// Reads `ln=14,r=8,p=1`.
        init(_ text: Substring) throws(HashFault) {
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false)
            guard numbers.count == 3, let steps = HashText.number("ln=", numbers[0]),
                let blockSize = HashText.number("r=", numbers[1]), let lanes = HashText.number("p=", numbers[2])
            else { throw .malformed }
            try self.init(steps: steps, blockSize: blockSize, lanes: lanes)
        }

        var text: String { "ln=\(steps),r=\(blockSize),p=\(lanes)" }

        /// - Throws: `.outOfMemory`.
        func key(of password: [UInt8], salt: [UInt8], size: Int) throws(HashingError) -> [UInt8] {
            var key = [UInt8](repeating: 0, count: size)
            // OpenSSL counts what it needs besides, so the bound of ours stands above.
            let made = EVP_PBE_scrypt(
                password.map { CChar(bitPattern: $0) }, password.count, salt, salt.count, 1 << UInt64(steps),
                UInt64(blockSize), UInt64(lanes), 1 << 30, &key, key.count)
            guard made == 1 else { throw .outOfMemory }
            return key
        }
    }

    static let name = "scrypt"
    static let nameNFKC = "scrypt-nfkc"

    let cost: Cost
    let isNFKC: Bool
    let salt: [UInt8]
    let key: [UInt8]

    init(_ cost: Cost, isNFKC: Bool = false, salt: [UInt8], key: [UInt8]) throws(HashFault) {
        guard (16...128).contains(key.count), (1...256).contains(salt.count) else { throw .malformed }
        self.cost = cost
        self.isNFKC = isNFKC
        self.salt = salt
        self.key = key
    }

    /// Reads the stored form.
    init(parts: [Substring], isNFKC: Bool) throws(HashFault) {
        guard parts.count == 5, let salt = HashText.bytes(parts[3]), let key = HashText.bytes(parts[4])
        else { throw .malformed }
        try self.init(try Cost(parts[2]), isNFKC: isNFKC, salt: salt, key: key)
    }

    var text: String {
        "$\(isNFKC ? Self.nameNFKC : Self.name)$\(cost.text)$\(HashText.text(salt))$\(HashText.text(key))"
    }

    /// - Throws: `.outOfMemory`.
    func verify(_ password: [UInt8]) throws(HashingError) -> Bool {
        let password = isNFKC ? CompatibilityForm.nfkc(password) : password
        return Digest.equal(try cost.key(of: password, salt: salt, size: key.count), key)
    }
}
