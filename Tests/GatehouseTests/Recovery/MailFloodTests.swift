import Ground
import Testing

@Suite("How many links are sent to whom") struct MailFloodTests {
    private func ask(_ gatehouse: Gatehouse, _ email: String = "ada@example.com", headers: [String: String] = [:]) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", "/auth/password-reset/request", json: ["email": .string(email)], headers: headers)
    }

    @Test("nobody fills somebody's mailbox: five links an hour")
    func bombing() async throws {
        try await withMail { gatehouse, mails async throws in
            _ = try gatehouse.registered()
            _ = try gatehouse.registered("bob@example.com")
            for _ in 0..<8 { #expect(try ask(gatehouse).status == 202) }
            _ = try ask(gatehouse, "bob@example.com")
            let isSettled = try await eventually {
                let wishes = try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 50)
                return wishes.count == 9 && wishes.allSatisfy { $0.state == .sent }
            }
            #expect(isSettled)
            let sent = try await mails.mails(.passwordReset, 6)
            #expect(sent.map(\.to).sorted() == [String](repeating: "ada@example.com", count: 5) + ["bob@example.com"])
            gatehouse.clock.advance(by: .seconds(3601))
            _ = try ask(gatehouse)
            #expect(try await mails.mails(.passwordReset, 7).count == 7)
        }
    }

    @Test("a stranger's requests shut out nobody else, and strangers together fill no mailbox", arguments: Stores.all)
    func strangers(on kind: StoreKind) async throws {
        try await withMail(on: kind, ["TRUSTED_PROXIES": "127.0.0.1"]) { gatehouse, mails async throws in
            let signedUp = try gatehouse.register()
            let device = try #require(signedUp.cookie("gatehouse_device"), "\(signedUp.text)")
            func ask(from place: String, cookie: String? = nil) throws {
                var headers = ["X-Forwarded-For": place]
                headers["Cookie"] = cookie.map { "gatehouse_device=\($0)" }
                #expect(try self.ask(gatehouse, headers: headers).status == 202)
            }
            func sent(_ wishes: Int) async throws -> Int {
                let areSettled = try await eventually {
                    let rows = try await gatehouse.store.reading.outbox.page(of: "mail-request", after: nil, limit: 90)
                    return rows.count == wishes && rows.allSatisfy { $0.state == .sent }
                }
                #expect(areSettled)
                // Mails of the same moment have no order, so they are counted where they were made.
                return try await gatehouse.audit("password.reset_requested").count
            }
            // One network, the whole of an IPv6 subscriber.
            for place in 0..<8 { try ask(from: "2001:db8::\(place)") }
            #expect(try await sent(8) == 5)
            // Somebody on the way, who has not been there before, gets theirs.
            try ask(from: "192.0.2.200")
            #expect(try await sent(9) == 6)
            for place in 0..<30 { try ask(from: "192.0.2.\(place)") }
            #expect(try await sent(39) == 20)
            // The owner's browser is known wherever it is, and so is where they have signed in from.
            try ask(from: "198.51.100.9", cookie: device)
            #expect(try await sent(40) == 21)
            for _ in 0..<7 { try ask(from: "127.0.0.1") }
            #expect(try await sent(47) == 26)
            // What is still on its way dies with its link.
            _ = try await mails.mails(.passwordReset, 26)
            gatehouse.clock.advance(by: .seconds(3601))
            try ask(from: "2001:db8::1")
            #expect(try await sent(48) == 27)
            #expect(try await mails.mails(.passwordReset, 27).count == 27)
        }
    }

    @Test("a mailbox that is nobody's account yet is named by people of accounts so often, all together")
    func foreignMailbox() async throws {
        try await withMail(["RATE_LIMIT_SIGN_IN": "2/60"]) { gatehouse, mails async throws in
            let (ada, bob) = (try gatehouse.registered(), try gatehouse.registered("bob@example.com"))
            let order: JSON = ["new_email": "victim@example.net"]
            #expect(try ada.post("/auth/email-change/request", order).status == 202)
            #expect(try bob.post("/auth/email-change/request", order).status == 202)
            #expect(try ada.post("/auth/email-change/request", order).code == "rate_limited")
            // That hinders nobody who has that address from getting in by it.
            #expect(try ask(gatehouse, "victim@example.net").status == 202)
        }
    }
}
