import Ground
import HTTP
import QRCode
import Services
import Testing

@Suite("Going in through Telegram with a browser") struct TelegramDoorTests {
    private let signer = SignedByTelegram()
    private let path = "/auth/telegram/callback?"

    @Test("what the widget sends back signs the browser in, and leads on", arguments: Stores.all)
    func widget(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let query = signer.widgetQuery(42, at: gatehouse.clock.now)
            let reply = try gatehouse.client.send("GET", path + "return_to=%2Fwelcome%3Fa%3D1&" + query)
            #expect(reply.status == 302)
            #expect(reply.header("location") == "\(gatehouse.services.configuration.server.publicURL)/welcome?a=1")
            let token = try #require(reply.cookie("refreshToken"))
            let headers = ["Cookie": "refreshToken=\(token)"]
            let tokens = try gatehouse.client.send("POST", "/auth/refresh-token", headers: headers)
            #expect(tokens["user"]?["name"] == "Ada K")
            // A browser that is known stays known.
            #expect(reply.cookie("gatehouse_device") == nil)
            let again = try gatehouse.client.send("GET", path + query)
            #expect(again.status == 302 && again.cookie("refreshToken") == nil)
            #expect(again.header("location")?.hasSuffix("/?error=telegram_data_replayed") == true)
        }
    }

    @Test("what is not signed leads on without a session, and what cannot be read leads nowhere")
    func notSigned() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let query = signer.widgetQuery(42, at: gatehouse.clock.now)
            let forged = try gatehouse.client.send("GET", path + query.dropLast() + "_")
            #expect(forged.header("location")?.hasSuffix("?error=telegram_data_not_signed") == true)
            let other = try gatehouse.client.send("GET", path + "bot_id=7&" + query)
            #expect(other.header("location")?.hasSuffix("?error=telegram_not_configured") == true)
            for extra in ["return_to=//evil.example&", "return_to=/a&return_to=/b&", "bot_id=x&", "return_to=%zz&"] {
                let reply = try gatehouse.client.send("GET", path + extra + query)
                #expect(reply.status == 400 && reply.header("location") == nil, "\(extra)")
            }
            #expect(try gatehouse.client.send("GET", path + query).cookie("refreshToken") != nil)
        }
    }

    @Test("browsers go back to this server, or to origins of the settings", arguments: [
        ("/", true), ("/a/b?c=d&e=%2F", true), ("https://app.example.com", true), ("https://app.example.com/x?y", true),
        ("https://app.example.com?x", true), ("//evil.example", false), ("/\\evil.example", false),
        ("https://app.example.com.evil.example", false), ("https://app.example.com:444/", false),
        ("https://app.example.com@evil.example/", false), ("http://app.example.com/", false),
        ("javascript:alert(1)", false), ("/a b", false), ("/\u{e9}", false), ("/a#b", false), ("", false), ("x", false),
        ("HTTPS://APP.EXAMPLE.COM/", false), ("/\u{7f}", false),
    ])
    func addresses(text: String, isAllowed: Bool) {  // security cases 23, 24
        #expect((ReturnAddress(text, origins: ["https://app.example.com"]) != nil) == isAllowed)
        #expect(text.hasPrefix("/") || ReturnAddress(text, origins: []) == nil)
    }

    @Test("the reason is added to what is there")
    func reasons() throws {
        let plain = try #require(ReturnAddress("/a", origins: []))
        #expect(plain.url(publicURL: "https://id.example") == "https://id.example/a")
        #expect(plain.url(publicURL: "https://id.example", error: "e") == "https://id.example/a?error=e")
        let asked = try #require(ReturnAddress("/a?b", origins: []))
        #expect(asked.url(publicURL: "https://id.example", error: "e") == "https://id.example/a?b&error=e")
    }

    @Test("a nonce stays with its browser, and comes anew each time")
    func nonces() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let one = try gatehouse.client.send("POST", "/auth/telegram/nonce")
            let two = try gatehouse.client.send("POST", "/auth/telegram/nonce")
            #expect(one.status == 201 && one["expires_in"] == 600 && one["nonce"] != two["nonce"])
            let cookie = try #require(one.headers("set-cookie").first)
            #expect(cookie.hasPrefix("gatehouse_nonce=") && cookie.contains("HttpOnly; SameSite=Strict"))
            #expect(!cookie.contains(one["nonce"]?.string ?? "?"))
        }
    }

    @Test("a QR code has its three corners, its margin, and a limit")
    func codes() throws {
        let code = try #require(QRCode("https://t.me/gatehouse_bot?start=in_abc"))
        #expect(code.width % 4 == 1 && code.width >= 21)
        for (row, column) in [(0, 0), (0, code.width - 7), (code.width - 7, 0)] {
            #expect((0..<7).allSatisfy { code.isDark(row: row, column: column + $0) && code.isDark(row: row + 6, column: column + $0) })
        }
        #expect(!code.isDark(row: -1, column: 0) && !code.isDark(row: 0, column: code.width))
        #expect(code.svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(code.width + 8) \(code.width + 8)\""))
        #expect(QRCode("") == nil && QRCode(String(repeating: "x", count: 4000)) == nil)
    }
}
