import Ground
import Store

/// Handles what bots hear: each update once, however often it comes and whichever nodes get it.
///
/// An update is claimed, handled, and finished together with what the bot answers. A node that dies on the way leaves a
/// claim that ends, so that the update is handled when it comes again: then what was done may be done twice, and what
/// was to be said is said once.
struct BotIntake: Sendable {
    enum Outcome { case done, underWay }

    /// Longer than handling takes.
    private static let claimTime = Duration.seconds(60)

    let store: DataStore
    let desk: BotDesk
    let voice: BotVoice
    let mail: BotMail
    let limits: RateLimiter
    let clock: Clock
    let log: Log

    /// - Returns: `.underWay` while somebody else handles it.
    /// - Throws: `.unavailable`: then it is to come again.
    func take(_ json: JSON, of bot: Bot) async throws(AuthError) -> Outcome {
        guard let update = BotUpdate(json) else { return .done }
        do {
            let now = clock.now
            guard try await store.writing.botTalks.claim(update.id, of: bot.id, until: now + Self.claimTime, at: now) else {
                return try await store.reading.botTalks.isDone(update.id, of: bot.id) ? .done : .underWay
            }
            let messages: [TelegramMessage]
            do { messages = try await answer(to: update, of: bot) } catch {
                try await store.writing.botTalks.release(update.id, of: bot.id)
                throw error
            }
            do { try await finish(update, of: bot, saying: messages) } catch {
                guard case .unexpected(let reason) = AuthError.from(error) else { throw error }
                // What can never be said must not keep Telegram from telling the rest.
                log.error("telegram.update_failed") { $0.member("reason", reason) }
                try await finish(update, of: bot, saying: [])
            }
            return .done
        } catch { throw .from(error) }
    }

    private func finish(_ update: BotUpdate, of bot: Bot, saying messages: [TelegramMessage]) async throws {
        let now = clock.now
        try await store.transaction { repositories in
            guard try await repositories.botTalks.finish(update.id, of: bot.id, at: now) else { return }
            if let person = update.person {
                if case .membership(isBlocked: true) = update.deed {
                    try await repositories.telegramChats.block(bot: bot.id, telegramID: person.id, at: now)
                } else {
                    try await repositories.telegramChats.note(
                        bot: bot.id, telegramID: person.id, language: person.language, at: now)
                }
            }
            for message in messages { try await mail.post(message, in: repositories) }
        }
    }

    // MARK: Answering

    private func answer(to update: BotUpdate, of bot: Bot) async throws -> [TelegramMessage] {
        guard let person = update.person else {
            guard case .press(let query, _, _) = update.deed else { return [] }
            return [Self.end(of: query, toast: nil, of: bot)]
        }
        let talk = BotTalk(bot: bot, person: person, chat: person.id, update: update.id)
        do { try await limits.take(.standard, for: .account("telegram:\(person.id)")) } catch .rateLimited { return [] }
        switch update.deed {
        case .text(let text, let message): return try await hear(text, message, in: talk)
        case .contact(let phone, let owner):
            return say(try await telling(talk) { try await desk.take(phone: phone, of: owner, in: talk) }, in: talk)
        case .press(let query, let data, let message):
            return try await press(data, query, message, in: talk)
        case .membership, .other: return []
        }
    }

    private func hear(_ text: String, _ message: Int64, in talk: BotTalk) async throws -> [TelegramMessage] {
        let deletion = voice.deletion(of: message, in: talk.chat, from: talk.bot.id)
        var taken: BotProofs.Taken?
        // A command is no code.
        if !text.hasPrefix("/") {
            do { taken = try await desk.proofs.take(text, in: talk) } catch {
                return [deletion] + say(Reply(BotText(plain: try explanation(of: error, in: talk.language))), in: talk)
            }
        }
        switch taken {
        case nil: return say(try await telling(talk) { try await desk.answer(to: text, in: talk) }, in: talk)
        case .refused(let reply): return [deletion] + say(reply, in: talk)
        case .right(.said(let wanted)):
            return [deletion] + say(try await telling(talk) { try await desk.answer(to: wanted, in: talk) }, in: talk)
        case .right(.pressed(let data, let message)):
            var pressed = try await press(data, message, in: talk)
            // There is no press any more that it could be shown on.
            if let toast = pressed.toast, pressed.reply == nil { pressed.reply = Reply(BotText(plain: toast)) }
            return [deletion] + follow(pressed, message, in: talk)
        }
    }

    private func press(_ data: String, _ query: String, _ message: Int64?, in talk: BotTalk) async throws -> [TelegramMessage] {
        guard let message, let data = voice.read(data, from: talk.person.id, of: talk.bot.id) else {
            log.warning("telegram.button_refused") { line in
                line.member("bot", talk.bot.id)
                line.member("person", talk.person.id)
            }
            return [Self.end(of: query, toast: nil, of: talk.bot)]
        }
        let pressed = try await press(data, message, in: talk)
        return [Self.end(of: query, toast: pressed.toast, of: talk.bot)] + follow(pressed, message, in: talk)
    }

    private func press(_ data: Substring, _ message: Int64, in talk: BotTalk) async throws -> Pressed {
        do { return try await desk.pressed(data, in: talk, message: message) } catch {
            return Pressed(toast: try explanation(of: error, in: talk.language))
        }
    }

    private func follow(_ pressed: Pressed, _ message: Int64, in talk: BotTalk) -> [TelegramMessage] {
        let edits = pressed.replacement.map { [voice.edit(message, to: $0, in: talk.chat, from: talk.bot.id)] } ?? []
        return edits + say(pressed.reply, in: talk)
    }

    private func say(_ reply: Reply?, in talk: BotTalk) -> [TelegramMessage] {
        reply.map { [voice.message($0, to: talk.chat, from: talk.bot.id)] } ?? []
    }

    /// Tells the person why not, where the rules say no.
    private func telling(_ talk: BotTalk, _ body: () async throws -> Reply?) async throws -> Reply? {
        do { return try await body() } catch {
            return Reply(BotText(plain: try explanation(of: error, in: talk.language)))
        }
    }

    /// - Throws: `.unavailable`, for then it is tried again.
    private func explanation(of error: any Error, in language: Language) throws -> String {
        let error = AuthError.from(error)
        if case .unavailable = error { throw error }
        if case .unexpected(let reason) = error { log.error("telegram.update_failed") { $0.member("reason", reason) } }
        return BotExplanation.of(error, in: language)
    }

    /// Without it the button goes on looking pressed.
    private static func end(of query: String, toast: String?, of bot: Bot) -> TelegramMessage {
        var members = [JSON.Member("callback_query_id", .string(query))]
        if let toast { members.append(.init("text", .string(String(toast.prefix(200))))) }
        return TelegramMessage(bot: bot.id, method: "answerCallbackQuery", parameters: .object(members))
    }
}
