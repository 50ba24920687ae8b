import Credentials
import Ground
import Store

/// What somebody shows to prove who they are to Telegram.
public enum TelegramEvidence: Sendable {
    /// Fields of the Login Widget, each as text.
    case widget([(name: String, value: String)])
    /// Those as a query string.
    case widgetQuery(String)
    /// What a Mini App was opened with.
    case initData(String)
    /// An ID token of OpenID Connect, and what the browser keeps of its nonce.
    case idToken(String, nonce: String?)

    /// - Throws: `.notSigned` where another bot's may be.
    func proof(for bot: Bot, settings: TelegramSettings, at now: Timestamp) throws(TelegramFault) -> TelegramProof {
        switch self {
        case .widget(let fields):
            try LoginWidget.proof(
                of: TelegramFields(fields), for: bot.id, bot.keys, at: now, maximumAge: settings.authMaximumAge)
        case .widgetQuery(let query):
            try LoginWidget.proof(
                of: TelegramFields(query: query), for: bot.id, bot.keys, at: now, maximumAge: settings.authMaximumAge)
        case .initData(let text):
            try InitData.proof(
                of: TelegramFields(query: text), for: bot.id, bot.keys, at: now, maximumAge: settings.initDataMaximumAge)
        // Signed with the issuer's keys, and not with a bot's.
        case .idToken: throw .notSigned
        }
    }
}
