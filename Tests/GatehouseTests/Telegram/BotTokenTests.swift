import Services
import Testing

@Suite("The token of a bot") struct BotTokenTests {
    private static let secret = "AAGM5kLk8cAk9x0Q3PqV-mN_abcdefghijk"

    @Test("it is the bot's id and a secret", arguments: [
        "123456:\(secret)", "7:\(String(repeating: "a", count: 20))", "9999999999:\(String(repeating: "Z", count: 128))",
    ])
    func form(text: String) throws {
        let token = try #require(BotToken(text))
        #expect(token.text == text)
        #expect("\(token.botID)" == text.split(separator: ":").first.map(String.init))
    }

    @Test("what has not that form is none", arguments: [
        "", ":", "123456", "123456:", ":\(secret)", "123456:short", "abc:\(secret)", "-1:\(secret)", "+1:\(secret)",
        "0:\(secret)", "0123:\(secret)", "123456: \(secret)", "123456:\(secret)/", "123456:\(secret)\n",
        "123456:\(secret):x", "123456:\(secret)?", "123456:AAGM5kLk8cAk9x0Q3PqV../getMe", "١٢٣:\(secret)",
        "12345678901234567:\(secret)", "1:\(String(repeating: "a", count: 129))", "bot123456:\(secret)",
    ])
    func noToken(text: String) {
        #expect(BotToken(text) == nil)
    }

    @Test("whatever is printed of it, the secret is not")
    func printing() throws {
        let token = try #require(BotToken("123456:\(Self.secret)"))
        var dumped = ""
        dump(token, to: &dumped)
        dump([Optional(token)], to: &dumped)
        struct Holder { let token: BotToken }
        let all = ["\(token)", String(reflecting: token), "\([token])", "\(Holder(token: token))", dumped]
        for text in all {
            #expect(!text.contains(Self.secret.prefix(8)) && text.contains("123456"))
        }
    }

    @Test("a setting that is none stops the start, and is not repeated")
    func setting() throws {
        var reader = SettingReader(environment: ["TELEGRAM_BOT_TOKEN": "123456:\(Self.secret)!"])
        do {
            _ = try Configuration(reading: &reader)
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains("TELEGRAM_BOT_TOKEN") && !"\(error)".contains(Self.secret))
        }
    }

    @Test("the address of the Bot API is kept without a slash at its end", arguments: [
        ("https://api.telegram.org/", "https://api.telegram.org"), ("HTTP://10.0.0.5:8081", "http://10.0.0.5:8081"),
        ("http://[::1]:8081//", "http://[::1]:8081"), ("https://proxy.example/telegram/", "https://proxy.example/telegram"),
        ("", "https://api.telegram.org"),
    ])
    func url(given: String, kept: String) throws {
        var reader = SettingReader(environment: ["TELEGRAM_API_URL": given])
        #expect(try Configuration(reading: &reader).telegram.apiURL == kept)
    }

    @Test("an address that no method can be put behind is refused", arguments: [
        "api.telegram.org", "ftp://api.telegram.org", "https://", "https:///x", "https://a.b/?x=1", "https://a.b/#x",
        "https://user@a.b", "https://a b", "https://a.b/%2e", "https://:80",
    ])
    func noURL(given: String) {
        var reader = SettingReader(environment: ["TELEGRAM_API_URL": given])
        #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &reader) }
    }
}
