import Ground
import Testing

@Suite("The company of a session") struct SessionCompanyTests {
    /// Grace belongs to the companies of Ada, where she administers, and of Eve, where she only looks.
    private func withGrace(on kind: StoreKind, _ body: (Gatehouse, Member, Member, Member) async throws -> Void) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let eve = try gatehouse.registered("eve@example.com")
            let grace = try gatehouse.registered("grace@example.com")
            let second = try #require(eve.companyID)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try root.post("/companies/\(second)/members", ["user_id": .string(grace.id)]).status == 200)
            let viewer = try root.post("/users/\(grace.id)/roles", ["role": "Viewer", "company_id": .string(second)])
            #expect(viewer.status == 201, "\(viewer.text)")
            try await body(gatehouse, root, eve, grace)
        }
    }

    private func login(_ gatehouse: Gatehouse, to company: JSON, password: String = Member.password) throws -> HTTPClient.Reply {
        try gatehouse.client.send(
            "POST", "/auth/login",
            json: ["email": "grace@example.com", "password": .string(password), "company_id": company])
    }

    @Test("a sign-in names the company, and what is wrong with it is told to whoever has the password", arguments: Stores.all)
    func signIn(kind: StoreKind) async throws {
        try await withGrace(on: kind) { gatehouse, root, eve, grace in
            let stranger = try gatehouse.registered("ada@example.com")
            let second = try #require(eve.companyID)
            let chosen = try login(gatehouse, to: .string(second))
            #expect(chosen.status == 200 && chosen["company"]?["id"]?.string == second)
            #expect(chosen["user"]?["roles"] == ["Viewer"])
            #expect(try login(gatehouse, to: nil)["company"]?["id"]?.string == grace.companyID)
            let foreign = try login(gatehouse, to: JSON(stranger.companyID))
            #expect(foreign.status == 409 && foreign.code == "not_member")
            #expect(try login(gatehouse, to: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293").code == "not_member")
            #expect(try login(gatehouse, to: JSON(stranger.companyID), password: "wrong horse").code == "credentials_invalid")
            #expect(try login(gatehouse, to: "second").code == "validation_failed")
            #expect(try root.patch("/companies/\(second)", ["status": "SUSPENDED"]).status == 200)
            #expect(try login(gatehouse, to: .string(second)).code == "company_suspended")
            // None of these is a failure to know the password.
            for _ in 0..<6 { #expect(try login(gatehouse, to: JSON(stranger.companyID)).code == "not_member") }
            #expect(try gatehouse.login("grace@example.com").status == 200)
            let reasons = try await gatehouse.audit("sign_in.failed").map(\.metadata)
            #expect(reasons.contains("{\"reason\":\"not_member\"}"))
        }
    }

    @Test("a session that moves has the rights of its new company at once, and not those of the old", arguments: Stores.all)
    func moving(kind: StoreKind) async throws {
        try await withGrace(on: kind) { gatehouse, _, eve, grace in
            let (first, second) = (try #require(grace.companyID), try #require(eve.companyID))
            #expect(try grace.patch("/companies/\(first)", ["name": "Compilers"]).status == 200)
            let moved = try grace.patch("/auth/session", ["company_id": .string(second)])
            #expect(moved.status == 200 && moved["company"]?["id"]?.string == second, "\(moved.text)")
            #expect(moved["user"]?["roles"] == ["Viewer"] && moved["session_id"]?.string == grace.sessionID)
            #expect(moved["refresh_token"] == nil)
            var later = grace
            later.accessToken = try #require(moved["access_token"]?.string)
            for member in [grace, later] {
                #expect(try member.get("/auth/validate")["company"]?["id"]?.string == second)
                #expect(try member.patch("/companies/\(first)", ["name": "Linkers"]).code == "forbidden")
                #expect(try member.get("/companies/\(second)").status == 200)
                #expect(try member.get("/companies/\(first)").status == 404)
            }
            gatehouse.clock.advance(by: .seconds(1))
            let refreshed = try gatehouse.refresh(grace.refreshToken)
            #expect(refreshed["company"]?["id"]?.string == second, "\(refreshed.text)")
            #expect(try later.patch("/auth/session", ["company_id": .string(first)])["user"]?["roles"] == ["Admin"])
            #expect(try later.patch("/auth/session", ["company_id": .string(first)]).status == 200)
            let rows = try await gatehouse.audit("session.company_changed")
            #expect(rows.map { $0.companyID?.description } == [first, second])
            #expect(Set(rows.map { $0.sessionID?.description }) == [grace.sessionID])
        }
    }

    @Test("a session moves nowhere that its person does not belong to, or may not come from", arguments: Stores.all)
    func refusals(kind: StoreKind) async throws {
        try await withGrace(on: kind) { gatehouse, root, eve, grace in
            let stranger = try gatehouse.registered("ada@example.com")
            let second = try #require(eve.companyID)
            func move(to company: JSON) throws -> String { try grace.patch("/auth/session", ["company_id": company]).code }
            #expect(try move(to: JSON(stranger.companyID)) == "not_member")
            #expect(try move(to: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293") == "not_member")
            #expect(try move(to: nil) == "validation_failed")
            #expect(try grace.patch("/auth/session", [:]).code == "validation_failed")
            let viewer = try #require(try root.get("/roles")["items"]?.array?.first { $0["name"] == "Viewer" }?["id"]?.string)
            let list: JSON = ["ip_whitelist_enabled": true, "allowed_ips": ["192.0.2.0/24"]]
            #expect(try root.patch("/roles/\(viewer)/ip-whitelist", list).status == 200)
            #expect(try move(to: .string(second)) == "address_not_allowed")
            #expect(try await gatehouse.audit("address.refused").map { $0.companyID?.description } == [grace.companyID])
            #expect(try root.patch("/roles/\(viewer)/ip-whitelist", ["ip_whitelist_enabled": false]).status == 200)
            #expect(try root.patch("/companies/\(second)", ["status": "SUSPENDED"]).status == 200)
            #expect(try move(to: .string(second)) == "company_suspended")
            #expect(try grace.get("/auth/validate")["company"]?["id"]?.string == grace.companyID)
            // Where it stands it ends with its company.
            #expect(try root.patch("/companies/\(second)", ["status": "ACTIVE"]).status == 200)
            #expect(try move(to: .string(second)) == "")
            #expect(try root.patch("/companies/\(second)", ["status": "SUSPENDED"]).status == 200)
            #expect(try grace.get("/auth/validate").code == "session_ended")
        }
    }
}
