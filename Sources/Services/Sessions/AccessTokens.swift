import Ground
import JOSE
import Store

/// What a verified access token says.
public struct AccessToken: Sendable, Hashable {
    public let userID: UUID
    public let sessionID: UUID
    /// As it was when the token was made: the session may stand elsewhere by now.
    public let companyID: UUID?
    public let methods: [String]
    public let expiresAt: Timestamp
}

/// Makes and verifies access tokens (RFC 9068). Knows no store.
///
/// A class, as every request reaches for it: a copy of what it holds would cost more than what it does.
public final class AccessTokens: Sendable {
    private let signer: TokenSigner
    private let cache: VerifiedTokenCache<AccessToken>
    private let settings: TokenSettings
    private let random: RandomSource

    public init(ring: KeyRing, settings: TokenSettings, random: RandomSource) {
        self.settings = settings
        self.random = random
        signer = TokenSigner(ring: ring)
        let rules = TokenRules(issuer: settings.issuer, audience: settings.audience, clockSkew: settings.clockSkew)
        let verifier = TokenVerifier(rules: rules, ring: ring)
        cache = VerifiedTokenCache(verifier: verifier, capacity: settings.cacheCapacity) {
            claims throws(TokenError) in try Self.payload(of: claims)
        }
    }

    public var lifetime: Duration { settings.accessLifetime }

    /// Two tokens for one session in one second differ, by their `jti`.
    /// - Parameter claims: none of them is one of ours, or a registered one.
    func sign(_ session: Session, at now: Timestamp, adding claims: [JSON.Member] = []) throws(AuthError) -> String {
        var builder = ClaimsBuilder(
            issuer: settings.issuer, subject: session.userID.description, audience: [settings.audience],
            id: Base64URL.encode(random.bytes(12)), issuedAt: now, expiresAt: now + settings.accessLifetime)
        do {
            try builder.add("sid", .string(session.id.description))
            try builder.add("amr", .array(session.methods.spaceSeparated.map { .string($0) }))
            try builder.add("acr", .string(session.level.rawValue))
            try builder.add("auth_time", .integer(session.authenticatedAt.seconds))
            if let company = session.companyID { try builder.add("cid", .string(company.description)) }
            try builder.addCustom(claims)
            return signer.sign(try builder.claims())
        } catch { throw .unexpected(because: "claims: \(error)") }
    }

    /// - Throws: `.tokenExpired`, `.tokenInvalid`.
    public func verify(_ token: some Collection<UInt8>, at now: Timestamp) throws(AuthError) -> AccessToken {
        let verified: AccessToken
        do { verified = try cache.verify(token, at: now) } catch {
            throw error == .expired ? .tokenExpired : .tokenInvalid
        }
        // Made when JWT_EXPIRES_IN was longer: the denylist does not reach back that far.
        guard verified.expiresAt <= now + settings.accessLifetime + settings.clockSkew + .seconds(1) else {
            throw .tokenInvalid
        }
        return verified
    }

    private static func payload(of claims: Claims) throws(TokenError) -> AccessToken {
        func id(_ name: String) throws(TokenError) -> UUID? {
            guard let text = try claims.string(name) else { return nil }
            guard let id = UUID(text) else { throw .badClaims(name) }
            return id
        }
        guard let user = try id("sub") else { throw .badClaims("sub") }
        guard let session = try id("sid") else { throw .badClaims("sid") }
        guard let expiresAt = claims.expiresAt else { throw .badClaims("exp") }
        return AccessToken(
            userID: user, sessionID: session, companyID: try id("cid"),
            methods: try claims.strings("amr") ?? [], expiresAt: expiresAt)
    }
}
