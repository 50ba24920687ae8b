import Ground
import Testing

@Suite("Events of a company") struct TenantEventsTests {
    @Test("a company sees and hears what happens to its people, and nothing of those of others", arguments: Stores.all)
    func events(kind: StoreKind) async throws {
        try await withReceiver { receiver in
            try await withGatehouse(on: kind, Receiver.settings) { gatehouse in
                let root = try gatehouse.superAdmin()
                let ada = try gatehouse.registered()
                let eve = try gatehouse.registered("eve@example.com")
                let grace = try ada.created("grace@example.com")
                let webhook = try ada.webhook(receiver.url("/ada"), ["sign_in.failed"])
                let others = try eve.webhook(receiver.url("/eve"), ["sign_in.failed"])
                #expect(try gatehouse.login("grace@example.com", password: "wrong horse").status == 401)
                #expect(try gatehouse.login("nobody@example.com", password: "wrong horse").status == 401)
                #expect(try root.patch("/users/\(grace.id)", ["email": "hopper@example.com"]).status == 200)
                #expect(try root.post("/users/\(grace.id)/require-password-change").status == 200)
                #expect(try root.post("/users/\(grace.id)/block").status == 200)
                #expect(try root.delete("/users/\(grace.id)").status == 200)
                #expect(try root.post("/users/\(grace.id)/restore").status == 200)
                #expect(try root.get("/users/\(grace.id)/export").status == 200)
                #expect(try root.post("/users/\(grace.id)/erase").status == 200)
                func seen(by member: Member) throws -> [String] {
                    let rows = try member.get("/audit-logs?user_id=\(grace.id)&limit=100")["items"]?.array ?? []
                    return rows.compactMap { $0["event"]?.string }
                }
                #expect(Set(try seen(by: ada)).isSuperset(of: [
                    "sign_in.failed", "email.changed", "password.change_required", "user.status_changed", "user.deleted",
                    "user.restored", "user.exported", "user.erased",
                ]))
                #expect(try seen(by: eve) == [])
                let sent = try await ada.delivery(of: webhook) { $0["type"] == "sign_in.failed" }
                #expect(sent["body"]?["data"]?["user_id"]?.string == grace.id)
                #expect(try ada.deliveries(of: webhook).count == 1)
                #expect(try eve.deliveries(of: others).isEmpty)
            }
        }
    }

    @Test("what happens to a person of two companies is none of either", arguments: Stores.all)
    func twoCompanies(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let grace = try ada.created("grace@example.com")
            let second = try #require(eve.companyID)
            let events = ["sign_in.failed", "user.status_changed"]
            func seen(by member: Member) throws -> Int {
                try events.map { event in
                    try member.get("/audit-logs?event=\(event)&user_id=\(grace.id)")["items"]?.array?.count ?? 0
                }.reduce(0, +)
            }
            // The first sign-in, with a password that somebody else chose, counts as one that failed.
            #expect(try seen(by: ada) == 1)
            #expect(try root.post("/companies/\(second)/members", ["user_id": .string(grace.id)]).status == 200)
            #expect(try gatehouse.login("grace@example.com", password: "wrong horse").status == 401)
            #expect(try root.post("/users/\(grace.id)/block").status == 200)
            #expect(try seen(by: ada) == 1)
            #expect(try seen(by: eve) == 0)
            #expect(try seen(by: root) == 3)
        }
    }
}
