import Credentials
import Ground
import Services
import Testing

@Suite("Second factors of Mini Apps that keep one token") struct MiniAppFactorTests {
    private let signer = SignedByTelegram()

    /// Signs in as somebody of Telegram.
    private func enter(_ browser: inout Browser, _ id: Int64 = 42) throws -> HTTPClient.Reply {
        let data = signer.initData(id, at: browser.gatehouse.clock.now, queryID: "\(RandomSource.system.uint64())")
        return try browser.send("POST", "/api/v2/auth/telegram", ["initData": .string(data)])
    }

    private func linked(_ gatehouse: Gatehouse) throws -> Member {
        let ada = try gatehouse.registered()
        let proof = signer.initData(42, at: gatehouse.clock.now, queryID: "link")
        try #require(try ada.post("/auth/telegram/link", ["init_data": .string(proof)]).status == 200)
        return ada
    }

    private func asked(_ reply: HTTPClient.Reply) throws -> JSON {
        try #require(reply.status == 200 && reply["success"] == true && reply["data"]?["token"] == nil, "\(reply.text)")
        #expect(reply.cookie("refreshToken") == nil)
        return try #require(reply["data"]?["second_factor_token"])
    }

    private func entered(_ reply: HTTPClient.Reply, by methods: JSON) throws {
        try #require(reply.status == 200 && reply["success"] == true, "\(reply.text)")
        let token = try #require(reply["data"]?["token"]?.string)
        let claims = try Member.claims(token)
        #expect(claims["telegram_id"] == 42 && claims["amr"] == methods && claims["acr"] == "aal2", "\(claims.text)")
        #expect(reply.headers("set-cookie").contains { $0.hasPrefix("refreshToken=ghr_") && $0.contains("Path=/api/v2/auth;") })
    }

    @Test("a code of the app ends a sign-in, and a browser that is remembered is not asked again", arguments: Stores.all)
    func remembered(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let app = try linked(gatehouse).authenticator()
            var browser = Browser(gatehouse)
            let first = try enter(&browser)
            #expect(first.headers("set-cookie").contains { $0.hasPrefix("gatehouse_device=") && $0.contains("Path=/api/v2/auth;") })
            let order: JSON = [
                "second_factor_token": try asked(first), "code": .string(app.nextCode()), "remember_device": true,
            ]
            // Elsewhere the token is worth nothing.
            var thief = Browser(gatehouse)
            let refused = try thief.send("POST", "/api/v2/auth/2fa/login", order)
            #expect(refused.status == 401 && refused["success"] == false && refused.code == "token_invalid", "\(refused.text)")
            try entered(try browser.send("POST", "/api/v2/auth/2fa/login", order), by: ["telegram", "otp", "mfa"])
            let again = try enter(&browser)
            #expect(again["data"]?["token"] != nil, "\(again.text)")
            _ = try asked(try enter(&thief))
        }
    }

    @Test("a code by mail is asked for and ends a sign-in", arguments: Stores.all)
    func byMail(on kind: StoreKind) async throws {
        let folder = MailFolder()
        try await withGatehouse(on: kind, SignedByTelegram.settings.merging(folder.settings) { $1 }) { gatehouse async throws in
            let ada = try linked(gatehouse)
            func code(_ count: Int) async throws -> JSON {
                let words = try await folder.mails(.signInCode, count).last?.text.split { $0.isWhitespace }
                return .string(String(try #require(words?.first { $0.utf8.count == 6 && $0.allSatisfy(\.isNumber) })))
            }
            _ = try ada.post("/auth/2fa/setup", ["method": "email"])
            #expect(try ada.post("/auth/2fa/enable", ["method": "email", "code": try await code(1)]).status == 200)
            gatehouse.clock.advance(by: .seconds(2))
            var browser = Browser(gatehouse)
            let token = try asked(try enter(&browser))
            let telegram = try browser.send("POST", "/api/v2/auth/2fa/code", ["second_factor_token": token, "method": "telegram"])
            #expect(telegram.status == 409 && telegram["success"] == false && telegram.code == "second_factor_unavailable")
            let sent = try browser.send("POST", "/api/v2/auth/2fa/code", ["second_factor_token": token, "method": "email"])
            #expect(sent.status == 202 && sent["success"] == true && sent["data"] == [:], "\(sent.text)")
            let order: JSON = ["second_factor_token": token, "method": "email", "code": try await code(2)]
            try entered(try browser.send("POST", "/api/v2/auth/2fa/login", order), by: ["telegram", "email", "mfa"])
        }
    }

    @Test("where one is required it is set up on the way in", arguments: Stores.all)
    func enrolment(on kind: StoreKind) async throws {
        let settings = SignedByTelegram.settings.merging(["SECOND_FACTOR_GRACE": "0"]) { $1 }
        try await withGatehouse(on: kind, settings) { gatehouse in
            let ada = try linked(gatehouse)
            let company = try #require(ada.companyID)
            #expect(try ada.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
            gatehouse.clock.advance(by: .seconds(1))
            var browser = Browser(gatehouse)
            let reply = try enter(&browser)
            #expect(reply["data"]?["enrolment_required"] == true)
            let token = try asked(reply)
            let setup = try browser.send("POST", "/api/v2/auth/2fa/enrolment/setup", ["second_factor_token": token])
            #expect(setup["success"] == true && setup["data"]?["otpauth_uri"] != nil, "\(setup.text)")
            let app = try Authenticator(gatehouse, secret: try #require(setup["data"]?["secret"]?.string))
            func enrol(_ code: String) throws -> HTTPClient.Reply {
                try browser.send(
                    "POST", "/api/v2/auth/2fa/enrolment", ["second_factor_token": token, "code": .string(code)])
            }
            let wrong = try enrol(app.wrongCode())
            #expect(wrong["success"] == false && wrong.code == "code_invalid")
            let done = try enrol(app.nextCode())
            try entered(done, by: ["telegram", "otp", "mfa"])
            #expect(done["data"]?["recovery_codes"]?.array?.count == 10)
            #expect(try enrol(app.nextCode()).code == "token_invalid")
        }
    }

    @Test("a passkey ends a sign-in", arguments: Stores.all)
    func passkey(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try linked(gatehouse))
            let key = try ada.newPasskey(for: "second_factor")
            var browser = Browser(gatehouse)
            let token = try asked(try enter(&browser))
            let path = "/api/v2/auth/passkeys/second-factor"
            let options = try browser.send("POST", path + "-options", ["second_factor_token": token])
            try #require(options["success"] == true, "\(options.text)")
            let order: JSON = ["second_factor_token": token, "credential": key.get(try #require(options["data"]))]
            try entered(try browser.send("POST", path, order), by: ["telegram", "hwk", "mfa"])
            let again = try browser.send("POST", path, order)
            #expect(again.status == 401 && again["success"] == false && again.code == "token_invalid", "\(again.text)")
        }
    }
}
