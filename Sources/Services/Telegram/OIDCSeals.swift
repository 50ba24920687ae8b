import Credentials
import Ground

/// A sign-in by OpenID Connect that a browser has begun, or the binding of an account.
public struct OIDCAttempt: Sendable {
    let state: String
    let nonce: String
    /// Of PKCE (RFC 7636).
    let verifier: String
    let bot: Int64
    public let returnTo: ReturnAddress
    /// By what the browser was known when it left: what comes back from another site brings no cookie that tells.
    public let device: String?
    /// Whose account shall be bound; nil where somebody signs in.
    let caller: AccessToken?
    let expiresAt: Timestamp

    /// Whether an account is bound instead of a session opened.
    public var binds: Bool { caller != nil }
}

/// What a browser keeps while somebody is at Telegram. Sealed: it can be neither read nor made by anybody else, and
/// nothing of it is kept here.
struct OIDCSeals: Sendable {
    static let lifetime = Duration.seconds(600)
    private static let attemptPurpose = "telegram-oidc-attempt"
    private static let noncePurpose = "telegram-oidc-nonce"

    let vault: Vault
    let origins: [String]
    let clock: Clock

    func seal(_ attempt: OIDCAttempt) throws(AuthError) -> String {
        let json: JSON = [
            "state": .string(attempt.state), "nonce": .string(attempt.nonce), "verifier": .string(attempt.verifier),
            "bot": .integer(attempt.bot), "return_to": .string(attempt.returnTo.text), "device": JSON(attempt.device),
            "caller": attempt.caller.map(Self.json) ?? .null, "expires_at": .integer(attempt.expiresAt.milliseconds),
        ]
        return try seal(json, Self.attemptPurpose)
    }

    private static func json(of caller: AccessToken) -> JSON {
        [
            "user": JSON(caller.userID), "session": JSON(caller.sessionID), "company": JSON(caller.companyID),
            "methods": .array(caller.methods.map { .string($0) }),
        ]
    }

    private static func caller(in json: JSON, until expiry: Timestamp) -> AccessToken? {
        guard let user = json["user"]?.string.flatMap({ UUID($0) }),
            let session = json["session"]?.string.flatMap({ UUID($0) }), let methods = json["methods"]?.array
        else { return nil }
        return AccessToken(
            userID: user, sessionID: session, companyID: json["company"]?.string.flatMap { UUID($0) },
            methods: methods.compactMap(\.string), expiresAt: expiry)
    }

    /// - Returns: nil where it is none of ours, or over.
    func attempt(_ sealed: String) -> OIDCAttempt? {
        guard let json = open(sealed, Self.attemptPurpose), let state = json["state"]?.string,
            let nonce = json["nonce"]?.string, let verifier = json["verifier"]?.string, let bot = json["bot"]?.integer,
            let text = json["return_to"]?.string, let returnTo = ReturnAddress(text, origins: origins),
            let expiry = expiry(of: json)
        else { return nil }
        let caller = json["caller"].flatMap { Self.caller(in: $0, until: expiry) }
        // What was begun to bind an account must not become a sign-in because it cannot be read.
        guard caller != nil || json["caller"] == .null else { return nil }
        return OIDCAttempt(
            state: state, nonce: nonce, verifier: verifier, bot: bot, returnTo: returnTo,
            device: json["device"]?.string, caller: caller, expiresAt: expiry)
    }

    func seal(nonce: String, until expiry: Timestamp) throws(AuthError) -> String {
        try seal(["nonce": .string(nonce), "expires_at": .integer(expiry.milliseconds)], Self.noncePurpose)
    }

    func nonce(_ sealed: String) -> (nonce: String, expiresAt: Timestamp)? {
        guard let json = open(sealed, Self.noncePurpose), let nonce = json["nonce"]?.string, let expiry = expiry(of: json)
        else { return nil }
        return (nonce, expiry)
    }

    private func expiry(of json: JSON) -> Timestamp? {
        let expiry = json["expires_at"]?.integer.map { Timestamp(milliseconds: $0) }
        return expiry.flatMap { $0 > clock.now ? $0 : nil }
    }

    private func seal(_ json: JSON, _ purpose: String) throws(AuthError) -> String {
        do { return Base64URL.encode(try vault.seal(json.utf8, purpose: purpose)) } catch {
            throw .unexpected(because: "\(error)")
        }
    }

    private func open(_ sealed: String, _ purpose: String) -> JSON? {
        guard sealed.utf8.count <= 4096, let bytes = Base64URL.decode(sealed),
            let plain = try? vault.open(bytes, purpose: purpose)
        else { return nil }
        return try? JSON.parse(plain)
    }
}
