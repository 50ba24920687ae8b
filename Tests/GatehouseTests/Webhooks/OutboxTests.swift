import Ground
import HTTP
import SQL
import Services
import Store
import Testing

@Suite("The outbox") struct OutboxTests {
    /// Two nodes on the same stores.
    private func withTwo(
        on kind: StoreKind, _ body: (_ one: Gatehouse, _ two: Gatehouse) async throws -> Void
    ) async throws {
        try await withStores(kind) { stores in
            let settings = Receiver.settings.merging(["JWT_ISSUER": "one"]) { $1 }
            let one = try await stores.node(settings)
            let two = try await stores.node(settings)
            do { try await body(one, two) } catch {
                await one.stop()
                await two.stop()
                throw error
            }
            await one.stop()
            await two.stop()
        }
    }

    @Test("of two nodes that both send, one sends each message", arguments: Stores.all)
    func claims(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withTwo(on: kind) { one, two in
                let ada = try one.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                let hasHeard = try await eventually {
                    _ = try two.client.send("PATCH", "/auth/profile", json: ["name": "Ada"], token: ada.accessToken)
                    return try !ada.deliveries(of: webhook).isEmpty
                }
                #expect(hasHeard)
                for turn in 0..<40 {
                    let node = turn % 2 == 0 ? one : two
                    let reply = try node.client.send(
                        "PATCH", "/auth/profile", json: ["name": .string("Ada \(turn)")], token: ada.accessToken)
                    #expect(reply.status == 200)
                    (turn % 2 == 0 ? two : one).services.outbox.wake()
                }
                let areSent = try await eventually {
                    try ada.deliveries(of: webhook).allSatisfy { $0["status"] == "delivered" }
                }
                #expect(areSent)
                let sent = try ada.deliveries(of: webhook)
                #expect(sent.count >= 41 && sent.allSatisfy { $0["attempts"] == 1 })
                #expect(receiver.heard.count == sent.count)
                #expect(Set(receiver.heard.map(\.id)).count == sent.count)
            }
        }
    }

    @Test("what a node had claimed that is gone is sent by another when the claim ends", arguments: Stores.all)
    func claimsEnd(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                let now = gatehouse.clock.now
                let message = OutboxMessage(
                    id: UUID(at: now, random: .system), kind: "webhook", lane: "webhook:\(webhook.id)",
                    messageID: UUID(at: now, random: .system), topic: "profile.updated", payload: "{}", at: now)
                let claim = UUID(at: now, random: .system)
                let outbox = gatehouse.store.writing.outbox
                let claimed = try await gatehouse.store.transaction { repositories in
                    try await repositories.outbox.append(message)
                    return try await repositories.outbox.claim(
                        5, in: message.lane, as: claim, until: now + .seconds(30), at: now)
                }
                #expect(claimed.map(\.id) == [message.id])
                #expect(try await outbox.claim(5, in: message.lane, as: claim, until: now + .seconds(30), at: now).isEmpty)
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                #expect(try await receiver.heard(1).count == 1)
                gatehouse.clock.advance(by: .seconds(30))
                gatehouse.services.outbox.wake()
                _ = try await ada.delivery(of: webhook) { $0.id == message.id.description && $0["status"] == "delivered" }
                // The node that had it wakes up again, and has nothing to say.
                var late = try #require(claimed.first)
                late.state = .dead
                #expect(try await !outbox.settle(late))
                // The other message may have been heard before that was written down.
                let areDelivered = try await eventually {
                    try ada.deliveries(of: webhook).allSatisfy { $0["status"] == "delivered" }
                }
                #expect(areDelivered)
            }
        }
    }

    @Test("a receiver that takes its time holds up neither the server nor other receivers", arguments: Stores.all)
    func slowReceiver(on kind: StoreKind) async throws {
        let gate = HandlerGate()
        try await withReceiver({ _ in await gate.pass(); return Response(.noContent) }) { slow in
            defer { gate.open() }
            try await withReceiver { quick in
                try await withGatehouse(on: kind, Receiver.settings.merging(["WEBHOOK_TIMEOUT": "60s"]) { $1 }) { gatehouse in
                    let ada = try gatehouse.registered()
                    let held = try ada.webhook(slow.url(), ["profile.updated"])
                    let other = try ada.webhook(quick.url(), ["profile.updated"])
                    for turn in 0..<20 {
                        #expect(try ada.patch("/auth/profile", ["name": .string("Ada \(turn)")]).status == 200)
                    }
                    #expect(try await quick.heard(20).count == 20)
                    #expect(try await slow.heard(1).count <= 4)
                    #expect(try ada.deliveries(of: held).allSatisfy { $0["status"] == "pending" })
                    gate.open()
                    #expect(try await slow.heard(20).count == 20)
                    for webhook in [held, other] {
                        let areSent = try await eventually {
                            try ada.deliveries(of: webhook).allSatisfy { $0["status"] == "delivered" }
                        }
                        #expect(areSent)
                    }
                }
            }
        }
    }

    @Test("a stop gives back what it cuts short", arguments: Stores.all)
    func stopping(on kind: StoreKind) async throws {
        let gate = HandlerGate()
        try await withReceiver({ count in
            if count == 1 { await gate.pass() }
            return Response(.noContent)
        }) { receiver in
            defer { gate.open() }
            try await withStores(kind) { stores in
                let first = try await stores.node(Receiver.settings)
                let ada = try first.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                _ = try await receiver.heard(1)
                await first.stop()
                let waiting = try await stores.database.read(Self.state, [.text("webhook:\(webhook.id)")])
                #expect(try waiting.value(String.self) == "pending")
                let second = try await stores.node(Receiver.settings)
                #expect(try await receiver.heard(2).map(\.id).last == receiver.heard.first?.id)
                await second.stop()
            }
        }
    }

    private static let state = Statement("SELECT state FROM outbox WHERE lane = $1 AND claim IS NULL AND attempts = 0")

    @Test("what is rolled back is not sent", arguments: Stores.all)
    func rollback(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                gatehouse.database.setFailing(true)
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 503)
                gatehouse.database.setFailing(false)
                gatehouse.services.outbox.wake()
                #expect(try ada.patch("/auth/profile", ["name": "Ada"]).status == 200)
                #expect(try await receiver.heard(1).count == 1)
                #expect(try ada.deliveries(of: webhook).count == 1)
            }
        }
    }

    @Test("a company's administrator makes, sees and hears of the company's alone", arguments: Stores.all)
    func case48Tenants(on kind: StoreKind) async throws {  // case 48
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let root = try gatehouse.superAdmin()
                let ada = try gatehouse.registered()
                let bob = try gatehouse.registered("bob@example.com")
                let adas = try ada.webhook(receiver.url("/ada"), ["profile.updated", "webhook.*"])
                let bobs = try bob.webhook(receiver.url("/bob"), ["profile.updated", "webhook.*"])
                let roots = try root.webhook(receiver.url("/root"), ["profile.updated"])
                #expect(adas["company_id"]?.string == ada.companyID && bobs["company_id"]?.string == bob.companyID)
                #expect(roots["company_id"] == .null)

                #expect(try ada.get("/webhooks")["items"]?.array?.map(\.id) == [adas.id])
                #expect(try root.get("/webhooks")["items"]?.array?.count == 3)
                let tried = try bob.post("/webhooks/\(bobs.id)/test").json
                for webhook in [bobs, roots] {
                    let path = "/webhooks/\(webhook.id)"
                    #expect(try ada.get(path).status == 404)
                    #expect(try ada.patch(path, ["enabled": false]).status == 404)
                    #expect(try ada.delete(path).status == 404)
                    #expect(try ada.post(path + "/test").status == 404)
                    #expect(try ada.post(path + "/rotate-secret").status == 404)
                    #expect(try ada.get(path + "/deliveries").status == 404)
                    #expect(try ada.post(path + "/deliveries/\(tried.id)/replay").status == 404)
                }
                // Somebody else's delivery under one's own webhook.
                #expect(try ada.post("/webhooks/\(adas.id)/deliveries/\(tried.id)/replay").status == 404)
                let foreign: JSON = [
                    "url": "https://example.com/", "events": ["*"], "company_id": .string(bob.companyID ?? ""),
                ]
                #expect(try ada.post("/webhooks", foreign).status == 404)
                #expect(try root.post("/webhooks", foreign).status == 201)

                #expect(try bob.patch("/auth/profile", ["name": "Bob"]).status == 200)
                _ = try await bob.delivery(of: bobs) { $0["type"] == "profile.updated" && $0["status"] == "delivered" }
                _ = try await root.delivery(of: roots) { $0["type"] == "profile.updated" && $0["status"] == "delivered" }
                let told = try ada.deliveries(of: adas)
                #expect(told.allSatisfy { $0["body"]?["company_id"]?.string == ada.companyID })
                #expect(told.allSatisfy { $0["type"] == "webhook.created" })
            }
        }
    }

    @Test("who lacks the permission neither sees nor makes webhooks")
    func permissions() async throws {
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            _ = try await gatehouse.database.write(Self.takeAll, [])
            let reader = try gatehouse.signedIn()
            #expect(try reader.get("/webhooks").status == 200)
            let refused = try reader.post("/webhooks", ["url": "https://example.com/", "events": ["*"]])
            #expect(refused.status == 403)
            #expect(refused["detail"]?.string?.contains("webhooks:manage") == true)
            #expect(ada.companyID != nil)
        }
    }

    private static let takeAll = Statement(
        "UPDATE role_permissions SET permission = 'webhooks:read' WHERE permission = 'webhooks:*'")

    @Test("no secret is in the log, in the audit log or in another answer than the first")
    func secrets() async throws {
        var secrets: [String] = []
        let receiver = try Receiver({ _ in Response(.internalError) })
        defer { receiver.stop() }
        var log = ""
        try await withStores(.sqliteInMemory) { stores in
            let gatehouse = try await stores.node(Receiver.settings)
            let ada = try gatehouse.registered()
            let webhook = try ada.webhook(receiver.url("/?token=hidden"), ["*"])
            secrets.append(try #require(webhook["secret"]?.string))
            secrets.append(try #require(try ada.post("/webhooks/\(webhook.id)/rotate-secret")["secret"]?.string))
            _ = try await receiver.heard(1)
            let answers = try [
                ada.get("/webhooks").text, ada.get("/webhooks/\(webhook.id)").text,
                ada.get("/webhooks/\(webhook.id)/deliveries").text, ada.patch("/webhooks/\(webhook.id)", [:]).text,
            ]
            let rows = try await gatehouse.audit().map(\.metadata)
            for secret in secrets {
                let bare = secret.dropFirst("whsec_".count)
                #expect(!(answers + rows).contains { $0.contains(bare) })
                let stored = try await gatehouse.store.reading.webhooks.find(try #require(UUID(webhook.id)), within: nil)
                let sealed = try #require(stored)
                #expect(!Base64URL.encode(sealed.secret).contains(bare.prefix(20)))
            }
            #expect(!rows.contains { $0.contains("hidden") })
            await gatehouse.stop()
            log = gatehouse.logText
        }
        #expect(log.contains("http.request"))
        for secret in secrets { #expect(!log.contains(secret.dropFirst("whsec_".count))) }
        #expect(!log.contains("hidden"))
    }
}
