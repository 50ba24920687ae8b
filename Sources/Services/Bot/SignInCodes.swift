import Credentials
import Ground
import SQL
import Store

/// One-time codes: asked for in the bot, and used to sign in elsewhere within five minutes.
///
/// The first digits find the code, the last eight are its secret. Each attempt is counted before it is made: a code gives
/// five guesses among a hundred million, however many come at once.
public struct SignInCodes: Sendable {
    static let lifetime = Duration.seconds(300)
    private static let attempts = 5
    private static let locatorDigits = 4
    private static let secretDigits = 8

    let store: DataStore
    let telegram: TelegramService
    let limits: RateLimiter
    let key: HMACKey
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Making

    /// A new code for the person, which makes the last one worthless.
    /// - Throws: `.rateLimited`, `.doorClosed`.
    func make(for talk: BotTalk, by token: AccessToken) async throws(AuthError) -> String {
        guard talk.bot.doors.contains(.bot) else { throw .doorClosed }
        try await limits.take(.signIn, for: .account("telegram-code:\(talk.person.id)"))
        let secret = random.digits(Self.secretDigits)
        let expiry = clock.now + Self.lifetime
        // Two people may get the same first digits; one of them gets others.
        for _ in 0..<8 {
            let locator = random.digits(Self.locatorDigits)
            let code = TelegramCode(
                userID: token.userID, locator: locator, digest: digest(locator, secret), botID: talk.bot.id,
                telegramID: talk.person.id, expiresAt: expiry)
            if try await write(code) { return locator + secret }
        }
        throw .overloaded(retryAfter: .seconds(60))
    }

    private func write(_ code: TelegramCode) async throws(AuthError) -> Bool {
        do {
            try await store.transaction { try await $0.telegramCodes.write(code) }
            return true
        } catch DatabaseError.duplicate { return false } catch { throw .from(error) }
    }

    private func digest(_ locator: String, _ secret: String) -> [UInt8] { key.sign(Array("\(locator):\(secret)".utf8)) }

    // MARK: Using

    /// Signs in with a code, which is used up.
    /// - Parameter text: digits; spaces and dashes between them do not count.
    /// - Throws: `.codeInvalid`, and what coming in through Telegram throws.
    public func signIn(with text: String, from client: Client) async throws(AuthError) -> SignInOutcome {
        let digits = text.filter { $0 != " " && $0 != "-" }
        let (locator, secret) = (String(digits.prefix(Self.locatorDigits)), String(digits.dropFirst(Self.locatorDigits)))
        let now = clock.now
        let tried: TelegramCode?
        let identity: TelegramIdentity?
        do {
            tried = try await store.transaction {
                try await $0.telegramCodes.attempt(locator, atMost: Self.attempts, at: now)
            }
            guard let tried, Digest.equal(tried.digest, digest(locator, secret)) else {
                try await record(failureOf: tried?.userID, from: client)
                throw AuthError.codeInvalid
            }
            identity = try await store.reading.telegramIdentities.find(tried.telegramID)
        } catch { throw .from(error) }
        guard let tried, let identity, identity.userID == tried.userID else { throw .codeInvalid }
        let bot = try await telegram.bots.find(tried.botID)
        guard bot.doors.contains(.bot) else { throw .doorClosed }
        let proof = TelegramProof(
            door: .bot, bot: bot.id, person: identity.person, digest: Digest.sha256(tried.digest), expiresAt: tried.expiresAt)
        let outcome = try await enter(proof, through: bot, from: client)
        do { try await store.transaction { try await $0.telegramCodes.delete(ofUser: tried.userID) } } catch { throw .from(error) }
        return outcome
    }

    /// The proof is good for one sign-in, and with it the code.
    private func enter(_ proof: TelegramProof, through bot: Bot, from client: Client) async throws(AuthError) -> SignInOutcome {
        do { return try await telegram.enter(proof, through: bot, referral: nil, from: client) } catch {
            if case .telegramInvalid(.replayed) = error { throw .codeInvalid }
            throw error
        }
    }

    private func record(failureOf user: UUID?, from client: Client) async throws {
        let facts: [JSON.Member] = [.init("reason", "code_invalid"), .init("method", .string(TelegramService.method))]
        try await store.transaction { repositories in
            let company = try await audit.company(ofEventAbout: user, in: repositories)
            try await audit.record(
                AuditEvent(.signInFailed, user: user, company: company, facts: facts), from: client, in: repositories)
        }
    }
}

/// `/code`: a one-time code.
struct CodeCommand: BotMenuItem {
    let name = "code"
    let audience = BotAudience.members
    let own: OwnAccount
    let codes: SignInCodes

    func summary(in language: Language) -> String? { language("a code to sign in with", "код для входа") }

    func answer(_ arguments: String, in talk: BotTalk) async throws -> Reply? {
        let code = Array(try await codes.make(for: talk, by: try await own.token(of: talk)))
        let groups = stride(from: 0, to: code.count, by: 4).map { String(code[$0..<min($0 + 4, code.count)]) }
        let shown: BotText = "<code>\(groups.joined(separator: " "))</code>"
        var reply = Reply(
            shown + "\n\n"
                + talk.language(
                    "Good for one sign-in within 5 minutes. Tell it nobody: no administrator asks for it.",
                    "Действует 5 минут, на один вход. Никому его не сообщайте: администратор о нём не спросит."))
        reply.isSecret = true
        return reply
    }
}
