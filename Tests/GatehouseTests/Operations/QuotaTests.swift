import Ground
import Store
import Testing

/// What there may be so many of, filled up where that is cheap: in the store.
@Suite("What there may be so many of") struct QuotaTests {
    @Test("there are a thousand roles at most")
    func roles() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let now = gatehouse.clock.now
            try await gatehouse.store.transaction { repositories in
                for number in try await repositories.roles.count()..<999 {
                    _ = try await repositories.roles.insert(
                        Role(id: UUID(at: now, random: .system), name: "Role \(number)", description: "", at: now))
                }
            }
            #expect(try root.post("/roles", ["name": "The Thousandth"]).status == 201)
            let refused = try root.post("/roles", ["name": "One Too Many"])
            #expect(refused.status == 409 && refused.code == "too_many")
        }
    }

    @Test("a service account has fifty keys at most, those that are over counted")
    func keys() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let account = try #require(try root.post("/service-accounts", ["name": "Billing"])["id"]?.string)
            func make() throws -> HTTPClient.Reply {
                try root.post("/service-accounts/\(account)/keys", ["name": "Key", "scopes": []])
            }
            for _ in 0..<50 { #expect(try make().status == 201) }
            #expect(try make().code == "too_many")
            let first = try #require(try root.get("/service-accounts/\(account)")["keys"]?[0]?["id"]?.string)
            #expect(try root.delete("/service-accounts/\(account)/keys/\(first)").status == 200)
            #expect(try make().code == "too_many")
        }
    }

    @Test("all that services keep about a person has 64 KiB at most")
    func appData() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let account = try #require(try root.post("/service-accounts", ["name": "Billing"])["id"]?.string)
            let made = try root.post("/service-accounts/\(account)/keys", ["name": "Key", "scopes": ["app_data:*"]])
            let key = try #require(made["api_key"]?.string, "\(made.text)")
            func write(_ name: String, _ count: Int) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "PUT", "/users/\(root.id)/app-data/\(name)",
                    json: ["data": ["t": .string(String(repeating: "x", count: count))]], token: key)
            }
            for name in ["one", "two", "three", "four"] { #expect(try write(name, 16_350).status == 200) }
            // Four times 16,350 and what stands around it are 65,464 bytes of 65,536.
            let refused = try write("five", 80)
            #expect(refused.status == 400 && refused["errors"]?[0]?["code"] == "too_long", "\(refused.text)")
            #expect(try write("five", 10).status == 200)
            #expect(try write("one", 10).status == 200)
            #expect(try write("five", 80).status == 200)
        }
    }
}
