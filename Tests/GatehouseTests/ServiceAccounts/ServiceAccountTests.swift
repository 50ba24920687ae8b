import Ground
import Testing

@Suite("Service accounts") struct ServiceAccountTests {
    private func key(_ member: Member, _ scopes: [String], company: String? = nil, expiresAt: JSON = nil) throws
        -> (account: String, key: String, text: String)
    {
        let account = try member.post("/service-accounts", ["name": "Billing", "company_id": JSON(company)])
        let id = try #require(account["id"]?.string, "\(account.text)")
        let made = try member.post(
            "/service-accounts/\(id)/keys",
            ["name": "Production", "scopes": .array(scopes.map { .string($0) }), "expires_at": expiresAt])
        return (id, try #require(made["key"]?["id"]?.string, "\(made.text)"), try #require(made["api_key"]?.string))
    }

    @Test("a program keeps data about a person under its name; the person's next check shows it", arguments: Stores.all)
    func appData(kind: StoreKind) async throws {  // TEL-4
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let (account, _, text) = try key(root, ["app_data:balance"])
            func send(_ method: String, _ name: String, _ data: JSON? = nil, to user: String? = nil) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    method, "/users/\(user ?? ada.id)/app-data/\(name)", json: data.map { ["data": $0] }, token: text)
            }
            #expect(try send("GET", "balance").status == 404)
            #expect(try send("PUT", "balance", ["coins": 120]).status == 200)
            #expect(try ada.get("/auth/validate")["app_data"] == ["balance": ["coins": 120]])
            #expect(try send("PUT", "balance", ["coins": 7])["data"] == ["coins": 7])
            #expect(try send("GET", "balance")["data"] == ["coins": 7])
            #expect(try send("PUT", "stats", ["wins": 1])["detail"] == "The permission app_data:stats is missing.")
            #expect(try send("PUT", "balance", [:], to: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293").status == 404)
            #expect(try send("PUT", "balance", ["text": .string(String(repeating: "x", count: 17_000))]).status == 400)
            // A person, however high, writes none of it.
            let own = try gatehouse.client.send(
                "PUT", "/users/\(ada.id)/app-data/balance", json: ["data": ["coins": 999]], token: root.accessToken)
            #expect(own.code == "token_invalid")
            #expect(try ada.patch("/users/\(ada.id)", ["app_data": [:]]).status == 400)
            #expect(try send("DELETE", "balance").status == 200)
            #expect(try ada.get("/auth/validate")["app_data"] == [:])
            let keys = try root.get("/service-accounts/\(account)")["keys"]
            #expect(keys?[0]?["last_used_at"]?.string != nil && keys?[0]?["scopes"] == ["app_data:balance"])
            #expect(try await gatehouse.audit("app_data.written").count == 3)
        }
    }

    @Test("a key opens nothing once it has expired, is revoked, or its account is disabled", arguments: Stores.all)
    func ends(kind: StoreKind) async throws {  // case 51
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            func ask(_ text: String) throws -> String {
                try gatehouse.client.send("POST", "/authorize", json: ["permission": "permissions:check"], token: text).code
            }
            let (account, id, text) = try key(root, ["permissions:check"])
            #expect(try ask(text) == "")
            for bad in ["ghk_", "ghk_x", String(text.dropLast(2)), String(text.dropLast()) + "!", text + "A"] {
                #expect(try ask(bad) == "token_invalid", "\(bad)")
            }
            #expect(try root.patch("/service-accounts/\(account)", ["enabled": false])["enabled"] == false)
            #expect(try ask(text) == "token_invalid")
            #expect(try root.patch("/service-accounts/\(account)", ["enabled": true]).status == 200)
            #expect(try ask(text) == "")
            #expect(try root.delete("/service-accounts/\(account)/keys/\(id)").status == 200)
            #expect(try ask(text) == "token_invalid")
            #expect(try root.delete("/service-accounts/\(account)/keys/\(id)").status == 404)
            let end = (gatehouse.clock.now + .seconds(60)).rfc3339
            let brief = try key(root, ["permissions:check"], expiresAt: .string(end))
            #expect(try ask(brief.text) == "")
            gatehouse.clock.advance(by: .seconds(61))
            #expect(try ask(brief.text) == "token_expired")
            let gone = try key(root, ["permissions:check"])
            #expect(try root.delete("/service-accounts/\(gone.account)").status == 200)
            #expect(try ask(gone.text) == "token_invalid")
        }
    }

    @Test("nobody gives a key a scope that they have not, and a company's key ends at the company", arguments: Stores.all)
    func bounds(kind: StoreKind) async throws {  // cases 47, 48
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let (account, _, _) = try key(ada, ["users:read"])
            let refused = try ada.post("/service-accounts/\(account)/keys", ["name": "More", "scopes": ["companies:create"]])
            #expect(refused.status == 403 && refused["detail"] == "The permission companies:create is missing.")
            #expect(try eve.get("/service-accounts/\(account)").status == 404)
            #expect(try eve.delete("/service-accounts/\(account)").status == 404)
            #expect(try eve.get("/service-accounts")["items"] == [])
            let company = try #require(ada.companyID)
            let (_, _, text) = try key(root, ["app_data:*", "permissions:check"], company: company)
            func write(_ user: String) throws -> Int {
                try gatehouse.client.send(
                    "PUT", "/users/\(user)/app-data/balance", json: ["data": [:]], token: text).status
            }
            #expect(try write(ada.id) == 200)
            #expect(try write(eve.id) == 404)
            let check: JSON = ["permission": "users:read", "user_id": .string(ada.id), "company_id": .string(company)]
            let allowed = try gatehouse.client.send("POST", "/authorize", json: check, token: text)
            #expect(allowed["allowed"] == true, "\(allowed.text)")
            #expect(try gatehouse.client.send("GET", "/users", token: text).code == "token_invalid")
            #expect(try root.patch("/companies/\(company)", ["status": "SUSPENDED"]).status == 200)
            #expect(try write(ada.id) == 401)
        }
    }
}
