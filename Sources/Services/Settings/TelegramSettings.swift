import Ground

/// How the server works with Telegram.
public struct TelegramSettings: Sendable {
    /// How the bots hear of what people write and press.
    public enum Updates: String, Sendable, CaseIterable { case polling, webhook, off }

    /// Scheme, host and port, and a path where there is one; no slash at the end.
    public let apiURL: String
    public let botToken: BotToken?
    /// Of the bot as a client of OpenID Connect.
    public let clientSecret: ClientSecret?
    /// Of OpenID Connect, as its tokens name it.
    public let oidcIssuer: String
    /// What is asked for there, separated by spaces.
    public let oidcScopes: String
    public let updates: Updates
    public let autoCreates: Bool
    /// Whether people come in without any proof, for development.
    public let registersDirectly: Bool
    /// How old what the Login Widget signed may be.
    public let authMaximumAge: Duration
    /// How old what opened a Mini App may be.
    public let initDataMaximumAge: Duration

    init(reading reader: inout SettingReader) {
        botToken = reader.readOptional(
            "TELEGRAM_BOT_TOKEN", "a token as BotFather gives it", isSecret: true,
            "The server's own bot; others are added over the interface."
        ) { BotToken($0) }
        clientSecret = reader.readOptional(
            "TELEGRAM_CLIENT_SECRET", "the client secret as BotFather gives it", isSecret: true,
            "Lets people come in by Log In With Telegram (OpenID Connect) through the server's own bot."
        ) { ClientSecret($0) }
        oidcIssuer = reader.read(
            "TELEGRAM_OIDC_ISSUER", "an http or https address", default: Self.standardIssuer, shownAs: Self.standardIssuer,
            "The issuer of Log In With Telegram. Over http it must be in a private network."
        ) { Self.base($0) }
        oidcScopes = reader.read(
            "TELEGRAM_OIDC_SCOPES", "scopes with openid and profile among them", default: "openid profile",
            shownAs: "openid profile",
            "What Log In With Telegram asks for; phone takes the telephone number over, telegram:bot_access lets the bot write."
        ) { Self.scopes($0) }
        updates = reader.choice(
            "TELEGRAM_UPDATES", default: .polling,
            "How bots hear of messages and buttons: ask for them, be told at PUBLIC_URL, or not at all.")
        autoCreates = reader.flag(
            "TELEGRAM_AUTO_CREATE", default: true,
            "Whether a stranger who signs in through Telegram gets an account; otherwise an access request is made.")
        registersDirectly = reader.flag(
            "TELEGRAM_DIRECT_REGISTRATION", default: false,
            "For development: `direct_registration` of `/api/v2` takes anybody's word for who they are. Refused in production.")
        authMaximumAge = reader.duration(
            "TELEGRAM_AUTH_MAX_AGE", default: "5m", from: .seconds(10), to: .seconds(86400),
            "How old what the Login Widget signed may be.")
        initDataMaximumAge = reader.duration(
            "TELEGRAM_INIT_DATA_MAX_AGE", default: "24h", from: .seconds(10), to: .seconds(7 * 86400),
            "How old what opened a Mini App may be.")
        apiURL = reader.read(
            "TELEGRAM_API_URL", "an http or https address", default: Self.standardURL, shownAs: Self.standardURL,
            "Where the Bot API is: Telegram's, or a server of one's own. Over http it must be in a private network."
        ) { Self.base($0) }
    }

    private static let standardIssuer = "https://oauth.telegram.org"

    /// Without `profile` no token says who somebody is.
    private static func scopes(_ text: String) -> String? {
        let scopes = text.spaceSeparated
        let areWords = scopes.allSatisfy { $0.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 || $0 == 58 } }
        return areWords && scopes.contains("openid") && scopes.contains("profile") ? scopes.joined(separator: " ") : nil
    }

    private static let standardURL = "https://api.telegram.org"

    /// The address without a slash at its end; nil for what cannot have the name of a method put behind it.
    private static func base(_ text: String) -> String? {
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard scheme == "https" || scheme == "http", text.dropFirst(scheme.count).hasPrefix("://") else { return nil }
        let rest = text.dropFirst(scheme.count + 3)
        let allowed = rest.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 47, 58, 91, 93, 95, 126: true
            default: false
            }
        }
        guard allowed, let first = rest.first, first != "/", first != ":" else { return nil }
        var base = "\(scheme)://\(rest)"
        while base.hasSuffix("/") { base.removeLast() }
        return base
    }
}
