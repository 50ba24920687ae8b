import Credentials
import Ground
import Store

/// Asks people for a code of their second factor in the talk: before anything of theirs is done there, and again before
/// what is grave.
///
/// The message with the code is deleted, and the code is kept nowhere. What was wanted is done once the code is right.
/// Telegram is what the talk itself has shown, so a code that comes by Telegram is no answer. Whoever has a company's bot
/// could read what is said to it, and come in as anybody through it: there no code is asked for, and nothing opens.
struct BotProofs: Sendable {
    /// What a person wants.
    enum Deed: Sendable {
        case said(String)
        /// A button, by what ``BotVoice`` has read, and the message that it belongs to.
        case pressed(Substring, message: Int64)
    }

    /// What came of an answer.
    enum Taken: Sendable {
        case right(Deed)
        case refused(Reply)
    }

    private static let codes: [SecondFactor] = [.totp, .email, .recoveryCode]

    let store: DataStore
    let sessions: BotSessions
    let factors: SecondFactors
    let stepUps: StepUpService
    let vault: Vault
    let clock: Clock

    // MARK: Asking

    /// Asks for a code, and keeps what is wanted until it comes.
    func ask(before deed: Deed, in talk: BotTalk) async throws -> Reply {
        guard talk.bot.company == nil else { throw AuthError.secondFactorUnavailable }
        let gap = try await gap(in: talk)
        let offered: [SecondFactor]
        switch gap {
        case .signIn(let challenge):
            guard !challenge.asksForEnrolment else { return Reply(Self.enrolment(talk.language)) }
            offered = challenge.methods
        case .session(let token):
            let own = try await sessions.subject(of: token).person.factors
            offered = own.isEmpty ? [] : SecondFactorGate.offered(of: own, after: ProvedMethods(TelegramService.method))
        }
        guard let factor = Self.codes.first(where: offered.contains) else { throw AuthError.secondFactorUnavailable }
        if factor == .email { try await send(by: factor, for: gap, in: talk) }
        try await keep(deed, until: factor, for: gap, in: talk)
        return Reply(Self.question(factor, talk.language))
    }

    /// What a code is missing for.
    private enum Gap {
        /// The talk has none that has shown a second factor.
        case signIn(SecondFactorChallenge)
        /// It has, too long ago.
        case session(AccessToken)
    }

    private func gap(in talk: BotTalk) async throws -> Gap {
        do throws(AuthError) {
            if let token = try await sessions.token(for: talk) { return .session(token) }
        } catch {
            guard case .secondFactorRequired = error else { throw error }
            if let challenge = try await sessions.begin(for: talk) { return .signIn(challenge) }
        }
        throw AuthError.sessionEnded
    }

    private func send(by factor: SecondFactor, for gap: Gap, in talk: BotTalk) async throws {
        switch gap {
        case .signIn(let challenge): try await factors.send(by: factor, for: challenge.token, from: talk.client)
        case .session(let token): try await stepUps.send(by: factor, to: token, from: talk.client)
        }
    }

    private func keep(_ deed: Deed, until factor: SecondFactor, for gap: Gap, in talk: BotTalk) async throws {
        let (text, message): (String, Int64?) =
            switch deed {
            case .said(let text): (text, nil)
            case .pressed(let data, let message): (String(data), message)
            }
        var signIn: [UInt8]?
        if case .signIn(let challenge) = gap {
            signIn = try vault.seal(Array(challenge.token.utf8), purpose: Self.purpose(talk))
        }
        let question = BotQuestion(
            bot: talk.bot.id, telegramID: talk.person.id, factor: factor.rawValue, signIn: signIn, deed: text,
            message: message, expiresAt: clock.now + SecondFactorGate.lifetime)
        try await store.transaction { try await $0.botQuestions.write(question) }
    }

    private static func purpose(_ talk: BotTalk) -> String { "bot sign-in:\(talk.bot.id):\(talk.person.id)" }

    // MARK: Taking

    /// Takes what somebody has said for the code that was asked for. It counts as an attempt, as everywhere.
    /// - Returns: nil where nothing was asked, or where it is no code and comes too late.
    /// - Throws: `.unavailable`, for then it is tried again.
    func take(_ text: String, in talk: BotTalk) async throws -> Taken? {
        guard let question = try await store.reading.botQuestions.find(bot: talk.bot.id, telegramID: talk.person.id) else {
            return nil
        }
        guard question.expiresAt > clock.now else {
            // A code that comes too late is deleted; what is none was not meant for the question.
            let over = try await over(in: talk)
            return Self.factor(of: text, asked: question.factor) == nil ? nil : .refused(over)
        }
        do {
            try await prove(text, answering: question, in: talk)
            // Not before: who is asked again because something failed in between is told that it is over.
            try await forget(in: talk)
            return .right(question.message.map { .pressed(question.deed[...], message: $0) } ?? .said(question.deed))
        } catch {
            let error = AuthError.from(error)
            switch error {
            case .unavailable, .unexpected: throw error
            case .tokenInvalid, .tokenExpired, .sessionEnded: return .refused(try await over(in: talk))
            case .invalid: return .refused(Reply(Self.noCode(talk.language)))
            case .codeInvalid: break
            default: try await forget(in: talk)
            }
            return .refused(Reply(BotText(plain: BotExplanation.of(error, in: talk.language))))
        }
    }

    private func prove(_ text: String, answering question: BotQuestion, in talk: BotTalk) async throws {
        let factor = Self.factor(of: text, asked: question.factor) ?? .recoveryCode
        _ = try FactorCodes.read(text, of: factor)
        guard let sealed = question.signIn else {
            guard let token = try await sessions.token(for: talk) else { throw AuthError.sessionEnded }
            _ = try await stepUps.prove(factor, code: text, by: token, from: talk.client)
            return
        }
        let token = String(decoding: try vault.open(sealed, purpose: Self.purpose(talk)), as: UTF8.self)
        let outcome = try await factors.signIn(token, with: factor, code: text, remembers: false, from: talk.client) {
            try await sessions.hold($0, for: talk, in: $1)
        }
        guard case .signedIn = outcome else { throw AuthError.passwordChangeRequired }
    }

    /// Which factor the text may be a code of; nil: of none. A recovery code is good in the place of any other, and looks
    /// like none.
    private static func factor(of text: String, asked: String) -> SecondFactor? {
        [SecondFactor(rawValue: asked), .recoveryCode].compactMap { $0 }.first { (try? FactorCodes.read(text, of: $0)) != nil }
    }

    private func over(in talk: BotTalk) async throws -> Reply {
        try await forget(in: talk)
        return Reply(
            talk.language(
                "That is over. Please begin again.", "Это уже неактуально. Начните, пожалуйста, сначала."))
    }

    private func forget(in talk: BotTalk) async throws {
        try await store.transaction { try await $0.botQuestions.delete(bot: talk.bot.id, telegramID: talk.person.id) }
    }

    // MARK: Words

    private static func question(_ factor: SecondFactor, _ language: Language) -> BotText {
        let which: BotText =
            switch factor {
            case .totp:
                language(
                    "Send me the code of your authenticator app, or one of your recovery codes.",
                    "Пришлите код из приложения-аутентификатора или один из кодов восстановления.")
            case .email:
                language(
                    "I have sent a code to your e-mail address. Send it to me, or one of your recovery codes.",
                    "Код отправлен на вашу почту. Пришлите его сюда или пришлите один из кодов восстановления.")
            default: language("Send me one of your recovery codes.", "Пришлите один из кодов восстановления.")
            }
        return which + "\n\n"
            + language(
                "Your message is deleted as soon as I have read it.", "Ваше сообщение удаляется сразу после прочтения.")
    }

    private static func noCode(_ language: Language) -> BotText {
        language(
            "That is no code. Send me the digits of the code, or a recovery code.",
            "Это не код. Пришлите цифры кода или код восстановления.")
    }

    private static func enrolment(_ language: Language) -> BotText {
        language(
            "Your account must have a second factor. Set one up on the pages of the server first.",
            "У вашей учётной записи должен быть второй фактор. Сначала настройте его на страницах сервера.")
    }
}
