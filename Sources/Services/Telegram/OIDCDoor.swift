import Credentials
import Ground
import JOSE
import SQL
import Store

/// Log In With Telegram: OpenID Connect with a code and PKCE, and the nonces of those who bring an ID token themselves.
public struct OIDCDoor: Sendable {
    /// How long somebody may take at Telegram.
    public static let patience = OIDCSeals.lifetime
    private static let callbackPath = "/auth/telegram/oidc/callback"

    let telegram: TelegramService
    let issuer: OIDCIssuer
    let tokens: IDTokens
    let seals: OIDCSeals
    let settings: TelegramSettings
    let publicURL: String
    let clock: Clock
    let random: RandomSource

    // MARK: Leaving

    /// Where a browser is sent, and what it keeps meanwhile.
    public struct Departure: Sendable {
        public let url: String
        public let cookie: String
    }

    /// Begins a sign-in, or the binding of an account.
    /// - Parameters:
    ///   - id: through which bot; nil: the first that opens this door.
    ///   - returnTo: where the browser goes afterwards; nil: to the first page.
    ///   - device: by what the browser is known.
    ///   - caller: whose account is bound; nil: somebody signs in.
    /// - Throws: `.telegramNotConfigured`, `.doorClosed`, `.telegramUnreachable`; of a caller
    ///   `.insufficientUserAuthentication`, `.companyBotSession`.
    public func begin(through id: Int64?, returnTo: ReturnAddress?, device: String?, for caller: AccessToken? = nil)
        async throws(AuthError) -> Departure
    {
        if let caller { try await telegram.sessions.demandRecent(of: caller) }
        let bot = try await bot(id)
        guard bot.isClient else { throw .telegramNotConfigured }
        let attempt = OIDCAttempt(
            state: secret(), nonce: secret(), verifier: secret(), bot: bot.id, returnTo: returnTo ?? .home, device: device,
            caller: caller, expiresAt: clock.now + OIDCSeals.lifetime)
        let places = try await issuer.places()
        let query = FormText.encode([
            ("response_type", "code"), ("client_id", "\(bot.id)"), ("redirect_uri", redirect),
            ("scope", settings.oidcScopes), ("state", attempt.state), ("nonce", attempt.nonce),
            ("code_challenge", Base64URL.encode(Digest.sha256(Array(attempt.verifier.utf8)))),
            ("code_challenge_method", "S256"),
        ])
        let mark = places.authorization.contains("?") ? "&" : "?"
        return Departure(url: places.authorization + mark + query, cookie: try seals.seal(attempt))
    }

    private func bot(_ id: Int64?) async throws(AuthError) -> Bot {
        let bot: Bot
        if id == nil, let first = try await telegram.bots.all().first(where: { $0.doors.contains(.oidc) && $0.isClient }) {
            bot = first
        } else {
            bot = try await telegram.bots.find(id)
        }
        guard bot.doors.contains(.oidc) else { throw .doorClosed }
        return bot
    }

    /// Made of the settings: what a request says of its host is nobody's word.
    private var redirect: String { publicURL + Self.callbackPath }

    private func secret() -> String { Base64URL.encode(random.bytes(32)) }

    // MARK: Coming back

    /// What came back from Telegram.
    public struct Return: Sendable {
        public let code: String?
        public let error: String?
        /// Who says so (RFC 9207); nil where nothing is said.
        public let issuer: String?

        public init(code: String?, error: String?, issuer: String?) {
            self.code = code
            self.error = error
            self.issuer = issuer
        }
    }

    /// The sign-in that this browser has begun.
    /// - Throws: `.signInNotBegun` where it has begun none, or another.
    public func attempt(in cookie: String?, state: String) throws(AuthError) -> OIDCAttempt {
        guard let attempt = cookie.flatMap({ seals.attempt($0) }),
            Digest.equal(Array(attempt.state.utf8), Array(state.utf8))
        else { throw .signInNotBegun }
        return attempt
    }

    /// Ends what was begun: once, however it ends.
    /// - Returns: the session; nil where the account of a session that is there was bound.
    /// - Throws: `.signInNotBegun`, `.telegramRefused`, `.telegramUnreachable`, and what every door throws; of an account
    ///   that is bound `.sessionEnded`, `.telegramTaken`, `.telegramLinked`.
    public func finish(_ attempt: OIDCAttempt, with answer: Return, from client: Client) async throws(AuthError) -> SignInOutcome? {
        let (proof, bot) = try await prove(attempt, with: answer, from: client)
        guard let caller = attempt.caller else {
            return try await telegram.enter(proof, through: bot, referral: nil, from: client)
        }
        // The session may have ended while its owner was away.
        let subject = try await telegram.sessions.admit(caller, from: client.address, as: client)
        try Standing.check(subject)
        _ = try await telegram.link(proof, by: caller, from: client)
        return nil
    }

    private func prove(_ attempt: OIDCAttempt, with answer: Return, from client: Client)
        async throws(AuthError) -> (TelegramProof, Bot)
    {
        try await spend(attempt)
        if let said = answer.issuer, said != issuer.url { throw .telegramInvalid(.notSigned) }
        guard answer.error == nil, let code = answer.code else { throw .telegramRefused }
        let bot = try await bot(attempt.bot)
        guard let secret = bot.clientSecret else { throw .telegramNotConfigured }
        let exchange = try await issuer.exchange(
            code, verifier: attempt.verifier, redirect: redirect, for: bot, secret: secret)
        guard case .token(let token) = exchange else {
            if case .refused(let reason) = exchange {
                telegram.log.warning("telegram.code_refused") { line in
                    line.member("bot", bot.id)
                    line.member("reason", reason)
                }
            }
            throw .telegramRefused
        }
        let proof = try await telegram.recordingFailure(from: client) { () async throws(AuthError) -> TelegramProof in
            try await self.proof(of: token, for: bot, attempt)
        }
        return (proof, bot)
    }

    private func proof(of token: String, for bot: Bot, _ attempt: OIDCAttempt) async throws(AuthError) -> TelegramProof {
        let claims = try await tokens.claims(of: token, for: bot)
        // Telegram is said not to repeat the nonce to whoever comes with a code; state and PKCE bind the browser.
        if let nonce = claims["nonce"] {
            guard let nonce = nonce.string, Digest.equal(Array(nonce.utf8), Array(attempt.nonce.utf8)) else {
                throw .telegramInvalid(.notSigned)
            }
        }
        return try IDTokens.proof(
            of: claims, for: bot, digest: Digest.sha256(Array(token.utf8)), until: claims.expiresAt ?? attempt.expiresAt)
    }

    private func spend(_ attempt: OIDCAttempt) async throws(AuthError) {
        let digest = Digest.sha256(Array("oidc-state:\(attempt.state)".utf8))
        do {
            try await telegram.store.transaction { try await $0.telegramProofs.use(digest, until: attempt.expiresAt) }
        } catch DatabaseError.duplicate { throw .signInNotBegun } catch { throw .from(error) }
    }

    // MARK: Nonces

    /// What a page gives to Telegram's library, and the browser keeps beside.
    public struct Nonce: Sendable {
        public let text: String
        public let cookie: String
        public let lifetime: Duration
    }

    /// A nonce for one ID token.
    public func nonce() throws(AuthError) -> Nonce {
        let text = secret()
        return Nonce(
            text: text, cookie: try seals.seal(nonce: text, until: clock.now + OIDCSeals.lifetime),
            lifetime: OIDCSeals.lifetime)
    }
}

/// ID tokens that a page brings.
struct OIDCEvidence: Sendable {
    let tokens: IDTokens
    let seals: OIDCSeals

    /// - Parameters:
    ///   - bots: those it may be for.
    ///   - sealed: what the browser keeps of its nonce.
    /// - Throws: `.signInNotBegun`, `.telegramInvalid`, `.doorClosed`, `.telegramUnreachable`.
    func prove(_ token: String, nonce sealed: String?, for bots: [Bot]) async throws(AuthError) -> (TelegramProof, Bot) {
        guard let (nonce, expiry) = sealed.flatMap({ seals.nonce($0) }) else { throw .signInNotBegun }
        guard let bot = IDTokens.bot(of: token, among: bots) else { throw .telegramInvalid(.notSigned) }
        guard bot.doors.contains(.oidc) else { throw .doorClosed }
        let claims = try await tokens.claims(of: token, for: bot)
        guard let said = claims["nonce"]?.string, Digest.equal(Array(said.utf8), Array(nonce.utf8)) else {
            throw .signInNotBegun
        }
        // One nonce, one use, whatever tokens were made for it.
        let digest = Digest.sha256(Array("oidc-nonce:\(nonce)".utf8))
        return (try IDTokens.proof(of: claims, for: bot, digest: digest, until: expiry), bot)
    }
}
