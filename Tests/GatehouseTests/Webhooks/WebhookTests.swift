import Ground
import HTTP
import Services
import Testing

@Suite("Webhooks") struct WebhookTests {
    @Test("an event is sent, signed, and listed with how it went", arguments: Stores.all)
    func delivery(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url("/a/../b?c=%20d"), ["sign_in.succeeded"])
                let secret = try #require(webhook["secret"]?.string)
                _ = try gatehouse.signedIn()
                let event = try #require(try await receiver.heard(1).first)
                #expect(event.type == "sign_in.succeeded")
                #expect(event.isSigned(with: secret))
                #expect(event.signatures.count == 1)
                #expect(event.headers["content-type"] == "application/json")
                #expect(event.headers["webhook-timestamp"] == "\(gatehouse.clock.now.seconds)")
                #expect(event.headers[":path"] == "/a/../b" && event.headers[":query"] == "c=%20d")
                #expect(event.json["id"]?.string == event.id)
                #expect(event.json["company_id"]?.string == ada.companyID)
                #expect(event.json["data"]?["user_id"]?.string == ada.id)
                let row = try #require(try await gatehouse.audit("sign_in.succeeded").first)
                #expect(row.id.description == event.id)
                let sent = try await ada.delivery(of: webhook) {
                    $0["status"] == "delivered" && $0["message_id"]?.string == event.id
                }
                #expect(sent["http_status"] == 204 && sent["attempts"] == 1 && sent["error"] == .null)
                #expect(sent["body"] == event.json)
                #expect(sent["next_attempt_at"] == .null)
            }
        }
    }

    @Test("what failed is tried again, later each time, until it is taken", arguments: Stores.all)
    func retries(on kind: StoreKind) async throws {
        try await withReceiver({ Response($0 < 3 ? .internalError : .noContent) }) { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                for (attempt, wait) in [(1, 10_000 as Int64), (2, 30_000)] {
                    let tried = try await ada.delivery(of: webhook) { $0["last_attempt_at"]?.string == gatehouse.clock.now.rfc3339 }
                    #expect(tried["attempts"]?.integer == Int64(attempt))
                    #expect(tried["status"] == "pending" && tried["http_status"] == 500)
                    #expect(tried["error"] == "status_refused")
                    let next = try #require(tried["next_attempt_at"]?.string.flatMap { Timestamp(rfc3339: $0) })
                    let delay = (next - gatehouse.clock.now).milliseconds
                    #expect((wait * 8 / 10...wait * 12 / 10).contains(delay))
                    gatehouse.clock.advance(by: .milliseconds(delay - 1))
                    gatehouse.services.outbox.wake()
                    #expect(try ada.deliveries(of: webhook).first?["attempts"]?.integer == Int64(attempt))
                    gatehouse.clock.advance(by: .milliseconds(1))
                    gatehouse.services.outbox.wake()
                }
                let sent = try await ada.delivery(of: webhook) { $0["status"] == "delivered" }
                #expect(sent["attempts"] == 3)
                let heard = receiver.heard
                #expect(heard.count == 3 && Set(heard.map(\.id)).count == 1)
                #expect(Set(heard.compactMap { $0.headers["webhook-timestamp"] }).count == 3)
                #expect(try ada.get("/webhooks/\(webhook.id)")["failing_since"] == .null)
            }
        }
    }

    @Test("after twelve attempts a message is given up, and after days of failures its webhook", arguments: Stores.all)
    func givingUp(on kind: StoreKind) async throws {
        try await withReceiver({ _ in Response(.internalError) }) { receiver in
            // The session outlives the days that pass.
            let settings = Receiver.settings.merging(["JWT_EXPIRES_IN": "24h", "JWT_REFRESH_EXPIRES_IN": "30d"]) { $1 }
            try await withGatehouse(on: kind, settings) { gatehouse in
                var root = try gatehouse.superAdmin()
                let webhook = try root.webhook(receiver.url(), ["profile.updated"])
                let others = try root.webhook(receiver.url("/others"), ["webhook.disabled"])
                #expect(try root.patch("/auth/profile", ["name": "Countess"]).status == 200)
                for attempt in 1...12 {
                    _ = try await root.delivery(of: webhook) {
                        $0["attempts"]?.integer == Int64(attempt) && $0["last_attempt_at"]?.string == gatehouse.clock.now.rfc3339
                    }
                    gatehouse.clock.advance(by: .seconds(7 * 3600))
                    root = try root.refreshed()
                    gatehouse.services.outbox.wake()
                }
                let dead = try await root.delivery(of: webhook) { $0["status"] == "failed" }
                #expect(dead["attempts"] == 12 && dead["next_attempt_at"] == .null)
                #expect(receiver.heard.count == 12)
                #expect(try root.get("/webhooks/\(webhook.id)")["enabled"] == true)
                gatehouse.clock.advance(by: .seconds(2 * 86400))
                root = try root.refreshed()
                #expect(try root.patch("/auth/profile", ["name": "Ada"]).status == 200)
                let isDisabled = try await eventually { try root.get("/webhooks/\(webhook.id)")["enabled"] == false }
                #expect(isDisabled)
                #expect(try root.get("/webhooks/\(webhook.id)")["disabled_reason"] == "failing")
                #expect(try await gatehouse.audit("webhook.disabled").count == 1)
                let told = try await root.delivery(of: others) { $0["type"] == "webhook.disabled" }
                #expect(told["body"]?["data"]?["facts"]?["webhook_id"]?.string == webhook.id)
                #expect(try root.post("/webhooks/\(webhook.id)/test").code == "webhook_disabled")
                let enabled = try root.patch("/webhooks/\(webhook.id)", ["enabled": true])
                #expect(enabled["disabled_reason"] == .null && enabled["failing_since"] == .null)
            }
        }
    }

    @Test("a receiver that says it is gone is not asked again", arguments: Stores.all)
    func gone(on kind: StoreKind) async throws {
        try await withReceiver({ _ in Response(Status(410)) }) { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                let dead = try await ada.delivery(of: webhook) { $0["status"] == "failed" }
                #expect(dead["error"] == "gone" && dead["attempts"] == 1)
                #expect(try ada.get("/webhooks/\(webhook.id)")["disabled_reason"] == "gone")
                #expect(try ada.patch("/auth/profile", ["name": "Ada"]).status == 200)
                // What was on its way into the outbox at that moment is given up there.
                let areOver = try await eventually { try ada.deliveries(of: webhook).allSatisfy { $0["status"] == "failed" } }
                #expect(areOver)
                #expect(receiver.heard.count == 1)
                let row = try #require(try await gatehouse.audit("webhook.disabled").first)
                #expect(row.companyID?.description == ada.companyID)
            }
        }
    }

    @Test("a delivery is sent once more with the id that it had, and a test tells of nothing", arguments: Stores.all)
    func replay(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["user.*"])
                let tried = try ada.post("/webhooks/\(webhook.id)/test")
                #expect(tried.status == 202 && tried["status"] == "pending" && tried["type"] == "webhook.test")
                let first = try #require(try await receiver.heard(1).first)
                #expect(first.type == "webhook.test")
                gatehouse.clock.advance(by: .milliseconds(1))
                let again = try ada.post("/webhooks/\(webhook.id)/deliveries/\(tried.json.id)/replay")
                #expect(again.status == 202 && again.json.id != tried.json.id)
                let heard = try await receiver.heard(2)
                #expect(heard[1].id == first.id && heard[1].body == first.body)
                let unknown = "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293"
                #expect(try ada.post("/webhooks/\(webhook.id)/deliveries/\(unknown)/replay").status == 404)
                #expect(try ada.post("/webhooks/\(unknown)/deliveries/\(tried.json.id)/replay").status == 404)
                let areSettled = try await eventually {
                    try ada.deliveries(of: webhook).allSatisfy { $0["status"] == "delivered" }
                }
                #expect(areSettled)
                let page = try ada.get("/webhooks/\(webhook.id)/deliveries?limit=1")
                let next = try #require(page["next"]?.string)
                let rest = try ada.get("/webhooks/\(webhook.id)/deliveries?limit=1&after=\(next)")
                #expect(rest["items"]?.array?.first?.id == tried.json.id && rest["next"] == .null)
                gatehouse.clock.advance(by: .seconds(7 * 86400 + 1))
                try await gatehouse.services.housekeeping.sweep()
                #expect(try gatehouse.signedIn().deliveries(of: webhook).isEmpty)
            }
        }
    }

    @Test("a new secret signs beside the former one for a day, and then alone", arguments: Stores.all)
    func rotation(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                var ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url(), ["user.*"])
                let former = try #require(webhook["secret"]?.string)
                let rotated = try ada.post("/webhooks/\(webhook.id)/rotate-secret")
                let secret = try #require(rotated["secret"]?.string)
                #expect(!SecretComparison.equal(Array(secret.utf8), Array(former.utf8)))
                _ = try ada.post("/webhooks/\(webhook.id)/test")
                let both = try #require(try await receiver.heard(1).last)
                #expect(both.signatures.count == 2 && both.isSigned(with: secret) && both.isSigned(with: former))
                gatehouse.clock.advance(by: .seconds(86401))
                ada = try gatehouse.signedIn()
                _ = try ada.post("/webhooks/\(webhook.id)/test")
                let one = try #require(try await receiver.heard(2).last)
                #expect(one.signatures.count == 1 && one.isSigned(with: secret) && !one.isSigned(with: former))
                #expect(try await gatehouse.audit("webhook.secret_rotated").count == 1)
            }
        }
    }

    @Test("refreshes are sent only to whoever names them", arguments: Stores.all)
    func refreshes(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                var ada = try gatehouse.registered()
                let all = try ada.webhook(receiver.url("/all"), ["*", "session.*"])
                ada = try ada.refreshed()
                // Refreshes that Redis keeps are told of when their rows are written.
                let isWritten = try await eventually { try await gatehouse.audit("session.refreshed").count == 1 }
                #expect(isWritten)
                let named = try ada.webhook(receiver.url("/named"), ["session.refreshed"])
                let refreshed = try ada.refreshed()
                let told = try await ada.delivery(of: named) { $0["status"] == "delivered" }
                #expect(told["body"]?["data"]?["user_id"]?.string == ada.id)
                #expect(told["body"]?["data"]?["session_id"]?.string == ada.sessionID)
                #expect(told["body"]?["company_id"]?.string == ada.companyID)
                #expect(try refreshed.deliveries(of: named).count == 1)
                #expect(try refreshed.deliveries(of: all).allSatisfy { $0["type"] != "session.refreshed" })
                #expect(try refreshed.deliveries(of: all).contains { $0["type"] == "webhook.created" })
            }
        }
    }

    @Test("what is changed counts from the next event on, and what is deleted is gone", arguments: Stores.all)
    func changes(on kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let ada = try gatehouse.registered()
                let webhook = try ada.webhook(receiver.url("/first"), ["profile.updated"])
                let changed = try ada.patch("/webhooks/\(webhook.id)", ["enabled": false, "description": "Off for now"])
                #expect(changed.status == 200 && changed["description"] == "Off for now" && changed["secret"] == nil)
                #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                #expect(try ada.deliveries(of: webhook).isEmpty)
                let url = JSON.string(receiver.url("/second"))
                #expect(try ada.patch("/webhooks/\(webhook.id)", ["enabled": true, "url": url]).status == 200)
                #expect(try ada.patch("/auth/profile", ["name": "Ada"]).status == 200)
                #expect(try await receiver.heard(1).first?.headers[":path"] == "/second")
                #expect(try ada.delete("/webhooks/\(webhook.id)").status == 200)
                #expect(try ada.get("/webhooks/\(webhook.id)").status == 404)
                #expect(try ada.get("/webhooks/\(webhook.id)/deliveries").status == 404)
                #expect(try ada.patch("/auth/profile", ["name": "Ada Lovelace"]).status == 200)
                #expect(try ada.get("/webhooks")["items"] == [])
                let events = try await gatehouse.audit().map(\.event).filter { $0.hasPrefix("webhook.") }
                #expect(events.sorted() == ["webhook.created", "webhook.deleted", "webhook.updated", "webhook.updated"])
            }
        }
    }

    @Test("what cannot be meant is refused", arguments: [
        (["url": "https://example.com/", "events": ["user.made_up"]], "events", "event_unknown"),
        (["url": "https://example.com/", "events": ["nothing.*"]], "events", "event_unknown"),
        (["url": "https://example.com/", "events": ["user.*.x"]], "events", "event_unknown"),
        (["url": "https://example.com/", "events": []], "events", "out_of_range"),
        (["url": "https://example.com/", "events": ["*", "*"]], "events", "out_of_range"),
        (["url": "https://example.com/", "events": "*"], "events", "not_list"),
        (["url": "https://example.com/", "events": ["*"], "secret": "mine"], "secret", "unknown_field"),
        (["url": "https://example.com/", "events": ["*"], "company_id": "mine"], "company_id", "not_an_id"),
        (["events": ["*"]], "url", "required"),
    ] as [(JSON, String, String)])
    func badInput(body: JSON, field: String, code: String) async throws {
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.registered().post("/webhooks", body)
            #expect(reply.status == 400 && reply.code == "validation_failed")
            #expect(reply["errors"]?.array?.first?["field"]?.string == field)
            #expect(reply["errors"]?.array?.first?["code"]?.string == code)
        }
    }

    @Test("a company has so many, and no more")
    func most() async throws {
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            for _ in 0..<WebhookService.most { _ = try ada.webhook("https://example.com/") }
            let reply = try ada.post("/webhooks", ["url": "https://example.com/", "events": ["*"]])
            #expect(reply.status == 409 && reply.code == "too_many")
            #expect(try gatehouse.registered("bob@example.com").webhook("https://example.com/").id != "")
        }
    }
}

extension Member {
    /// The same person with their next pair of tokens.
    func refreshed() throws -> Member {
        let reply = try gatehouse.refresh(refreshToken)
        try #require(reply.status == 200, "\(reply.text)")
        return try Member(gatehouse, email: email, reply: reply)
    }
}
