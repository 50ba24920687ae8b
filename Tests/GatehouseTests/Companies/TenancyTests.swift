import Ground
import Testing

@Suite("Companies") struct TenancyTests {
    @Test("an administrator of one company sees and touches nothing of another", arguments: Stores.all)
    func case48Tenants(kind: StoreKind) async throws {  // case 48, CO-11
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let company = try #require(ada.companyID)
            let grace = try ada.created("grace@example.com", roles: ["Viewer"])
            let emails = try eve.get("/users")["items"]?.array?.compactMap { $0["email"]?.string }
            #expect(emails == ["eve@example.com"])
            #expect(try eve.get("/users?search=grace")["items"] == [])
            #expect(try eve.get("/users?company_id=\(company)").code == "not_found")
            let attempts: [(String, String, JSON)] = [
                ("GET", "/users/\(grace.id)", [:]), ("PATCH", "/users/\(grace.id)", ["status": "SUSPENDED"]),
                ("POST", "/users/\(grace.id)/block", [:]), ("DELETE", "/users/\(grace.id)", [:]),
                ("POST", "/users/\(grace.id)/require-password-change", [:]), ("POST", "/users/\(grace.id)/erase", [:]),
                ("POST", "/users/\(grace.id)/password", [:]), ("GET", "/users/\(grace.id)/export", [:]),
                ("GET", "/users/\(grace.id)/roles", [:]),
                ("POST", "/users/\(grace.id)/roles", ["role": "Viewer", "company_id": .string(company)]),
                ("PATCH", "/users/\(grace.id)/ip-whitelist", ["ip_whitelist_enabled": false]),
                ("GET", "/companies/\(company)", [:]), ("PATCH", "/companies/\(company)", ["name": "Owned"]),
                ("DELETE", "/companies/\(company)/members/\(grace.id)", [:]),
                ("POST", "/users", ["name": "Spy", "email": "spy@example.com", "company_id": .string(company)]),
                ("POST", "/invitations", ["email": "spy@example.com", "company_id": .string(company)]),
                ("POST", "/authorize", ["permission": "users:read", "user_id": .string(grace.id), "company_id": .string(company)]),
            ]
            for (method, path, body) in attempts {
                let refused = try gatehouse.client.send(
                    method, path, json: method == "GET" || method == "DELETE" ? nil : body, token: eve.accessToken)
                #expect(refused.status == 404, "\(method) \(path): \(refused.text)")
            }
            #expect(try eve.get("/companies")["items"]?.array?.count == 1)
            #expect(try ada.get("/users")["items"]?.array?.count == 2)
            #expect(try grace.isSignedIn())
        }
    }

    @Test("a person of two companies is changed as a whole only by whoever may do so everywhere", arguments: Stores.all)
    func twoCompanies(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let grace = try ada.created("grace@example.com")
            let company = try #require(eve.companyID)
            #expect(try eve.post("/companies/\(company)/members", ["user_id": .string(grace.id)]).status == 404)
            #expect(try root.post("/companies/\(company)/members", ["user_id": .string(grace.id)]).status == 200)
            #expect(try root.post("/companies/\(company)/members", ["user_id": .string(grace.id)]).code == "already_member")
            #expect(try eve.post("/users/\(grace.id)/block").code == "forbidden")
            #expect(try eve.post("/users/\(grace.id)/roles", ["role": "Viewer", "company_id": .string(company)]).status == 201)
            #expect(try eve.post("/users/\(grace.id)/roles", ["role": "Viewer"]).code == "forbidden")
            #expect(try grace.get("/roles").code == "forbidden")
            #expect(try eve.delete("/companies/\(company)/members/\(grace.id)").status == 200)
            #expect(try eve.get("/users/\(grace.id)").status == 404)
            #expect(try ada.get("/users/\(grace.id)")["grants"] == [])
            #expect(try grace.isSignedIn())
        }
    }

    @Test("nobody takes someone out of their company who may do more than they", arguments: Stores.all)
    func takingOutWhoStandsAbove(kind: StoreKind) async throws {  // REQ-AUTH-72
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let company = try #require(ada.companyID)
            let admin = try #require(try ada.get("/users/\(ada.id)")["grants"]?[0]?["id"]?.string)
            let eve = try root.created("eve@example.com", roles: ["SuperAdmin"])
            let grace = try root.created("grace@example.com", roles: ["Viewer"], company: company)
            #expect(try root.post("/companies/\(company)/members", ["user_id": .string(eve.id)]).status == 200)
            #expect(try ada.delete("/companies/\(company)/members/\(eve.id)").code == "forbidden")
            #expect(try ada.get("/users/\(eve.id)").status == 200)
            #expect(try root.delete("/companies/\(company)/members/\(eve.id)").status == 200)
            #expect(try ada.delete("/companies/\(company)/members/\(grace.id)").status == 200)
            #expect(try root.delete("/users/\(ada.id)/roles/\(admin)").status == 200)
            #expect(try ada.delete("/companies/\(company)/members/\(ada.id)").code == "forbidden")
        }
    }

    @Test("a company has a name, a domain that is no other's, and as many members as it may have", arguments: Stores.all)
    func limits(kind: StoreKind) async throws {  // CO-8
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let made = try root.post("/companies", ["name": "Engines", "domain": "BÜCHER.example", "member_limit": 1])
            #expect(made.status == 201 && made["domain"] == "xn--bcher-kva.example")
            let id = try #require(made["id"]?.string)
            #expect(try root.post("/companies", ["name": "Others", "domain": "bücher.example"]).code == "domain_taken")
            let grace = try root.created("grace@example.com", roles: ["Admin"], company: id)
            #expect(try grace.post("/users", ["name": "One More", "email": "more@example.com"]).code == "too_many")
            #expect(try grace.patch("/companies/\(id)", ["member_limit": 5]).code == "forbidden")
            #expect(try grace.patch("/companies/\(id)", ["name": "Better Engines"])["name"] == "Better Engines")
            #expect(try root.patch("/companies/\(id)", ["member_limit": nil])["member_limit"] == .null)
            #expect(try grace.post("/users", ["name": "One More", "email": "more@example.com"]).status == 201)
            #expect(try root.delete("/companies/\(id)").status == 200)
            #expect(try grace.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.login("grace@example.com").code == "company_suspended")
            #expect(try root.post("/companies", ["name": "Others", "domain": "bücher.example"]).status == 201)
        }
    }
}
