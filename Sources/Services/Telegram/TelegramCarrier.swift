import Ground
import Outgoing
import Store

/// Sends what bots say from the outbox.
///
/// Telegram knows no way to tell whether a message arrived: where an answer is lost, the message is sent twice.
struct TelegramCarrier: OutboxCarrier {
    /// Where the address of a chat or a token was changed while a message waited, and it is called once more.
    static let longestAttempt = BotAPI.timeout * 2 + TelegramPace.longestWait

    let api: BotAPI
    /// The token of a bot; nil where there is no such bot any more.
    let tokens: @Sendable (Int64) async throws -> BotToken?
    /// Which message a card has become; nil for one that was never sent.
    let cards: @Sendable (UUID) async throws -> Int64?
    let pace: TelegramPace
    let clock: Clock

    var keepsOrder: Bool { true }
    /// Some may wait for the pace of their chat while others go.
    var mostAtOnce: Int { 16 }

    func carry(_ message: OutboxMessage) async throws -> Carried {
        guard var call = TelegramMessage(payload: message.payload) else {
            return Carried(verdict: .hopeless, error: "payload_invalid")
        }
        guard let token = try await tokens(call.bot) else { return Carried(verdict: .hopeless, error: "bot_unknown") }
        if let card = call.card, call.changesCard {
            // Of one chat one message is under way, and the card came before: it was sent, or never will be.
            guard let message = try await cards(card) else { return Carried(verdict: .hopeless, error: "never_sent") }
            call = call.changing(message)
        }
        await pace.wait(bot: call.bot, chat: call.chat)
        let start = ContinuousClock.now
        var answer = await api.call(call.method, of: token, call.parameters)
        if case .refused(let refusal) = answer, let chat = refusal.migratedTo {
            answer = await api.call(call.method, of: token, call.moved(to: chat).parameters)
        }
        var carried = Self.carried(answer)
        carried.duration = ContinuousClock.now - start
        carried.alongside = alongside(carried, answer, of: call, as: message)
        return carried
    }

    /// What a secret said is forgotten, what a card has become is noted, and who wants to hear nothing is told nothing more.
    private func alongside(_ carried: Carried, _ answer: BotAnswer, of call: TelegramMessage, as message: OutboxMessage)
        -> (@Sendable (Repositories) async throws -> Void)?
    {
        let forgets = call.isSecret && (carried.verdict == .sent || carried.verdict == .hopeless)
        let blocks = carried.status == 403 ? Int64(call.chat) : nil
        var card: (id: UUID, message: Int64)?
        if case .ok(let result) = answer, let id = call.card, !call.changesCard, let number = result["message_id"]?.integer {
            card = (id, number)
        }
        guard forgets || blocks != nil || card != nil else { return nil }
        let now = clock.now
        return { [card] repositories in
            if let card { try await repositories.telegramCards.note(message: card.message, of: card.id) }
            if forgets { try await repositories.outbox.forget(message.id) }
            if let blocks { try await repositories.telegramChats.block(bot: call.bot, telegramID: blocks, at: now) }
        }
    }

    private static func carried(_ answer: BotAnswer) -> Carried {
        switch answer {
        case .ok: Carried(verdict: .sent, status: 200)
        case .failed(.stopped), .failed(.cancelled): Carried(verdict: .notTried)
        case .failed(let fault): Carried(verdict: .failed, error: fault.rawValue)
        case .refused(let refusal): carried(refusal)
        }
    }

    private static func carried(_ refusal: BotRefusal) -> Carried {
        let (code, words) = (refusal.code, refusal.description.lowercased())
        switch code {
        case 429:
            let wait = min(max(refusal.retryAfter ?? .seconds(5), .seconds(1)), .seconds(86400))
            return Carried(verdict: .postponed(wait), status: code, error: "too_many_requests")
        // Sent a second time, it finds that the first had arrived.
        case 400 where words.contains("message is not modified") || words.contains("message to delete not found"):
            return Carried(verdict: .sent, status: code)
        case 400 where words.contains("chat not found"):
            return Carried(verdict: .hopeless, status: code, error: "chat_not_found")
        case 400, 413: return Carried(verdict: .hopeless, status: code, error: "message_refused")
        case 403 where words.contains("blocked"):
            return Carried(verdict: .hopeless, status: code, error: "bot_blocked")
        case 403: return Carried(verdict: .hopeless, status: code, error: "chat_closed")
        // The token was withdrawn; the next may be in force before the last attempt.
        case 401, 404: return Carried(verdict: .failed, status: code, error: "token_refused")
        default: return Carried(verdict: .failed, status: code, error: "status_refused")
        }
    }
}
