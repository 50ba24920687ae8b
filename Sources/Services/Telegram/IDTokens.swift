import Credentials
import Ground
import JOSE

/// What Telegram says of a person as an issuer of OpenID Connect.
struct IDTokens: Sendable {
    private static let maximumSize = 8192

    let issuer: OIDCIssuer
    let clock: Clock

    /// For which of these bots the token says that it is. Not to be believed before it is verified.
    static func bot(of token: String, among bots: [Bot]) -> Bot? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= maximumSize, parts.count == 3, let bytes = Base64URL.decode(parts[1]),
            let audience = (try? JSON.parse(bytes))?["aud"]
        else { return nil }
        let names = (audience.array ?? [audience]).compactMap(\.string)
        return bots.first { names.contains("\($0.id)") }
    }

    /// The claims of a token that Telegram has signed for this bot. Who Telegram is says the setting, never the token.
    /// - Throws: `.telegramInvalid`, `.telegramUnreachable`.
    func claims(of token: String, for bot: Bot) async throws(AuthError) -> Claims {
        let first = verify(token, with: try await issuer.keys(), for: bot)
        guard case .failure(.unknownKey) = first else { return try Self.claims(first) }
        // The issuer may have a new key. Whoever makes up names of keys has it asked no more often for that.
        guard let keys = try await issuer.renewedKeys() else { throw .telegramInvalid(.notSigned) }
        return try Self.claims(verify(token, with: keys, for: bot))
    }

    private func verify(_ token: String, with keys: KeySet, for bot: Bot) -> Result<Claims, TokenError> {
        let rules = TokenRules(
            issuer: issuer.url, audience: "\(bot.id)", type: .idToken, clockSkew: TelegramFields.clockSkew,
            requiredClaims: ["sub", "iat"], maximumSize: Self.maximumSize)
        do throws(TokenError) {
            let claims = try TokenVerifier(rules: rules, keys: keys).verify(token.utf8, at: clock.now)
            // The clock of Telegram may be ahead; what has expired here has expired.
            guard let expiry = claims.expiresAt, clock.now < expiry else { throw .expired }
            // OpenID Connect Core 1.0, section 3.1.3.7: of several audiences the one it was issued to.
            let party = try claims.string("azp")
            guard party == "\(bot.id)" || (party == nil && claims.audience.count == 1) else { throw .wrongAudience }
            return .success(claims)
        } catch { return .failure(error) }
    }

    private static func claims(_ result: Result<Claims, TokenError>) throws(AuthError) -> Claims {
        switch result {
        case .success(let claims): return claims
        case .failure(let error): throw .telegramInvalid(fault(error))
        }
    }

    private static func fault(_ error: TokenError) -> TelegramFault {
        switch error {
        case .malformed, .tooLarge, .wrongType: .malformed("The ID token cannot be read.")
        case .badClaims(let name): .malformed("The claim \(name) of the ID token is not as it must be.")
        case .expired: .expired
        case .notYetValid: .inFuture
        case .unknownKey, .wrongAlgorithm, .badSignature, .wrongIssuer, .wrongAudience: .notSigned
        }
    }

    /// - Parameters:
    ///   - digest: by what it is known that it was used.
    ///   - expiry: until when that is remembered.
    static func proof(of claims: Claims, for bot: Bot, digest: [UInt8], until expiry: Timestamp)
        throws(AuthError) -> TelegramProof
    {
        let number: Int64? = switch claims["id"] {
        case .integer(let number): number
        case .string(let text): TelegramPerson.number(text)
        default: nil
        }
        // `sub` is another number: whoever took it for the id would make one person two.
        guard let number, TelegramPerson.isID(number) else {
            throw .telegramInvalid(.malformed("The ID token has no claim id: ask Telegram for the scope profile."))
        }
        let person = TelegramPerson(
            id: number, firstName: claims["given_name"]?.string ?? claims["name"]?.string ?? "",
            lastName: claims["family_name"]?.string, username: claims["preferred_username"]?.string,
            photoURL: claims["picture"]?.string)
        return TelegramProof(
            door: .oidc, bot: bot.id, person: person, digest: digest, expiresAt: expiry, subject: claims.subject,
            phone: phone(in: claims))
    }

    /// Digits alone; nil for what is no number, or one that Telegram has not verified.
    private static func phone(in claims: Claims) -> String? {
        guard claims["phone_number_verified"]?.bool != false, let text = claims["phone_number"]?.string else { return nil }
        let digits = text.hasPrefix("+") ? text.dropFirst() : text[...]
        return (5...15).contains(digits.utf8.count) && digits.utf8.allSatisfy { (48...57).contains($0) } ? String(digits) : nil
    }
}
