import Ground
import Testing

@Suite("Address lists") struct AddressListTests {
    private static let proxied = ["TRUSTED_PROXIES": "127.0.0.0/8"]

    private func from(_ address: String) -> [String: String] { ["X-Forwarded-For": address] }

    @Test("a person's list holds at sign-in, at refresh and at each request, and a refused token is not used up", arguments: Stores.all)
    func person(kind: StoreKind) async throws {  // REQ-AUTH-60, case 38
        try await withGatehouse(on: kind, Self.proxied) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let set = try root.patch(
                "/users/\(ada.id)/ip-whitelist",
                ["ip_whitelist_enabled": true, "allowed_ips": ["192.0.2.0/24", "2001:db8::7"]])
            #expect(set.status == 200 && set["your_address_allowed"] == true, "\(set.text)")
            func ask(_ address: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send("GET", "/auth/validate", token: ada.accessToken, headers: from(address))
            }
            func refresh(_ address: String, _ token: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/refresh", json: ["refresh_token": .string(token)], headers: from(address))
            }
            for (address, isAllowed) in [
                ("192.0.2.200", true), ("::ffff:192.0.2.1", true), ("2001:db8::7", true), ("192.0.3.1", false),
                ("2001:db8::8", false), ("127.0.0.1", false),
            ] {
                #expect(try ask(address).code == (isAllowed ? "" : "address_not_allowed"), "\(address)")
                let login = try gatehouse.login(headers: from(address))
                #expect(login.code == (isAllowed ? "" : "address_not_allowed"), "\(address)")
            }
            #expect(try refresh("203.0.113.5", ada.refreshToken).code == "address_not_allowed")
            let moved = try refresh("192.0.2.9", ada.refreshToken)
            #expect(moved.status == 200)
            #expect(try refresh("203.0.113.5", ada.refreshToken).code == "address_not_allowed")
            // Each refused refresh, and of the refused requests the first.
            #expect(try await gatehouse.audit("address.refused").count == 3)
            let off = try root.patch("/users/\(ada.id)/ip-whitelist", ["ip_whitelist_enabled": false])
            #expect(off.status == 200)
            #expect(try ask("203.0.113.5").status == 200)
        }
    }

    @Test("a role's list holds for whoever has the role, beside their own", arguments: Stores.all)
    func role(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.proxied) { gatehouse in
            let root = try gatehouse.superAdmin()
            let role = try #require(try root.post("/roles", ["name": "Office"])["id"]?.string)
            let grace = try root.created("grace@example.com", roles: ["Office"])
            let list: JSON = ["ip_whitelist_enabled": true, "allowed_ips": ["10.0.0.0/8"]]
            #expect(try root.patch("/roles/\(role)/ip-whitelist", list).status == 200)
            func ask(_ address: String) throws -> String {
                try gatehouse.client.send("GET", "/auth/validate", token: grace.accessToken, headers: from(address)).code
            }
            #expect(try ask("10.1.2.3") == "")
            #expect(try ask("192.0.2.1") == "address_not_allowed")
            let own = try root.patch(
                "/users/\(grace.id)/ip-whitelist", ["ip_whitelist_enabled": true, "allowed_ips": ["10.9.0.0/16"]])
            #expect(own.status == 200)
            #expect(try ask("10.1.2.3") == "address_not_allowed")
            #expect(try ask("10.9.2.3") == "")
            #expect(try root.isSignedIn())
        }
    }

    @Test("a list that would shut its author out is told of first, and refused unless it is forced", arguments: Stores.all)
    func dryRun(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            func set(_ more: JSON.Member...) throws -> HTTPClient.Reply {
                try root.patch(
                    "/users/\(root.id)/ip-whitelist",
                    .object([.init("ip_whitelist_enabled", true), .init("allowed_ips", ["192.0.2.1"])] + more))
            }
            let tried = try set(.init("dry_run", true))
            #expect(tried["your_address_allowed"] == false && tried["your_address"] == "127.0.0.1", "\(tried.text)")
            #expect(try root.get("/users/\(root.id)")["ip_whitelist_enabled"] == false)
            #expect(try set().code == "would_shut_you_out")
            #expect(try root.isSignedIn())
            #expect(try set(.init("force", true)).status == 200)
            #expect(try root.get("/auth/validate").code == "address_not_allowed")
            try await gatehouse.services.addressRules.switchOff(ofUser: "root@example.com")
            #expect(try root.isSignedIn())
        }
    }

    @Test("a list that cannot be read is refused", arguments: [
        "192.0.2.1/33", "192.0.2", "2001:db8::/129", "example.com", "", "192.0.2.1 ", "0x7f.1", "::g",
    ])
    func unreadable(entry: String) async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let refused = try root.patch(
                "/users/\(root.id)/ip-whitelist", ["ip_whitelist_enabled": true, "allowed_ips": [.string(entry)]])
            #expect(refused.status == 400 && refused["errors"]?[0]?["code"] == "not_an_address", "\(refused.text)")
        }
    }

    @Test("a list that is switched on is not empty, and countries need a database of them")
    func empty() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let empty = try root.patch("/users/\(root.id)/ip-whitelist", ["ip_whitelist_enabled": true])
            #expect(empty["errors"]?[0]?["code"] == "empty_list")
            let countries = try root.patch(
                "/users/\(root.id)/ip-whitelist", ["ip_whitelist_enabled": true, "allowed_countries": ["DE"]])
            #expect(countries["errors"]?[0]?["code"] == "countries_unknown")
        }
    }
}
