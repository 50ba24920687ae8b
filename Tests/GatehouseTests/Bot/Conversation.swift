import Ground
import Testing

/// A server whose bot hears by polling, and the people who talk with it.
struct Conversation: Sendable {
    static let polling = ["TELEGRAM_UPDATES": "polling"]

    let telegram: LocalTelegram
    let gatehouse: Gatehouse

    private var signer: SignedByTelegram { SignedByTelegram(telegram.token.text) }

    /// Says something to the bot.
    /// - Returns: what it answers.
    func ask(_ person: Int64, _ text: String) async throws -> String { try await askFor(person, text)["text"]?.string ?? "" }

    /// The same, with the whole message.
    func askFor(_ person: Int64, _ text: String) async throws -> JSON {
        let before = try telegram.said(person).count
        try telegram.says(person, text)
        return try #require(try await telegram.said(person, before + 1).last)
    }

    /// Presses the button of a message with that label.
    /// - Returns: what the bot shows for a moment.
    func press(_ person: Int64, _ message: JSON, _ label: String) async throws -> String? {
        try await press(person, message, data: try #require(message.button(label), "\(message.text)"))
    }

    func press(_ person: Int64, _ message: JSON, data: String, in chat: Int64? = nil) async throws -> String? {
        let before = try telegram.calls("answerCallbackQuery").count
        try telegram.presses(person, message, data, in: chat, forged: true)
        var answer: JSON?
        let isAnswered = try await eventually {
            let calls = try telegram.calls("answerCallbackQuery")
            answer = calls.last
            return calls.count > before
        }
        try #require(isAnswered, "the press was not answered")
        return answer?["parameters"]?["text"]?.string
    }

    /// What a message says by now.
    func text(of message: JSON, in chat: Int64) throws -> String? {
        try telegram.messages(chat).first { $0["message_id"] == message["message_id"] }?["text"]?.string
    }

    /// Waits until a message says it.
    func says(_ message: JSON, in chat: Int64, _ words: String) async throws -> Bool {
        try await eventually { try text(of: message, in: chat)?.contains(words) == true }
    }

    /// Somebody of Telegram with an account.
    func member(_ name: String = "Ada", language: String? = nil) throws -> (person: Int64, member: Member) {
        let person = try telegram.person(name, language: language)
        return (person, try Member(gatehouse, email: "", reply: try gatehouse.miniApp(person, name, signer: signer)))
    }

    /// Binds an account to somebody of Telegram.
    func link(_ member: Member, _ name: String = "Root", language: String? = nil) throws -> Int64 {
        let person = try telegram.person(name, language: language)
        let data = signer.initData(person, name, at: gatehouse.clock.now, queryID: "\(RandomSource.system.uint64())")
        let reply = try member.post("/auth/telegram/link", ["init_data": .string(data)])
        try #require(reply.status == 200, "\(reply.text)")
        return person
    }
}

extension JSON {
    /// What stands on the button of a message with that label.
    func button(_ label: String) -> String? {
        let rows = self["reply_markup"]?["inline_keyboard"]?.array ?? []
        return rows.flatMap { $0.array ?? [] }.first { $0["text"]?.string == label }?["callback_data"]?.string
    }
}

/// Runs `body` with a server whose bot hears.
func withConversation(
    on kind: StoreKind = .sqliteInMemory, _ settings: [String: String] = [:], _ body: (Conversation) async throws -> Void
) async throws {
    let telegram = try LocalTelegram()
    let settings = telegram.settings.merging(Conversation.polling) { $1 }.merging(settings) { $1 }
    try await withGatehouse(on: kind, settings) { try await body(Conversation(telegram: telegram, gatehouse: $0)) }
}
