import Ground
import Services
import Testing

@Suite("Signing in by a link in a mail") struct MagicLinkTests {
    private func withLinks(
        on kind: StoreKind = .sqliteInMemory, _ body: (Gatehouse, MailFolder) async throws -> Void
    ) async throws {
        try await withMail(on: kind, ["MAGIC_LINK": "true"], body)
    }

    private func ask(_ gatehouse: Gatehouse, _ email: String = "ada@example.com", cookie: String? = nil) throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/auth/magic-link/request", json: ["email": .string(email)],
            headers: cookie.map { ["Cookie": "gatehouse_magic_link=\($0)"] } ?? [:])
    }

    private func follow(_ gatehouse: Gatehouse, _ token: String, cookie: String?) throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/auth/magic-link/session", json: ["token": .string(token)],
            headers: cookie.map { ["Cookie": "gatehouse_magic_link=\($0)"] } ?? [:])
    }

    /// Ada with a proved address.
    private func proved(_ gatehouse: Gatehouse, _ mails: MailFolder) async throws -> Member {
        let ada = try gatehouse.registered()
        let token = try await mails.mail(.emailVerification).token
        let reply = try gatehouse.client.send("POST", "/auth/email-verification/confirm", json: ["token": .string(token)])
        try #require(reply.status == 200)
        return ada
    }

    @Test("case 53: the first who comes in by the address takes everything from whoever made the account before")
    func case53Takeover() async throws {
        try await withLinks { gatehouse, mails async throws in
            let eve = try gatehouse.registered()
            let cookie = try #require(try ask(gatehouse).cookie("gatehouse_magic_link"))
            let first = try follow(gatehouse, try await mails.mail(.magicLink).token, cookie: cookie)
            let ada = try Member(gatehouse, email: "ada@example.com", reply: first)
            #expect(try ada.isSignedIn() && !eve.isSignedIn())
            #expect(try gatehouse.login().code == "credentials_invalid")
        }
    }

    @Test("the link signs in the browser that asked for it, once, and no other", arguments: Stores.all)
    func whole(on kind: StoreKind) async throws {  // case 35
        try await withLinks(on: kind) { gatehouse, mails async throws in
            _ = try await proved(gatehouse, mails)
            let asked = try ask(gatehouse)
            let cookie = try #require(asked.cookie("gatehouse_magic_link"))
            let set = try #require(asked.headers("set-cookie").first { $0.hasPrefix("gatehouse_magic_link") })
            #expect(asked.status == 202 && set.contains("HttpOnly") && set.contains("SameSite=Strict"))
            let token = try await mails.mail(.magicLink).token
            let other = Base64URL.encode([UInt8](repeating: 7, count: 32))
            for wrong in [nil, "", "x", other, cookie + "x"] {
                #expect(try follow(gatehouse, token, cookie: wrong).code == "link_invalid")
            }
            #expect(try await gatehouse.audit("sign_in.failed").map(\.metadata) == [String](
                repeating: #"{"reason":"link_invalid"}"#, count: 5))
            let signedIn = try follow(gatehouse, token, cookie: cookie)
            #expect(signedIn.status == 200 && signedIn["user"]?["email"]?.string == "ada@example.com", "\(signedIn.text)")
            let ada = try Member(gatehouse, email: "ada@example.com", reply: signedIn)
            #expect(try ada.isSignedIn())
            #expect(try follow(gatehouse, token, cookie: cookie).code == "link_invalid")
            let row = try #require(try await gatehouse.audit("sign_in.succeeded").first)
            #expect(row.metadata.contains("\"method\":\"email\""))
            #expect(try await gatehouse.audit("magic_link.requested").count == 1)
        }
    }

    @Test("of many who use a link at once one gets in", arguments: Stores.all)
    func case35Concurrency(on kind: StoreKind) async throws {
        try await withLinks(on: kind) { gatehouse, mails async throws in
            _ = try await proved(gatehouse, mails)
            let cookie = try #require(try ask(gatehouse).cookie("gatehouse_magic_link"))
            let token = try await mails.mail(.magicLink).token
            let request = HTTPClient.request(
                "POST", "/auth/magic-link/session", json: ["token": .string(token)],
                headers: ["Cookie": "gatehouse_magic_link=\(cookie)"])
            let replies = try gatehouse.client.sendAtOnce([[UInt8]](repeating: request, count: 8))
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.status != 200 }.allSatisfy { $0.code == "link_invalid" })
        }
    }

    @Test("the door is closed unless it was opened, and says nothing about addresses")
    func closed() async throws {
        try await withMail { gatehouse, _ async throws in
            _ = try gatehouse.registered()
            #expect(try ask(gatehouse).code == "door_closed")
            #expect(try follow(gatehouse, "ghml_x", cookie: nil).code == "door_closed")
        }
        try await withLinks { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            let (known, unknown) = (try ask(gatehouse), try ask(gatehouse, "eve@example.com"))
            #expect(known.status == 202 && known.text == unknown.text)
            #expect(known.headers.map(\.name) == unknown.headers.map(\.name))
            #expect(try await mails.mails(.magicLink, 1).map(\.to) == ["ada@example.com"])
        }
    }

    @Test("standing, expiry and a password that must be changed hold at this door too", arguments: Stores.all)
    func standing(on kind: StoreKind) async throws {  // cases 37, 41, 51
        try await withLinks(on: kind) { gatehouse, mails async throws in
            let ada = try await proved(gatehouse, mails)
            let cookie = try #require(try ask(gatehouse).cookie("gatehouse_magic_link"))
            let late = try await mails.mail(.magicLink).token
            gatehouse.clock.advance(by: .seconds(900))
            #expect(try follow(gatehouse, late, cookie: cookie).code == "link_invalid")
            func fresh(_ number: Int) async throws -> String {
                gatehouse.clock.advance(by: .seconds(1))
                let again = try ask(gatehouse, cookie: cookie)
                #expect(again.cookie("gatehouse_magic_link") == cookie)
                return try await mails.mails(.magicLink, number)[number - 1].token
            }
            let second = try await fresh(2)
            let root = try gatehouse.superAdmin()
            #expect(try root.post("/users/\(ada.id)/require-password-change").status == 200)
            let must = try follow(gatehouse, second, cookie: cookie)
            #expect(must["requires_password_change"] == true && must["access_token"] == nil)
            let third = try await fresh(3)
            #expect(try root.post("/users/\(ada.id)/block", [:]).status == 200)
            #expect(try follow(gatehouse, third, cookie: cookie).code == "account_blocked")
        }
    }
}
