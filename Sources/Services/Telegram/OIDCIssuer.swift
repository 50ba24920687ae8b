import Ground
import JOSE
import Outgoing

/// Telegram as an issuer of OpenID Connect (OpenID Connect Discovery 1.0): where it answers, and with which keys it signs.
struct OIDCIssuer: Sendable {
    /// Where it answers.
    struct Places: Sendable {
        let authorization: String
        let token: String
        let keys: String
    }

    /// What came back for a code.
    enum Exchange: Sendable {
        case token(String)
        /// The code, or the client, is not taken; with the error of RFC 6749, section 5.2.
        case refused(String)
    }

    private static let timeout = Duration.seconds(10)
    private static let answerLimit = 1 << 18
    private static let jsonLimits = JSONLimits(depth: 8, values: 4096)

    let url: String
    private let courier: Courier
    private let log: Log
    private let places: Fetched<Places>
    private let trusted: Fetched<KeySet>

    init(_ settings: TelegramSettings, courier: Courier, clock: Clock, log: Log) {
        let url = settings.oidcIssuer
        self.url = url
        self.courier = courier
        self.log = log
        let places = Fetched<Places>(clock: clock) { () async throws(AuthError) in
            let (json, lifetime) = try await Self.get(url + "/.well-known/openid-configuration", courier, log)
            guard let places = Self.places(in: json, of: url) else {
                throw Self.failed(url, "what it says of itself is not as it must be", log)
            }
            return (places, lifetime)
        }
        self.places = places
        trusted = Fetched<KeySet>(clock: clock) { () async throws(AuthError) in
            let address = try await places.value().keys
            let (json, lifetime) = try await Self.get(address, courier, log)
            guard let keys = try? KeySet(jwks: json) else { throw Self.failed(address, "its keys cannot be read", log) }
            // A shared secret is no key of an issuer: whoever verifies with it could sign.
            return (KeySet(keys.keys.filter { $0.key.algorithm != .hs256 }), lifetime)
        }
    }

    func places() async throws(AuthError) -> Places { try await places.value() }
    func keys() async throws(AuthError) -> KeySet { try await trusted.value() }
    /// Fetched anew, for a token whose key is not among those that are known.
    /// - Returns: nil where that was done a moment ago.
    func renewedKeys() async throws(AuthError) -> KeySet? { try await trusted.renewed() }

    /// Trades a code for an ID token (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
    func exchange(_ code: String, verifier: String, redirect: String, for bot: Bot, secret: ClientSecret)
        async throws(AuthError) -> Exchange
    {
        let address = try await places().token
        let body = FormText.encode([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("client_id", "\(bot.id)"),
            ("code_verifier", verifier),
        ])
        let credentials = Base64.encode(Array("\(bot.id):\(PercentCoding.encode(secret.text))".utf8))
        let request = OutgoingRequest(
            url: address,
            headers: [
                "Content-Type: application/x-www-form-urlencoded", "Accept: application/json",
                "Authorization: Basic \(credentials)", "User-Agent: Gatehouse", "Expect:",
            ], body: body)
        let outcome = await courier.send(request, by: Self.rules(for: address))
        let json = try? JSON.parse(outcome.answer.body, limits: Self.jsonLimits)
        if outcome.fault == nil, outcome.status == 200, let token = json?["id_token"]?.string { return .token(token) }
        guard outcome.fault == nil, let status = outcome.status, (400...403).contains(status), let json else {
            throw Self.failed(address, outcome.fault?.rawValue ?? "its answer has no id_token", log)
        }
        return .refused(Self.word(json["error"]))
    }

    private static func get(_ url: String, _ courier: Courier, _ log: Log) async throws(AuthError) -> (JSON, Duration?) {
        let request = OutgoingRequest(
            url: url, headers: ["Accept: application/json", "User-Agent: Gatehouse"], content: .get)
        let outcome = await courier.send(request, by: rules(for: url))
        guard outcome.fault == nil, outcome.status == 200,
            let json = try? JSON.parse(outcome.answer.body, limits: jsonLimits), json.members != nil
        else { throw failed(url, outcome.fault?.rawValue ?? "its answer cannot be read", log) }
        return (json, outcome.answer.maximumAge)
    }

    private static func rules(for url: String) -> OutgoingSettings {
        OutgoingSettings(toConfigured: url, timeout: timeout, answerLimit: answerLimit)
    }

    /// - Returns: nil where it is another issuer's, or leads to where its secrets would be heard by others.
    private static func places(in json: JSON, of issuer: String) -> Places? {
        func address(_ name: String) -> String? {
            guard let text = json[name]?.string, text.utf8.count <= 2048,
                text.hasPrefix("https://") || (issuer.hasPrefix("http://") && text.hasPrefix("http://")),
                text.utf8.allSatisfy({ (33...126).contains($0) && $0 != 35 })
            else { return nil }
            return text
        }
        guard json["issuer"]?.string == issuer, let authorization = address("authorization_endpoint"),
            let token = address("token_endpoint"), let keys = address("jwks_uri")
        else { return nil }
        return Places(authorization: authorization, token: token, keys: keys)
    }

    private static func failed(_ url: String, _ reason: String, _ log: Log) -> AuthError {
        log.warning("telegram.issuer_failed") { line in
            line.member("url", url)
            line.member("reason", reason)
        }
        return .telegramUnreachable
    }

    /// An error code, if it is one.
    static func word(_ json: JSON?) -> String {
        guard let text = json?.string, (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ (97...122).contains($0) || $0 == 95 })
        else { return "unknown" }
        return text
    }
}
