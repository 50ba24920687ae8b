import Credentials
import Ground
import Store

/// Tokens of sign-ins that wait for a second factor: which, a secret of which the store keeps the hash, and a code of the
/// server, so that what is forged is refused without any store. No other kind of token has this beginning or this key.
struct SecondFactorTokens: Sendable {
    private static let prefix = "gh2_"
    private static let secretSize = 24
    private static let codeSize = 16

    let key: HMACKey
    let random: RandomSource

    struct Token: Sendable {
        let id: UUID
        let hash: [UInt8]
    }

    func make(for id: UUID) -> (text: String, hash: [UInt8]) {
        let secret = random.bytes(Self.secretSize)
        let message = id.bytes + secret
        return (Self.prefix + Base64URL.encode(message + code(over: message)), Digest.sha256(secret))
    }

    /// - Throws: `.tokenInvalid` for what we did not make.
    func read(_ text: String) throws(AuthError) -> Token {
        guard text.hasPrefix(Self.prefix), let bytes = Base64URL.decode(text.dropFirst(Self.prefix.count)),
            bytes.count == 16 + Self.secretSize + Self.codeSize, let id = UUID(bytes: Array(bytes.prefix(16))),
            Digest.equal(Array(bytes.suffix(Self.codeSize)), code(over: Array(bytes.dropLast(Self.codeSize))))
        else { throw .tokenInvalid }
        return Token(id: id, hash: Digest.sha256(Array(bytes[16..<16 + Self.secretSize])))
    }

    private func code(over message: [UInt8]) -> [UInt8] {
        Array(key.sign(Array("challenge:".utf8) + message).prefix(Self.codeSize))
    }
}
