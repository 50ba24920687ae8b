import Ground
import Testing

@Suite("Coming in through Telegram") struct TelegramSignInTests {
    private let signer = SignedByTelegram()

    @Test("the widget's object makes the account the first time, and brings it up to date later", arguments: Stores.all)
    func widget(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let first = try gatehouse.telegram(
                signer.widget(42, at: gatehouse.clock.now, ("username", "ada"), ("photo_url", "https://t.me/i/ada.jpg")))
            try #require(first.status == 200, "\(first.text)")
            let ada = try Member(gatehouse, email: "", reply: first)
            #expect(first["user"]?["name"] == "Ada" && first["user"]?["email"] == .null)
            #expect(try ada.isSignedIn())
            #expect(try gatehouse.refresh(ada.refreshToken).status == 200)
            gatehouse.clock.advance(by: .seconds(60))
            let later = try gatehouse.telegram(
                signer.widget(42, "Augusta", at: gatehouse.clock.now, ("last_name", "King"), ("username", "countess")))
            #expect(later["user"]?["id"]?.string == ada.id && later["user"]?["name"] == "Augusta King")
            let identity = try ada.get("/auth/telegram")
            #expect(identity["telegram_id"] == 42 && identity["username"] == "countess")
            // What this door does not tell of stays.
            #expect(identity["photo_url"] == "https://t.me/i/ada.jpg")
            let rows = try await gatehouse.audit("sign_in.succeeded")
            #expect(rows.count == 2 && rows.allSatisfy { $0.metadata.contains("\"door\":\"widget\"") })
            #expect(try await gatehouse.audit("account.registered").count == 1)
        }
    }

    @Test("a name that the person has chosen here stays")
    func chosenName() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            #expect(try ada.patch("/auth/profile", ["name": "Countess of Lovelace"]).status == 200)
            let later = try gatehouse.miniApp(42, "Augusta")
            #expect(later["user"]?["name"] == "Countess of Lovelace")
            #expect(try ada.get("/auth/telegram")["first_name"] == "Augusta")
        }
    }

    @Test("every form of every door leads to one account", arguments: Stores.all)
    func forms(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let now = gatehouse.clock.now
            let object = signer.widget(7, at: now)
            let query = "id=7&first_name=Ada+L&auth_date=\(now.seconds)&hash="
                + signer.widgetHash([("id", "7"), ("first_name", "Ada L"), ("auth_date", "\(now.seconds)")])
            let result = Base64URL.encode(signer.widget(7, "Ada L.", at: now).utf8) + "=="
            func form(_ text: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/telegram", body: Array(text.utf8),
                    headers: ["Content-Type": "application/x-www-form-urlencoded"])
            }
            #expect(try form(query + "0").code == "telegram_data_not_signed")
            #expect(try form(query).status == 200)
            var ids: Set<String> = []
            for body: JSON in [
                object, ["tgAuthResult": .string(result)],
                ["init_data": .string(signer.initData(7, at: now))], ["query": .string(signer.widgetQuery(7, at: now))],
                ["initData": .string(signer.initData(7, at: now, queryID: "another"))],
            ] {
                let reply = try gatehouse.telegram(body)
                #expect(reply.status == 200, "\(body.text) \(reply.text)")
                ids.insert(reply["user"]?["id"]?.string ?? "")
            }
            #expect(ids.count == 1)
        }
    }

    @Test("two first sign-ins at the same moment make one account", arguments: Stores.all)
    func atOnce(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let requests = (0..<4).map { index in
                HTTPClient.request(
                    "POST", "/auth/telegram",
                    json: ["init_data": .string(signer.initData(5, at: gatehouse.clock.now, queryID: "q\(index)"))])
            }
            let replies = try gatehouse.client.sendAtOnce(requests)
            #expect(replies.allSatisfy { $0.status == 200 })
            #expect(Set(replies.compactMap { $0["user"]?["id"]?.string }).count == 1)
        }
    }

    @Test("without a bot only Telegram's routes say so")
    func notConfigured() async throws {  // TEL-13
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.telegram(signer.widget(1, at: gatehouse.clock.now))
            #expect(reply.status == 503 && reply.code == "telegram_not_configured")
            #expect(try gatehouse.registered().isSignedIn())
        }
    }

    @Test("who is blocked, deleted or held to other addresses stays out, and keeps what they proved", arguments: Stores.all)
    func standing(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            #expect(try root.post("/users/\(ada.id)/block").status == 200)
            #expect(try !ada.isSignedIn())
            let data: JSON = ["init_data": .string(signer.initData(42, at: gatehouse.clock.now))]
            let refused = try gatehouse.telegram(data)
            #expect(refused.status == 403 && refused.code == "account_blocked")
            #expect(try await gatehouse.audit("sign_in.failed").first?.userID?.description == ada.id)
            #expect(try root.post("/users/\(ada.id)/unblock").status == 200)
            // Refused, it was not used up.
            #expect(try gatehouse.telegram(data).status == 200)
            #expect(try root.delete("/users/\(ada.id)").status == 200)
            #expect(try gatehouse.miniApp(42).code == "account_blocked")
            #expect(try root.post("/users/\(ada.id)/restore").status == 200)
            let rule: JSON = ["ip_whitelist_enabled": true, "allowed_ips": ["203.0.113.7"]]
            #expect(try root.patch("/users/\(ada.id)/ip-whitelist", rule).status == 200)
            #expect(try gatehouse.miniApp(42).code == "address_not_allowed")
        }
    }

    @Test("where the bot makes no accounts a stranger is told so, and gets none", arguments: Stores.all)
    func strangers(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings.merging(["TELEGRAM_AUTO_CREATE": "false"]) { $1 }) { gatehouse in
            let reply = try gatehouse.miniApp(42)
            #expect(reply.status == 403 && reply.code == "access_required")
            #expect(try await gatehouse.store.reading.telegramIdentities.find(42) == nil)
        }
    }

    @Test("whoever made the link is noted once, never for oneself", arguments: Stores.all)
    func referrals(on kind: StoreKind) async throws {  // UNI-3
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(1))
            let adaID = try #require(UUID(ada.id))
            let code = try await gatehouse.services.referrals.code(of: adaID)
            #expect(code.utf8.count == 10)
            #expect(try await gatehouse.services.referrals.code(of: adaID) == code)
            let now = gatehouse.clock.now
            let brought = try gatehouse.telegram(["init_data": .string(signer.initData(2, at: now, ("start_param", "ref_\(code)")))])
            let bob = try #require(brought["user"]?["id"]?.string.flatMap { UUID($0) })
            #expect(try await gatehouse.store.reading.referrals.inviter(of: bob) == adaID)
            let byBody = try gatehouse.telegram(
                ["init_data": .string(signer.initData(3, at: now)), "ref_code": .string(code.lowercased())])
            #expect(byBody.status == 200)
            #expect(try await gatehouse.services.referrals.count(broughtBy: adaID) == 2)
            // Her own link brings nobody, and neither does a second one.
            let again = try gatehouse.telegram(["init_data": .string(signer.initData(1, at: now, ("start_param", code)))])
            #expect(again.status == 200)
            #expect(try await gatehouse.services.referrals.count(broughtBy: adaID) == 2)
        }
    }
}
