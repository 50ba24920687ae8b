import Credentials
import Ground
import Store

/// Codes that people type: of authenticator apps, for recovery, and such as were sent to them.
struct FactorCodes: Sendable {
    static let lifetime = Duration.seconds(300)
    /// How long a secret waits for the first code of it.
    static let setupTime = Duration.seconds(900)
    static let recoveryCodes = 10
    private static let digits = 6

    let vault: Vault
    let key: HMACKey
    let voice: BotVoice
    let botMail: BotMail
    let mail: MailBox
    let clock: Clock
    let random: RandomSource

    /// What a code that was sent is good for. One for one thing is none for another.
    enum Purpose: String, Sendable {
        case signIn = "sign_in"
        case setup
        case stepUp = "step_up"
    }

    // MARK: Reading

    /// A code as it is compared, without the spaces and dashes that people put into it.
    /// - Throws: `.invalid` for what cannot be a code of that kind.
    static func read(_ text: String, of factor: SecondFactor) throws(AuthError) -> String {
        if factor == .recoveryCode, let code = RecoveryCode(text) { return code.text }
        let digits = text.utf8.filter { $0 != 32 && $0 != 45 }
        if factor != .recoveryCode, text.utf8.count <= 16, digits.count == Self.digits,
            digits.allSatisfy({ (48...57).contains($0) })
        {
            return String(decoding: digits, as: UTF8.self)
        }
        let wanted = factor == .recoveryCode ? "one of the recovery codes" : "the six digits of a code"
        throw .invalid([FieldFault(field: "code", code: "not_a_code", message: "This must be \(wanted).")])
    }

    // MARK: Checking

    /// Whether a code of a factor that the person has set up is right. It is used up then.
    /// - Parameter owner: the challenge or session that a sent code belongs to.
    func use(
        _ code: String, of factor: SecondFactor, by user: User, owner: UUID, for purpose: Purpose, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> Bool {
        switch factor {
        case .passkey: return false
        case .totp:
            guard user.factors.contains(.totp), let secret = try await repositories.secondFactors.secret(of: user.id),
                secret.enabledAt != nil
            else { return false }
            return try await use(code, of: secret, by: user.id, at: now, in: repositories)
        case .recoveryCode:
            return try await repositories.secondFactors.use(
                recoveryCode: digest(ofRecovery: code, of: user.id), of: user.id, at: now)
        case .email, .telegram:
            // Who sets it up has not set it up yet.
            guard purpose == .setup || user.factors.contains(factor) else { return false }
            return try await use(sent: code, by: factor, owner: owner, for: purpose, at: now, in: repositories)
        }
    }

    /// The same for a secret that may not be in use yet.
    func use(_ code: String, of secret: TOTPSecret, by user: UUID, at now: Timestamp, in repositories: Repositories)
        async throws -> Bool
    {
        let bytes = try open(secret.sealed, of: user)
        guard let step = TOTP(secret: bytes)?.step(of: code, at: now),
            try await repositories.secondFactors.use(step: step, of: user)
        else { return false }
        if vault.isOutdated(secret.sealed) {
            try await repositories.secondFactors.reseal(secret.sealed, as: try seal(bytes, of: user), of: user)
        }
        return true
    }

    private func use(
        sent code: String, by factor: SecondFactor, owner: UUID, for purpose: Purpose, at now: Timestamp,
        in repositories: Repositories
    ) async throws -> Bool {
        guard let held = try await repositories.secondFactors.sent(by: factor.rawValue, of: owner, at: now),
            Digest.equal(held, digest(ofSent: code, by: factor, owner: owner, for: purpose))
        else { return false }
        return try await repositories.secondFactors.deleteSent(by: factor.rawValue, of: owner)
    }

    // MARK: Making

    func seal(_ secret: [UInt8], of user: UUID) throws -> [UInt8] { try vault.seal(secret, purpose: "totp:\(user)") }

    private func open(_ sealed: [UInt8], of user: UUID) throws(AuthError) -> [UInt8] {
        do { return try vault.open(sealed, purpose: "totp:\(user)") } catch {
            throw .unexpected(because: "ENCRYPTION_KEY does not open the authenticator secret of \(user)")
        }
    }

    /// New recovery codes, and what is kept of them.
    func makeRecoveryCodes(of user: UUID) -> (shown: [String], digests: [[UInt8]]) {
        let codes = (0..<Self.recoveryCodes).map { _ in RecoveryCode(random: random) }
        return (codes.map(\.shown), codes.map { digest(ofRecovery: $0.text, of: user) })
    }

    private func digest(ofRecovery code: String, of user: UUID) -> [UInt8] {
        key.sign(Array("recovery:\(user):\(code)".utf8))
    }

    private func digest(ofSent code: String, by factor: SecondFactor, owner: UUID, for purpose: Purpose) -> [UInt8] {
        key.sign(Array("sent:\(purpose.rawValue):\(factor.rawValue):\(owner):\(code)".utf8))
    }

    // MARK: Sending

    /// Sends a new code, which makes the one before worthless.
    /// - Throws: `.secondFactorUnavailable` where it can reach nobody.
    func send(
        by factor: SecondFactor, to user: User, owner: UUID, for purpose: Purpose, at now: Timestamp,
        in repositories: Repositories
    ) async throws {
        let code = random.digits(Self.digits)
        let end = now + Self.lifetime
        switch factor {
        case .telegram: try await sendByBot(code, to: user, in: repositories)
        case .email: try await sendByMail(code, to: user, until: end, in: repositories)
        default: throw AuthError.secondFactorUnavailable
        }
        try await repositories.secondFactors.write(
            sent: digest(ofSent: code, by: factor, owner: owner, for: purpose), by: factor.rawValue, of: owner, until: end)
    }

    private static var minutes: String { String(lifetime.milliseconds / 60_000) }

    private func sendByMail(_ code: String, to user: User, until end: Timestamp, in repositories: Repositories) async throws {
        guard mail.isOpen, user.email != nil else { throw AuthError.secondFactorUnavailable }
        let message = MailMessage(
            .signInCode, [.name: user.name, .code: code, .minutes: Self.minutes], in: mail.language(of: user), until: end)
        try await mail.post(message, to: user, in: repositories)
    }

    private func sendByBot(_ code: String, to user: User, in repositories: Repositories) async throws {
        guard let chat = try await repositories.telegramChats.find(ofUser: user.id) else {
            throw AuthError.secondFactorUnavailable
        }
        let language = Language(telegram: chat.language)
        let shown: BotText = "<code>\(code)</code>"
        var reply = Reply(
            shown + "\n\n"
                + language(
                    "Your code, good for \(Self.minutes) minutes. Tell it nobody: no administrator asks for it.",
                    "Ваш код, срок действия в минутах: \(Self.minutes). Никому его не сообщайте: администратор о нём не спросит."))
        reply.isSecret = true
        try await botMail.post(voice.message(reply, to: chat.telegramID, from: chat.botID), in: repositories)
    }
}
