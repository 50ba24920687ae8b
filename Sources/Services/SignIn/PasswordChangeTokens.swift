import Credentials
import Ground
import Store

/// What signing in leads to.
public enum SignInOutcome: Sendable {
    case signedIn(SignedIn)
    /// The password must be replaced. The token opens nothing but the way to a new one.
    case passwordChange(token: String, because: PasswordChangeReason, expiresIn: Duration)
    /// The first proof was good, and a second is asked for.
    case secondFactor(SecondFactorChallenge)
}

/// Tokens with which a person who has proved an old password may choose a new one: whose, until when, how they proved it,
/// and a code over all of it and the hash of the old password. So each works until the password has changed, and for
/// nothing else.
struct PasswordChangeTokens: Sendable {
    static let lifetime = Duration.seconds(600)
    private static let prefix = "ghp_"
    private static let codeSize = 20
    private static let mostOfMethods = 64

    let key: HMACKey
    let clock: Clock

    /// - Parameter methods: how the person has proved who they are, a second factor included.
    func token(for user: User, after methods: ProvedMethods) -> String {
        let expiry = (clock.now + Self.lifetime).seconds
        let message =
            user.id.bytes + (0..<5).map { UInt8(truncatingIfNeeded: expiry >> Int64(32 - 8 * $0)) }
            + Array(methods.text.utf8)
        return Self.prefix + Base64URL.encode(message + code(over: message, for: user))
    }

    /// What the token says of itself; whether that is true, ``isToken(_:for:)`` knows.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`.
    func read(_ text: String, at now: Timestamp) throws(AuthError) -> (user: UUID, methods: ProvedMethods) {
        guard let bytes = Self.bytes(of: text), let id = UUID(bytes: Array(bytes.prefix(16))) else { throw .tokenInvalid }
        let expiry = bytes[16..<21].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard expiry > now.seconds else { throw .tokenExpired }
        return (id, ProvedMethods(String(decoding: bytes[21...].dropLast(Self.codeSize), as: UTF8.self)))
    }

    func isToken(_ text: String, for user: User) -> Bool {
        guard let bytes = Self.bytes(of: text) else { return false }
        let message = Array(bytes.dropLast(Self.codeSize))
        return Digest.equal(Array(bytes.suffix(Self.codeSize)), code(over: message, for: user))
    }

    private func code(over message: [UInt8], for user: User) -> [UInt8] {
        Array(key.sign(message + [0] + Array((user.passwordHash ?? "").utf8)).prefix(Self.codeSize))
    }

    private static func bytes(of text: String) -> [UInt8]? {
        guard text.hasPrefix(prefix), let bytes = Base64URL.decode(text.dropFirst(prefix.count)),
            (21 + codeSize...21 + mostOfMethods + codeSize).contains(bytes.count)
        else { return nil }
        return bytes
    }
}

extension AuthError {
    /// Whether somebody who had proved who they are was turned away for a reason that is not theirs to mend by guessing.
    var isNoFailureOfProof: Bool {
        switch self {
        case .unavailable, .passwordChangeRequired, .addressNotAllowed, .notMember, .accessEnded, .secondFactorUnavailable,
            .secondFactorEnabled, .unexpected:
            true
        default: false
        }
    }
}
