import Credentials
import Ground
import Services
import Testing

@Suite("Codes that come by e-mail") struct MailFactorTests {
    /// The six digits in a mail.
    private func code(in mail: ReceivedMail) throws -> String {
        let word = mail.text.split { $0.isWhitespace }.first { $0.utf8.count == 6 && $0.allSatisfy(\.isNumber) }
        return String(try #require(word, "\(mail.text)"))
    }

    @Test("a code by e-mail is a second factor beside the password, once", arguments: Stores.all)
    func wholeWay(on kind: StoreKind) async throws {
        let folder = MailFolder()
        try await withGatehouse(on: kind, folder.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            #expect(try ada.post("/auth/2fa/setup", ["method": "email"]).status == 200)
            let setup = try code(in: try await folder.mail(.signInCode))
            let enabled = try ada.post("/auth/2fa/enable", ["method": "email", "code": .string(setup)])
            #expect(enabled.status == 200 && enabled["recovery_codes"]?.array?.count == 10, "\(enabled.text)")
            var browser = Browser(gatehouse)
            let asked = try browser.login()
            #expect(asked["methods"] == ["email", "recovery_code"])
            let token = try #require(asked["second_factor_token"]?.string)
            let order: JSON = ["second_factor_token": .string(token), "method": "email"]
            // Nobody else can have one sent.
            #expect(try gatehouse.client.send("POST", "/auth/2fa/code", json: order).code == "token_invalid")
            #expect(try browser.finish(token, setup, method: "email").code == "code_invalid")
            gatehouse.clock.advance(by: .seconds(2))
            #expect(try browser.send("POST", "/auth/2fa/code", order).status == 202)
            let mails = try await folder.mails(.signInCode, 2)
            let codes = try mails.map { try code(in: $0) }
            let sent = try #require(codes.first { $0 != setup })
            let done = try browser.finish(token, sent, method: "email")
            #expect(done.status == 200, "\(done.text)")
            #expect(try Member.claims(done["access_token"]?.string ?? "")["amr"] == ["pwd", "email", "mfa"])
            #expect(try browser.finish(try browser.challenged(), sent, method: "email").code == "code_invalid")
        }
    }

    @Test("a code by e-mail is good for five minutes")
    func expiry() async throws {
        let folder = MailFolder()
        try await withGatehouse(folder.settings) { gatehouse async throws in
            let ada = try gatehouse.registered()
            _ = try ada.post("/auth/2fa/setup", ["method": "email"])
            let sent = try code(in: try await folder.mail(.signInCode))
            gatehouse.clock.advance(by: .seconds(300))
            #expect(try ada.post("/auth/2fa/enable", ["method": "email", "code": .string(sent)]).code == "code_invalid")
        }
    }

    @Test("where no mail leaves, no code does")
    func withoutMail() async throws {
        try await withGatehouse(["MAIL_URL": "off"]) { gatehouse in
            let ada = try gatehouse.registered()
            #expect(try ada.post("/auth/2fa/setup", ["method": "email"]).code == "second_factor_unavailable")
        }
    }
}
