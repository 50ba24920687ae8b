import Ground
import Testing

@Suite("Losing a role") struct DemotionTests {
    /// What another node did that was killed before it could tell of it: this one still remembers the roles.
    private func demote(_ member: Member) async throws {
        let user = try #require(UUID(member.id))
        try await member.gatehouse.store.transaction { repositories in
            try await repositories.grants.withdrawAll(from: user, in: nil)
        }
    }

    @Test("whoever lost a role changes nothing by it, although the node has not heard of it", arguments: Stores.all)
    func unheard(kind: StoreKind) async throws {  // REQ-AUTH-72
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com", roles: ["SuperAdmin"])
            let ada = try gatehouse.registered()
            let company = try #require(ada.companyID)
            let account = try #require(try grace.post("/service-accounts", ["name": "Billing"])["id"]?.string)
            let key = try #require(
                try grace.post("/service-accounts/\(account)/keys", ["name": "Key", "scopes": []])["key"]?["id"]?.string)
            let hook = try grace.post("/webhooks", ["url": "https://example.com/hooks", "events": ["*"]])
            let webhook = try #require(hook["id"]?.string, "\(hook.text)")
            let invited = try grace.post("/invitations", ["email": "spy@example.com"])
            let invitation = try #require(invited["invitation"]?["id"]?.string, "\(invited.text)")
            try await demote(grace)
            let attempts: [(String, String, JSON?)] = [
                ("POST", "/companies", ["name": "Engines"]), ("PATCH", "/companies/\(company)", ["name": "Owned"]),
                ("PATCH", "/companies/\(company)", ["status": "SUSPENDED"]), ("PATCH", "/companies/\(company)", [:]),
                ("DELETE", "/companies/\(company)/members/\(ada.id)", nil),
                ("POST", "/companies/\(company)/members", ["user_id": .string(grace.id)]),
                ("DELETE", "/companies/\(company)", nil), ("POST", "/service-accounts", ["name": "Spy"]),
                ("PATCH", "/service-accounts/\(account)", ["enabled": false]),
                ("POST", "/service-accounts/\(account)/keys", ["name": "Spy", "scopes": []]),
                ("DELETE", "/service-accounts/\(account)/keys/\(key)", nil), ("DELETE", "/service-accounts/\(account)", nil),
                ("POST", "/webhooks", ["url": "https://example.com/spy", "events": ["*"]]),
                ("PATCH", "/webhooks/\(webhook)", ["enabled": false]), ("POST", "/webhooks/\(webhook)/test", [:]),
                ("POST", "/webhooks/\(webhook)/rotate-secret", [:]), ("DELETE", "/webhooks/\(webhook)", nil),
                ("POST", "/users", ["name": "Spy", "email": "spy2@example.com"]),
                ("POST", "/invitations", ["email": "spy2@example.com"]), ("DELETE", "/invitations/\(invitation)", nil),
                ("PATCH", "/users/\(ada.id)", ["status": "SUSPENDED"]), ("DELETE", "/users/\(ada.id)", nil),
                ("POST", "/roles", ["name": "Spies"]), ("POST", "/users/\(ada.id)/roles", ["role": "Viewer"]),
            ]
            for (method, path, body) in attempts {
                let refused = try gatehouse.client.send(
                    method, path, json: body, token: grace.accessToken)
                #expect(refused.status == 403 && refused.code == "forbidden", "\(method) \(path): \(refused.text)")
            }
            #expect(try root.get("/companies/\(company)")["status"] == "ACTIVE")
            #expect(try ada.isSignedIn())
        }
    }

    @Test("a change of nothing needs the permission too", arguments: Stores.all)
    func changeOfNothing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let company = try #require(ada.companyID)
            let grace = try root.created("grace@example.com")
            #expect(try grace.patch("/companies/\(company)", [:]).code == "forbidden")
            #expect(try eve.patch("/companies/\(company)", [:]).code == "not_found")
            #expect(try ada.patch("/companies/\(company)", [:]).status == 200)
        }
    }
}
