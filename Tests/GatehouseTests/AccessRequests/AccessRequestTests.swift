import Ground
import Testing

@Suite("Requests for access") struct AccessRequestTests {
    static let settings = SignedByTelegram.settings.merging(["TELEGRAM_AUTO_CREATE": "false"]) { $1 }

    @Test("a stranger who signs in asks by that, once, and comes in with the same proof when approved", arguments: Stores.all)
    func byDoor(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let data: JSON = ["init_data": .string(SignedByTelegram().initData(42, "Ada", at: gatehouse.clock.now))]
            for _ in 0..<2 { #expect(try gatehouse.telegram(data).code == "access_required") }
            let list = try root.get("/access-requests?status=PENDING")["items"]?.array ?? []
            try #require(list.count == 1, "\(list)")
            #expect(list[0]["first_name"] == "Ada" && list[0]["telegram_id"] == 42)
            let id = try #require(list[0]["id"]?.string)
            let approved = try root.patch("/access-requests/\(id)/approve", ["roles": ["Viewer"], "name": "Countess Ada"])
            #expect(approved.status == 200 && approved["status"] == "APPROVED", "\(approved.text)")
            let ada = try Member(gatehouse, email: "", reply: try gatehouse.telegram(data))
            #expect(ada.id == approved["user_id"]?.string)
            #expect(try ada.get("/auth/profile").text.contains("Countess Ada"))
            #expect(try ada.get("/users").status == 200)
            #expect(try gatehouse.telegram(data).code == "telegram_data_replayed")
            let events = try await gatehouse.audit().map(\.event)
            #expect(events.filter { $0.hasPrefix("access_request.") } == ["access_request.approved", "access_request.created"])
        }
    }

    @Test("many at once open one request, and each has the same answer", arguments: Stores.all)
    func atOnce(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let signer = SignedByTelegram()
            let requests = (0..<6).map { index in
                HTTPClient.request(
                    "POST", "/access-requests",
                    json: ["init_data": .string(signer.initData(5, at: gatehouse.clock.now, queryID: "q\(index)"))])
            }
            let replies = try gatehouse.client.sendAtOnce(requests)
            #expect(replies.allSatisfy { $0.status == 202 && $0["success"] == true })
            #expect(try root.get("/access-requests")["items"]?.array?.count == 1)
        }
    }

    @Test("without a proof of Telegram nobody asks")
    func evidence() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let now = gatehouse.clock.now
            let other = SignedByTelegram("110201543:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw")
            for (body, code): (JSON, String) in [
                (["init_data": .string(other.initData(5, at: now))], "telegram_data_not_signed"),
                (["init_data": .string(SignedByTelegram().initData(5, at: now - .seconds(90000)))], "telegram_data_expired"),
                (["init_data": ""], "telegram_data_malformed"),
                (["email": "root@example.com", "name": "Root", "message": "Let me in"], "telegram_data_malformed"),
            ] {
                let reply = try gatehouse.telegram(body, to: "/access-requests")
                #expect(reply.code == code, "\(body.text): \(reply.text)")
            }
            let unknown = try gatehouse.ask(5, query: "?company_id=0198a3f4-5c1e-7a2b-8c3d-4e5f60718293")
            #expect(unknown.status == 404)
            #expect(try gatehouse.ask(5, query: "?colour=red").code == "validation_failed")
            #expect(try root.get("/access-requests")["items"]?.array?.isEmpty == true)
        }
    }

    @Test("nobody answered in time: the clock ends it, and the person may ask again", arguments: Stores.all)
    func expiry(on kind: StoreKind) async throws {  // case 37
        try await withGatehouse(on: kind, Self.settings.merging(["ACCESS_REQUEST_LIFETIME": "1h"]) { $1 }) { gatehouse in
            var root = try gatehouse.superAdmin()
            #expect(try gatehouse.ask(42).status == 202)
            let id = try root.openRequest()
            gatehouse.clock.advance(by: .seconds(3599))
            #expect(try gatehouse.ask(42).status == 202)
            root = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            #expect(try root.openRequest() == id)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try root.get("/access-requests?status=PENDING")["items"]?.array?.isEmpty == true)
            #expect(try root.get("/access-requests?status=EXPIRED")["items"]?.array?.count == 1)
            #expect(try root.get("/access-requests/\(id)")["status"] == "EXPIRED")
            for verb in ["approve", "reject"] {
                let late = try root.patch("/access-requests/\(id)/\(verb)", [:])
                #expect(late.status == 409 && late.code == "request_closed")
            }
            #expect(try gatehouse.ask(42).status == 202)
            #expect(try root.openRequest() != id)
            #expect(try gatehouse.miniApp(42).code == "access_required")
        }
    }

    @Test("of two who decide at once one has decided", arguments: Stores.all)
    func twoDeciders(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            for person in Int64(1)...4 {
                #expect(try gatehouse.ask(person).status == 202)
                let id = try root.openRequest()
                let replies = try gatehouse.client.sendAtOnce(
                    ["approve", "reject", "approve"].map {
                        HTTPClient.request("PATCH", "/access-requests/\(id)/\($0)", json: [:], token: root.accessToken)
                    })
                #expect(replies.map(\.status).sorted() == [200, 409, 409], "\(replies.map(\.text))")
                let mayEnter = try root.get("/access-requests/\(id)")["status"] == "APPROVED"
                #expect(try (gatehouse.miniApp(person).status == 200) == mayEnter)
            }
            let decided = try await gatehouse.audit().filter { ["access_request.approved", "access_request.rejected"].contains($0.event) }
            #expect(decided.count == 4)
        }
    }

    @Test("who is rejected is not heard again for a day", arguments: Stores.all)
    func rejection(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try gatehouse.ask(42).status == 202)
            let id = try root.openRequest()
            let rejected = try root.patch("/access-requests/\(id)/reject", ["reason": "Who are you?"])
            #expect(rejected["status"] == "REJECTED" && rejected["reason"] == "Who are you?")
            #expect(rejected["decided_by"]?.string == root.id)
            #expect(try gatehouse.ask(42).status == 202)
            #expect(try root.get("/access-requests?status=PENDING")["items"]?.array?.isEmpty == true)
            gatehouse.clock.advance(by: .seconds(86401))
            #expect(try gatehouse.ask(42).status == 202)
            let again = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            #expect(try again.openRequest() != id)
        }
    }

    @Test("an administrator of a company decides about that company, and grants what they have", arguments: Stores.all)
    func companies(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered("ada@example.com")
            let bob = try gatehouse.registered("bob@example.com")
            let company = try #require(ada.companyID)
            #expect(try gatehouse.ask(1, query: "?company_id=\(company)").status == 202)
            #expect(try gatehouse.ask(2).status == 202)
            let own = try ada.openRequest()
            #expect(try ada.get("/access-requests")["items"]?.array?.count == 1)
            #expect(try bob.get("/access-requests")["items"]?.array?.isEmpty == true)
            #expect(try root.get("/access-requests")["items"]?.array?.count == 2)
            #expect(try bob.get("/access-requests/\(own)").status == 404)
            #expect(try bob.patch("/access-requests/\(own)/approve", [:]).status == 404)
            #expect(try bob.patch("/access-requests/\(own)/reject", [:]).status == 404)
            #expect(try ada.delete("/access-requests/\(own)").status == 403)
            let above = try ada.patch("/access-requests/\(own)/approve", ["roles": ["SuperAdmin"]])
            #expect(above.code == "forbidden")
            #expect(try ada.patch("/access-requests/\(own)/approve", ["roles": ["Nobody"]]).code == "validation_failed")
            #expect(try ada.patch("/access-requests/\(own)/approve", ["company_id": JSON(bob.companyID)]).code == "validation_failed")
            #expect(try root.patch("/companies/\(company)", ["member_limit": 1]).status == 200)
            #expect(try ada.patch("/access-requests/\(own)/approve", [:]).code == "too_many")
            #expect(try root.patch("/companies/\(company)", ["member_limit": nil]).status == 200)
            #expect(try ada.patch("/access-requests/\(own)/approve", ["roles": ["Viewer"]]).status == 200)
            let member = try gatehouse.miniApp(1)
            #expect(member["company"]?["id"]?.string == company)
            #expect(try ada.get("/users")["items"]?.array?.count == 2)
            #expect(try gatehouse.ask(1, query: "?company_id=\(company)").code == "access_held")
            #expect(try root.delete("/access-requests/\(own)").status == 200)
            #expect(try ada.get("/access-requests/\(own)").status == 404)
            #expect(try gatehouse.miniApp(1).status == 200)
        }
    }

    @Test("who has an account joins with it, and is not limited by who may not touch it", arguments: Stores.all)
    func existingAccount(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let (ada, bob) = (try gatehouse.registered("ada@example.com"), try gatehouse.registered("bob@example.com"))
            for admin in [ada, bob] {
                let company = try #require(admin.companyID)
                #expect(try gatehouse.ask(7, query: "?company_id=\(company)").status == 202)
            }
            #expect(try ada.patch("/access-requests/\(try ada.openRequest())/approve", ["roles": ["Viewer"]]).status == 200)
            let request = try bob.openRequest()
            let end = (gatehouse.clock.now + .seconds(86400)).rfc3339
            #expect(try bob.patch("/access-requests/\(request)/approve", ["expires_at": .string(end)]).code == "forbidden")
            #expect(try bob.patch("/access-requests/\(request)/approve", [:]).status == 200)
            let person = try gatehouse.miniApp(7)["user"]?["id"]?.string
            #expect(try bob.get("/users")["items"]?.array?.compactMap { $0["id"]?.string }.contains(person ?? "") == true)
            #expect(try ada.get("/users")["items"]?.array?.compactMap { $0["id"]?.string }.contains(person ?? "") == true)
        }
    }

    @Test("nobody lets themselves in, and nobody by it who is blocked", arguments: Stores.all)
    func own(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try gatehouse.ask(42).status == 202)
            let id = try root.openRequest()
            let data: JSON = ["init_data": .string(SignedByTelegram().initData(42, at: gatehouse.clock.now))]
            let admin = try root.created("admin@example.com", roles: ["Admin"])
            #expect(try admin.post("/auth/telegram/link", data).status == 200)
            #expect(try admin.patch("/access-requests/\(id)/approve", [:]).code == "forbidden")
            #expect(try root.post("/users/\(admin.id)/block").status == 200)
            #expect(try root.patch("/access-requests/\(id)/approve", [:]).code == "account_blocked")
            #expect(try gatehouse.ask(42).code == "account_blocked")
        }
    }

    @Test("pages follow each other")
    func pages() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            for person in Int64(1)...5 {
                #expect(try gatehouse.ask(person).status == 202)
                gatehouse.clock.advance(by: .milliseconds(1))
            }
            var seen: [Int64] = []
            var after: String?
            repeat {
                let page = try root.get("/access-requests?limit=2&status=PENDING" + (after.map { "&after=\($0)" } ?? ""))
                seen += (page["items"]?.array ?? []).compactMap { $0["telegram_id"]?.integer }
                after = page["next"]?.string
            } while after != nil
            #expect(seen == [5, 4, 3, 2, 1])
            #expect(try root.get("/access-requests?status=OPEN").code == "validation_failed")
        }
    }

    @Test("whoever is erased leaves no request, and an export has them", arguments: Stores.all)
    func erasure(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try gatehouse.ask(42).status == 202)
            let approved = try root.patch("/access-requests/\(try root.openRequest())/approve", [:])
            let ada = try #require(approved["user_id"]?.string)
            let export = try root.get("/users/\(ada)/export")
            #expect(export["access_requests"]?.array?.first?["telegram_id"] == 42, "\(export.text)")
            #expect(try root.post("/users/\(ada)/erase").status == 200)
            #expect(try root.get("/access-requests")["items"]?.array?.isEmpty == true)
        }
    }

    @Test("what is over is deleted in time")
    func sweep() async throws {
        try await withGatehouse(Self.settings) { gatehouse in
            #expect(try gatehouse.ask(42).status == 202)
            gatehouse.clock.advance(by: .seconds(14 * 86400 + 89 * 86400))
            try await gatehouse.services.housekeeping.sweep()
            #expect(try await gatehouse.store.reading.accessRequests.page(nil, after: nil, within: nil, limit: 9, at: gatehouse.clock.now).count == 1)
            gatehouse.clock.advance(by: .seconds(2 * 86400))
            try await gatehouse.services.housekeeping.sweep()
            #expect(try await gatehouse.store.reading.accessRequests.page(nil, after: nil, within: nil, limit: 9, at: gatehouse.clock.now).isEmpty)
        }
    }
}

extension Gatehouse {
    /// Asks for access as somebody of Telegram.
    func ask(_ person: Int64, query: String = "") throws -> HTTPClient.Reply {
        let data = SignedByTelegram().initData(person, at: clock.now, queryID: "\(RandomSource.system.uint64())")
        return try telegram(["init_data": .string(data)], query: query, to: "/access-requests")
    }
}

extension Member {
    /// The newest request that waits.
    func openRequest() throws -> String {
        let list = try get("/access-requests?status=PENDING")
        return try #require(list["items"]?.array?.first?["id"]?.string, "\(list.text)")
    }
}
