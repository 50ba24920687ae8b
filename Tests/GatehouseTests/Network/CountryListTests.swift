import Ground
import Testing

/// Germany is at 192.0.2.0/24 and 2001:db8::/33, Austria at 198.51.100.0/25, and nobody knows where 127.0.0.1 is:
/// `CountryWriter.usual`.
@Suite("Address lists with countries") struct CountryListTests {
    private func from(_ address: String) -> [String: String] { ["X-Forwarded-For": address] }

    private func settings(_ fixture: CountryFixture?) -> [String: String] {
        ["TRUSTED_PROXIES": "127.0.0.0/8", "JWT_EXPIRES_IN": "12h"].merging(
            fixture.map { ["GEOIP_DATABASE": $0.path] } ?? [:]) { $1 }
    }

    private func withCountries(
        on kind: StoreKind = .sqliteInMemory, _ body: (Gatehouse, CountryFixture) async throws -> Void
    ) async throws {
        let fixture = try CountryFixture()
        defer { fixture.remove() }
        try await withGatehouse(on: kind, settings(fixture)) { try await body($0, fixture) }
    }

    private func list(_ countries: [String], addresses: [String] = [], _ more: JSON.Member...) -> JSON {
        .object(
            [
                .init("ip_whitelist_enabled", true), .init("allowed_ips", .array(addresses.map { .string($0) })),
                .init("allowed_countries", .array(countries.map { .string($0) })),
            ] + more)
    }

    private func ask(_ gatehouse: Gatehouse, _ member: Member, from address: String) throws -> String {
        try gatehouse.client.send("GET", "/auth/validate", token: member.accessToken, headers: from(address)).code
    }

    @Test("a person's countries hold at sign-in, at refresh and at each request; an unknown country is in no list", arguments: Stores.all)
    func person(kind: StoreKind) async throws {  // REQ-AUTH-60
        try await withCountries(on: kind) { gatehouse, _ in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let set = try root.patch("/users/\(ada.id)/ip-whitelist", list(["DE", "LI"]))
            #expect(set.status == 200 && set["allowed_countries"] == ["DE", "LI"], "\(set.text)")
            func refresh(_ address: String, _ token: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/refresh", json: ["refresh_token": .string(token)], headers: from(address))
            }
            for (address, isAllowed) in [
                ("192.0.2.200", true), ("::ffff:192.0.2.1", true), ("2001:db8::7", true), ("203.0.113.7", true),
                ("198.51.100.1", false), ("2001:db8:8000::7", false), ("203.0.113.8", false), ("2001:db9::1", false),
                ("127.0.0.1", false),
            ] {
                let wanted = isAllowed ? "" : "address_not_allowed"
                #expect(try ask(gatehouse, ada, from: address) == wanted, "\(address)")
                #expect(try gatehouse.login(headers: from(address)).code == wanted, "\(address)")
                if !isAllowed { #expect(try refresh(address, ada.refreshToken).code == wanted, "\(address)") }
            }
            let moved = try refresh("2001:db8::9", ada.refreshToken)
            #expect(moved.status == 200, "\(moved.text)")
            #expect(try root.patch("/users/\(ada.id)/ip-whitelist", ["ip_whitelist_enabled": false]).status == 200)
            #expect(try ask(gatehouse, ada, from: "127.0.0.1") == "")
        }
    }

    @Test("a role's countries hold beside a person's addresses, and within a list one entry is enough", arguments: Stores.all)
    func role(kind: StoreKind) async throws {
        try await withCountries(on: kind) { gatehouse, _ in
            let root = try gatehouse.superAdmin()
            let role = try #require(try root.post("/roles", ["name": "Office"])["id"]?.string)
            let grace = try root.created("grace@example.com", roles: ["Office"])
            #expect(try root.patch("/roles/\(role)/ip-whitelist", list(["DE"], addresses: ["198.51.100.9"])).status == 200)
            #expect(try ask(gatehouse, grace, from: "192.0.2.1") == "")
            #expect(try ask(gatehouse, grace, from: "198.51.100.9") == "")
            #expect(try ask(gatehouse, grace, from: "198.51.100.8") == "address_not_allowed")
            let own = list([], addresses: ["198.51.100.0/24", "192.0.2.0/25"])
            #expect(try root.patch("/users/\(grace.id)/ip-whitelist", own).status == 200)
            #expect(try ask(gatehouse, grace, from: "192.0.2.1") == "")
            #expect(try ask(gatehouse, grace, from: "192.0.2.200") == "address_not_allowed")
            #expect(try ask(gatehouse, grace, from: "198.51.100.8") == "address_not_allowed")
            #expect(try root.isSignedIn())
        }
    }

    @Test("countries that would shut their author out are told of first, and refused unless forced", arguments: Stores.all)
    func dryRun(kind: StoreKind) async throws {
        try await withCountries(on: kind) { gatehouse, _ in
            let root = try gatehouse.superAdmin()
            func set(_ countries: [String], from address: String, _ more: JSON.Member...) throws -> HTTPClient.Reply {
                var body = list(countries).members ?? []
                body += more
                return try gatehouse.client.send(
                    "PATCH", "/users/\(root.id)/ip-whitelist", json: .object(body), token: root.accessToken,
                    headers: from(address))
            }
            for (address, country, isAllowed) in [
                ("192.0.2.1", "DE", true), ("2001:db8::1", "DE", true), ("192.0.2.1", "AT", false), ("127.0.0.1", "DE", false),
            ] {
                let tried = try set([country], from: address, .init("dry_run", true))
                #expect(tried["your_address_allowed"] == .bool(isAllowed), "\(tried.text)")
                #expect(tried["your_address"] == .string(address))
            }
            #expect(try root.get("/users/\(root.id)")["ip_whitelist_enabled"] == false)
            #expect(try set(["DE"], from: "198.51.100.1").code == "would_shut_you_out")
            #expect(try set(["DE"], from: "127.0.0.1").code == "would_shut_you_out")
            #expect(try root.isSignedIn())
            #expect(try set(["DE"], from: "192.0.2.1").status == 200)
            #expect(try ask(gatehouse, root, from: "127.0.0.1") == "address_not_allowed")
            #expect(try set(["AT"], from: "192.0.2.1", .init("force", true)).status == 200)
            #expect(try ask(gatehouse, root, from: "192.0.2.1") == "address_not_allowed")
            #expect(try ask(gatehouse, root, from: "198.51.100.1") == "")
        }
    }

    @Test("a database that is replaced holds from the next request on, and a broken one lets nothing fail")
    func replaced() async throws {
        try await withCountries { gatehouse, fixture in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try root.patch("/users/\(ada.id)/ip-whitelist", list(["NO"])).status == 200)
            func askLater() throws -> String {
                gatehouse.clock.advance(by: .seconds(60))
                gatehouse.services.housekeeping.readFiles()
                return try ask(gatehouse, ada, from: "192.0.2.1")
            }
            #expect(try askLater() == "address_not_allowed")
            try fixture.replace(with: CountryWriter(blocks: [("192.0.2.0/24", "NO")]).bytes)
            #expect(try ask(gatehouse, ada, from: "192.0.2.1") == "address_not_allowed")
            #expect(try askLater() == "")
            try fixture.overwrite(with: [])
            #expect(try askLater() == "")
            fixture.removeFile()
            #expect(try askLater() == "")
            #expect(try root.patch("/users/\(ada.id)/ip-whitelist", list(["NO", "SE"])).status == 200)
        }
    }

    @Test("a server that has lost its database of countries lets nobody in on a country", arguments: Stores.all)
    func lost(kind: StoreKind) async throws {
        let fixture = try CountryFixture()
        defer { fixture.remove() }
        try await withStores(kind) { stores in
            let knowing = try await stores.node(settings(fixture))
            let root = try knowing.superAdmin()
            let ada = try knowing.registered()
            let set = try root.patch("/users/\(ada.id)/ip-whitelist", list(["DE"], addresses: ["198.51.100.9"]))
            await knowing.stop()
            let ignorant = try await stores.node(settings(nil))
            #expect(set.status == 200, "\(set.text)")
            #expect(try ask(ignorant, ada, from: "192.0.2.1") == "address_not_allowed")
            #expect(try ignorant.login(headers: from("192.0.2.1")).code == "address_not_allowed")
            #expect(try ask(ignorant, ada, from: "198.51.100.9") == "")
            await ignorant.stop()
        }
    }
}

@Suite("Requests that an address list refuses") struct AddressRefusalTests {
    private static let settings = ["TRUSTED_PROXIES": "127.0.0.0/8", "JWT_EXPIRES_IN": "12h", "JWT_ISSUER": "one"]

    private func ask(_ gatehouse: Gatehouse, _ member: Member, from address: String = "203.0.113.5") throws -> Int {
        try gatehouse.client.send(
            "GET", "/auth/validate", token: member.accessToken, headers: ["X-Forwarded-For": address]).status
    }

    /// Somebody who may come from 192.0.2.1 alone.
    private func bound(at gatehouse: Gatehouse) throws -> Member {
        let root = try gatehouse.superAdmin()
        let ada = try gatehouse.registered()
        let list: JSON = ["ip_whitelist_enabled": true, "allowed_ips": ["192.0.2.1"]]
        let set = try root.patch("/users/\(ada.id)/ip-whitelist", list)
        try #require(set.status == 200, "\(set.text)")
        return ada
    }

    @Test("are in the audit log, once an hour for each session, whichever node was asked", arguments: Stores.all)
    func onceAnHour(kind: StoreKind) async throws {
        try await withStores(kind) { stores in
            let one = try await stores.node(Self.settings)
            let two = try await stores.node(Self.settings)
            let ada = try bound(at: one)
            func refuse(_ member: Member, times: Int) throws {
                for number in 0..<times {
                    #expect(try ask(number % 2 == 0 ? one : two, member, from: "203.0.113.\(5 + number)") == 403)
                }
            }
            try refuse(ada, times: 6)
            let row = try #require(try await one.audit("address.refused").first)
            #expect(row.ip == "203.0.113.5" && row.outcome == "failure" && row.severity == "warning")
            #expect(row.userID == UUID(ada.id) && row.sessionID == UUID(ada.sessionID) && row.requestID != nil)
            #expect(try await one.audit("address.refused").count == 1)
            let other = try Member(
                one, email: ada.email, reply: try one.login(headers: ["X-Forwarded-For": "192.0.2.1"]))
            try refuse(other, times: 2)
            #expect(try await one.audit("address.refused").count == 2)
            stores.clock.advance(by: .seconds(3599))
            try refuse(ada, times: 2)
            #expect(try await one.audit("address.refused").count == 2)
            stores.clock.advance(by: .seconds(1))
            try refuse(ada, times: 4)
            #expect(try await one.audit("address.refused").count == 3)
            #expect(try ask(one, ada, from: "192.0.2.1") == 200)
            await one.stop()
            await two.stop()
        }
    }

    @Test("at the same moment are one row", arguments: Stores.all)
    func atOnce(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, Self.settings) { gatehouse in
            let ada = try bound(at: gatehouse)
            let request = HTTPClient.request(
                "GET", "/auth/validate", token: ada.accessToken, headers: ["X-Forwarded-For": "203.0.113.5"])
            let replies = try gatehouse.client.sendAtOnce([[UInt8]](repeating: request, count: 20))
            #expect(replies.allSatisfy { $0.code == "address_not_allowed" })
            #expect(try await gatehouse.audit("address.refused").count == 1)
        }
    }

    @Test("that could not be recorded are refused all the same, and the next is recorded")
    func storeAway() async throws {
        try await withGatehouse(on: .sqliteInMemory, Self.settings) { gatehouse in
            let ada = try bound(at: gatehouse)
            #expect(try ask(gatehouse, ada, from: "192.0.2.1") == 200)
            gatehouse.database.setFailing(true)
            for _ in 0..<3 { #expect(try ask(gatehouse, ada) == 503) }
            gatehouse.database.setFailing(false)
            for _ in 0..<3 { #expect(try ask(gatehouse, ada) == 403) }
            #expect(try await gatehouse.audit("address.refused").count == 1)
        }
    }

    @Test("are counted by the node itself while what nodes share is away")
    func sharedAway() async throws {
        try await withStores(.sqliteInMemory) { stores in
            let shared = CuttableKeyValue(stores.keyValue)
            let gatehouse = try await stores.node(Self.settings, keyValue: shared)
            let ada = try bound(at: gatehouse)
            shared.cut()
            for _ in 0..<5 { #expect(try ask(gatehouse, ada) == 403) }
            #expect(try await gatehouse.audit("address.refused").count == 1)
            await gatehouse.stop()
        }
    }
}
