import Ground
import Outgoing

/// What the Bot API made of a call.
public enum BotAnswer: Sendable {
    /// With the `result` of the answer.
    case ok(JSON)
    case refused(BotRefusal)
    /// No answer came that could be understood.
    case failed(OutgoingOutcome.Fault)
}

/// Telegram's no.
public struct BotRefusal: Sendable {
    /// The code of the answer, which is the status of HTTP.
    public let code: Int
    /// In Telegram's words, for people; empty where something between here and Telegram answered.
    public let description: String
    /// How long nothing more is to be sent.
    public let retryAfter: Duration?
    /// The group has become another chat.
    public let migratedTo: Int64?
}

/// Calls the methods of Telegram's Bot API.
///
/// The token stands in the address, so addresses are made here and given to nobody but the courier.
public struct BotAPI: Sendable {
    /// For a call that does not wait for anything.
    public static let timeout = Duration.seconds(15)
    /// A hundred of the largest updates.
    private static let answerLimit = 16 << 20
    private static let jsonLimits = JSONLimits(depth: 64, values: 1_000_000)

    private let url: String
    private let courier: Courier

    public init(_ settings: TelegramSettings, courier: Courier) {
        url = settings.apiURL
        self.courier = courier
    }

    /// Calls a method. A task that is cancelled gives the call up.
    /// - Parameter timeout: for all of it. Long polling needs some seconds more than it asks Telegram to wait.
    public func call(
        _ method: String, of token: BotToken, _ parameters: JSON = [:], timeout: Duration = BotAPI.timeout
    ) async -> BotAnswer {
        guard !method.isEmpty, method.utf8.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) }) else {
            return .failed(.notSent)
        }
        let request = OutgoingRequest(
            url: "\(url)/bot\(token.text)/\(method)",
            headers: [
                "Content-Type: application/json", "Accept: application/json", "User-Agent: Gatehouse", "Expect:",
            ],
            body: parameters.text)
        let outcome = await courier.send(
            request,
            by: OutgoingSettings(toConfigured: url, timeout: timeout, answerLimit: Self.answerLimit))
        return Self.answer(outcome, to: token)
    }

    private static func answer(_ outcome: OutgoingOutcome, to token: BotToken) -> BotAnswer {
        if let fault = outcome.fault { return .failed(fault) }
        let status = outcome.status ?? 0
        let json = try? JSON.parse(outcome.answer.body, limits: jsonLimits)
        if (200...299).contains(status), json?["ok"] == true, let result = json?["result"] { return .ok(result) }
        guard status >= 400 else { return .failed(.answerInvalid) }
        let parameters = json?["parameters"]
        let asked = parameters?["retry_after"]?.integer.flatMap { (0...1_000_000).contains($0) ? Duration.seconds($0) : nil }
        let words = json?["description"]?.string ?? ""
        return .refused(
            BotRefusal(
                code: status,
                // Whatever answers might repeat the address, and with it the token.
                description: words.contains(token.text) ? "" : words,
                retryAfter: asked ?? outcome.answer.retryAfter,
                migratedTo: parameters?["migrate_to_chat_id"]?.integer))
    }
}
