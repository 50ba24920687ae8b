import Credentials
import Ground
import Store

/// What signing in leads to.
public enum SignInOutcome: Sendable {
    case signedIn(SignedIn)
    /// The password must be replaced. The token opens nothing but the way to a new one.
    case passwordChange(token: String, because: PasswordChangeReason, expiresIn: Duration)
}

/// Tokens with which a person who has proved an old password may choose a new one: whose, until when, and a code over
/// both and the hash of the old password. So each works until the password has changed, and for nothing else.
struct PasswordChangeTokens: Sendable {
    static let lifetime = Duration.seconds(600)
    private static let prefix = "ghp_"

    let key: HMACKey
    let clock: Clock

    func token(for user: User) -> String {
        let expiry = (clock.now + Self.lifetime).seconds
        let message = user.id.bytes + (0..<5).map { UInt8(truncatingIfNeeded: expiry >> Int64(32 - 8 * $0)) }
        return Self.prefix + Base64URL.encode(message + code(over: message, for: user))
    }

    /// Whose the token says that it is; whether that is true, ``isToken(_:for:)`` knows.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`.
    func user(of text: String, at now: Timestamp) throws(AuthError) -> UUID {
        guard let bytes = Self.bytes(of: text), let id = UUID(bytes: Array(bytes.prefix(16))) else { throw .tokenInvalid }
        let expiry = bytes[16..<21].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard expiry > now.seconds else { throw .tokenExpired }
        return id
    }

    func isToken(_ text: String, for user: User) -> Bool {
        guard let bytes = Self.bytes(of: text) else { return false }
        let message = Array(bytes.prefix(21))
        return Digest.equal(Array(bytes.suffix(20)), code(over: message, for: user))
    }

    private func code(over message: [UInt8], for user: User) -> [UInt8] {
        Array(key.sign(message + Array((user.passwordHash ?? "").utf8)).prefix(20))
    }

    private static func bytes(of text: String) -> [UInt8]? {
        guard text.hasPrefix(prefix), let bytes = Base64URL.decode(text.dropFirst(prefix.count)), bytes.count == 41 else {
            return nil
        }
        return bytes
    }
}

extension AuthError {
    /// Whether somebody who had proved who they are was turned away for a reason that is not theirs to mend by guessing.
    var isNoFailureOfProof: Bool {
        switch self {
        case .unavailable, .passwordChangeRequired, .addressNotAllowed, .notMember, .accessEnded: true
        default: false
        }
    }
}
