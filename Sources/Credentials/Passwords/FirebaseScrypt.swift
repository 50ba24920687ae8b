import COpenSSL

/// Firebase's scrypt: the key of scrypt encrypts the signer key of the project, and the ciphertext is the hash.
///
/// Stored as `$firebase-scrypt$ln=14,r=8,p=1,sep=…,key=…$salt$hash`: with the project's parameters, so that each hash
/// says by itself how it is checked.
struct FirebaseScrypt: Hashable {
    static let name = "firebase-scrypt"

    let project: FirebaseProject
    let salt: [UInt8]
    let key: [UInt8]

    init(_ project: FirebaseProject, salt: [UInt8], key: [UInt8]) throws(HashFault) {
        guard key.count == project.signerKey.count, (1...256).contains(salt.count) else { throw .malformed }
        self.project = project
        self.salt = salt
        self.key = key
    }

    /// Reads the stored form.
    init(parts: [Substring]) throws(HashFault) {
        guard parts.count == 5, let salt = HashText.bytes(parts[3]), let key = HashText.bytes(parts[4])
        else { throw .malformed }
        let names = parts[2].split(separator: ",", omittingEmptySubsequences: false)
        guard names.count == 5, names[3].hasPrefix("sep="), let separator = HashText.bytes(names[3].dropFirst(4)),
            names[4].hasPrefix("key="), let signerKey = HashText.bytes(names[4].dropFirst(4))
        else { throw .malformed }
        let cost = try Scrypt.Cost(Substring(names[..<3].joined(separator: ",")))
        try self.init(try FirebaseProject(cost, separator: separator, signerKey: signerKey), salt: salt, key: key)
    }

    var text: String {
        let parameters =
            "\(project.cost.text),sep=\(HashText.text(project.separator)),key=\(HashText.text(project.signerKey))"
        return "$\(Self.name)$\(parameters)$\(HashText.text(salt))$\(HashText.text(key))"
    }

    /// - Throws: `.outOfMemory`.
    func verify(_ password: [UInt8]) throws(HashingError) -> Bool {
        let derived = try project.cost.key(of: password, salt: salt + project.separator, size: 32)
        return Digest.equal(try Self.encrypt(project.signerKey, with: derived), key)
    }

    /// AES-256-CTR from a counter of zero. Each key serves for one text.
    private static func encrypt(_ text: [UInt8], with key: [UInt8]) throws(HashingError) -> [UInt8] {
        guard let context = EVP_CIPHER_CTX_new() else { throw .outOfMemory }
        defer { EVP_CIPHER_CTX_free(context) }
        var output = [UInt8](repeating: 0, count: text.count)
        var count: Int32 = 0
        let counter = [UInt8](repeating: 0, count: 16)
        guard EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), nil, key, counter) == 1,
            EVP_EncryptUpdate(context, &output, &count, text, Int32(text.count)) == 1
        else { throw .outOfMemory }
        return output
    }
}

/// The parameters of a Firebase project that its hashes were made with, as its console shows them.
public struct FirebaseProject: Hashable, Sendable {
    let cost: Scrypt.Cost
    let separator: [UInt8]
    let signerKey: [UInt8]

    init(_ cost: Scrypt.Cost, separator: [UInt8], signerKey: [UInt8]) throws(HashFault) {
        guard (16...128).contains(signerKey.count), separator.count <= 64 else { throw .malformed }
        self.cost = cost
        self.separator = separator
        self.signerKey = signerKey
    }

    /// - Parameters:
    ///   - signerKey: in base64, `base64_signer_key` of the console.
    ///   - separator: in base64, `base64_salt_separator`.
    ///   - memoryCost: the logarithm of scrypt's steps.
    /// - Throws: `.malformed`, `.tooCostly`.
    public init(signerKey: String, separator: String, rounds: Int, memoryCost: Int) throws(HashFault) {
        guard let key = HashText.bytes(signerKey), let separator = HashText.bytes(separator) else { throw .malformed }
        let cost = try Scrypt.Cost(steps: memoryCost, blockSize: rounds, lanes: 1)
        try self.init(cost, separator: separator, signerKey: key)
    }

    /// The stored form of a person's hash and salt, both in base64.
    /// - Throws: `.malformed`.
    public func stored(hash: String, salt: String) throws(HashFault) -> String {
        guard let key = HashText.bytes(hash), let salt = HashText.bytes(salt) else { throw .malformed }
        return try FirebaseScrypt(self, salt: salt, key: key).text
    }
}
