import Ground

/// Encrypts what must be read again but never lie open in a database: TOTP secrets, signing keys.
///
/// A sealed value is `version (1) | key id (4) | nonce (12) | ciphertext | tag (16)`, AES-256-GCM, and is bound to
/// its purpose: moved to another column or row, it does not open. Nonces are random, so a key is good for
/// 2^32 values (NIST SP 800-38D, 8.3).
public struct Vault: Sendable {
    private struct Key: Sendable {
        let id: [UInt8]
        let cipher: AESGCM
    }

    private static let version: UInt8 = 1
    private static let headSize = 1 + 4 + AESGCM.nonceSize

    private let keys: [Key]
    private let random: RandomSource

    /// - Parameter keys: 32 random bytes each. The first seals; all open, so that an older one can be replaced.
    /// - Throws: `.unusableKey` where there is none, or one of another length.
    public init(keys: [[UInt8]], random: RandomSource = .system) throws(VaultError) {
        self.keys = keys.compactMap { key in
            AESGCM(key: key).map { Key(id: Array(Digest.sha256(key).prefix(4)), cipher: $0) }
        }
        self.random = random
        guard !keys.isEmpty, self.keys.count == keys.count else { throw .unusableKey }
    }

    /// - Parameter purpose: what the value is and whose, such as `totp:` and the user's id; not secret.
    /// - Throws: `.notSealed`.
    public func seal(_ plaintext: [UInt8], purpose: String) throws(VaultError) -> [UInt8] {
        let key = keys[0]
        let nonce = random.bytes(AESGCM.nonceSize)
        let head = [Self.version] + key.id
        guard let sealed = key.cipher.seal(plaintext, nonce: nonce, authenticating: head + purpose.utf8)
        else { throw .notSealed }
        return head + nonce + sealed
    }

    /// - Throws: `.unknownKey`, `.damaged`.
    public func open(_ sealed: [UInt8], purpose: String) throws(VaultError) -> [UInt8] {
        guard sealed.count >= Self.headSize + AESGCM.tagSize, sealed[0] == Self.version else { throw .damaged }
        let head = Array(sealed[0..<5])
        let nonce = Array(sealed[5..<Self.headSize])
        let rest = Array(sealed[Self.headSize...])
        let candidates = keys.filter { $0.id.elementsEqual(head[1...]) }
        guard !candidates.isEmpty else { throw .unknownKey }
        for key in candidates {
            if let plaintext = key.cipher.open(rest, nonce: nonce, authenticating: head + purpose.utf8) {
                return plaintext
            }
        }
        throw .damaged
    }

    /// Whether the value was sealed under an older key, and should be sealed again.
    public func isOutdated(_ sealed: [UInt8]) -> Bool {
        !sealed.dropFirst().prefix(4).elementsEqual(keys[0].id)
    }
}
