import Credentials
import Ground

/// A refresh token that carries our signature: what it says is true, whether it still counts the store knows.
public struct RefreshToken: Sendable, Hashable {
    public let sessionID: UUID
    /// How often the session was rotated before this token was made.
    public let generation: UInt32
    /// Whole seconds.
    public let expiresAt: Timestamp
    let secret: [UInt8]

    /// What the store keeps of it.
    var digest: [UInt8] { Digest.sha256(secret) }
}

/// Makes and reads refresh tokens.
///
/// The text is `ghr_` and base64url of 60 bytes: version, session, generation, expiry, secret, and an HMAC over
/// all of it, so that a forged, cut or expired one is refused without any store.
public struct RefreshTokens: Sendable {
    private static let prefix = "ghr_"
    private static let version: UInt8 = 1
    private static let secretSize = 18
    private static let codeSize = 16
    private static let size = 1 + 16 + 4 + 5 + secretSize + codeSize

    private let key: HMACKey
    private let random: RandomSource

    public init(key: [UInt8], random: RandomSource) {
        self.key = HMACKey(key)
        self.random = random
    }

    /// The first token of a session.
    func first(for session: UUID, expiresAt: Timestamp) -> RefreshToken {
        RefreshToken(
            sessionID: session, generation: 0, expiresAt: expiresAt, secret: random.bytes(Self.secretSize))
    }

    /// The one successor of a token: the same however often it is asked for, and to be had only from the token
    /// itself together with the server's key.
    func successor(of token: RefreshToken, expiresAt: Timestamp) -> RefreshToken {
        let generation = token.generation &+ 1
        var message = Array("next".utf8) + token.sessionID.bytes
        message += Self.bytes(UInt64(generation), 4) + token.secret
        let secret = Array(key.sign(message).prefix(Self.secretSize))
        return RefreshToken(
            sessionID: token.sessionID, generation: generation, expiresAt: expiresAt, secret: secret)
    }

    func text(of token: RefreshToken) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.size)
        bytes.append(Self.version)
        bytes += token.sessionID.bytes
        bytes += Self.bytes(UInt64(token.generation), 4)
        bytes += Self.bytes(UInt64(clamping: token.expiresAt.seconds), 5)
        bytes += token.secret
        bytes += key.sign(bytes).prefix(Self.codeSize)
        return Self.prefix + Base64URL.encode(bytes)
    }

    /// Whether a text has the beginning of a refresh token, and so is meant as one.
    public static func isOne(_ text: String) -> Bool { text.hasPrefix(prefix) }

    /// - Throws: `.tokenInvalid` for what we did not make; `.tokenExpired`.
    public func read(_ text: String, at now: Timestamp) throws(AuthError) -> RefreshToken {
        let token = try readIgnoringExpiry(text)
        guard token.expiresAt > now else { throw .tokenExpired }
        return token
    }

    func readIgnoringExpiry(_ text: String) throws(AuthError) -> RefreshToken {
        guard text.utf8.count == Self.prefix.utf8.count + Self.size * 4 / 3, text.hasPrefix(Self.prefix),
            let bytes = Base64URL.decode(text.utf8.dropFirst(Self.prefix.utf8.count)), bytes.count == Self.size,
            bytes[0] == Self.version
        else { throw .tokenInvalid }
        let message = Array(bytes.dropLast(Self.codeSize))
        guard Digest.equal(Array(key.sign(message).prefix(Self.codeSize)), Array(bytes.suffix(Self.codeSize))),
            let session = UUID(bytes: bytes[1..<17])
        else { throw .tokenInvalid }
        return RefreshToken(
            sessionID: session, generation: UInt32(truncatingIfNeeded: Self.number(bytes[17..<21])),
            expiresAt: Timestamp(seconds: Int64(Self.number(bytes[21..<26]))), secret: Array(bytes[26..<44]))
    }

    private static func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
