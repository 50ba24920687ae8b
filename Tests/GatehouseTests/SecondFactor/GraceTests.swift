import Ground
import Testing

@Suite("The time of grace of a second factor that is required") struct GraceTests {
    private static let day = Duration.seconds(86400)
    private static let grace = Duration.seconds(7 * 86400)

    private func role(_ name: String, _ root: Member) throws -> String {
        let role = try root.get("/roles").json["items"]?.array?.first { $0["name"]?.string == name }
        return try #require(role?["id"]?.string)
    }

    private func due(_ member: Member) throws -> String? {
        let reply = try member.get("/auth/2fa")
        try #require(reply.status == 200, "\(reply.text)")
        return reply["due_at"]?.string
    }

    private func root(_ gatehouse: Gatehouse) throws -> Member {
        try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
    }

    @Test("it does not begin anew when a role is renewed, nor when it had ended", arguments: Stores.all)
    func renewal(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let first = try gatehouse.superAdmin()
            let grace = try first.created("grace@example.com", roles: ["Viewer"])
            let id = try role("Viewer", first)
            try #require(try first.patch("/roles/\(id)", ["requires_second_factor": true]).status == 200)
            let end = (gatehouse.clock.now + Self.grace).rfc3339
            #expect(try due(grace) == end)
            gatehouse.clock.advance(by: Self.day)
            let until = (gatehouse.clock.now + Self.day).rfc3339
            let renewal: JSON = ["role": "Viewer", "expires_at": .string(until)]
            try #require(try root(gatehouse).post("/users/\(grace.id)/roles", renewal).status == 201)
            #expect(try due(gatehouse.signedIn("grace@example.com")) == end)
            // It ends, and is given again.
            gatehouse.clock.advance(by: Self.day)
            #expect(try due(gatehouse.signedIn("grace@example.com")) == nil)
            try #require(try root(gatehouse).post("/users/\(grace.id)/roles", ["role": "Viewer"]).status == 201)
            #expect(try due(gatehouse.signedIn("grace@example.com")) == end)
            gatehouse.clock.advance(by: .seconds(5 * 86400))
            #expect(try gatehouse.login("grace@example.com")["enrolment_required"] == true)
        }
    }

    @Test("a role that includes one that requires a factor requires it too, from then on", arguments: Stores.all)
    func included(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            var admin = try gatehouse.superAdmin()
            let inner = try role("Viewer", admin)
            try #require(try admin.patch("/roles/\(inner)", ["requires_second_factor": true]).status == 200)
            gatehouse.clock.advance(by: .seconds(30 * 86400))
            admin = try root(gatehouse)
            // What includes it from the beginning, and what comes to it through another.
            try #require(try admin.post("/roles", ["name": "Middle", "includes": ["Viewer"]]).status == 201)
            let outer = try #require(try admin.post("/roles", ["name": "Outer"])["id"]?.string)
            let middle = try admin.created("mary@example.com", roles: ["Middle"])
            let grace = try admin.created("grace@example.com", roles: ["Outer"])
            let first = (gatehouse.clock.now + Self.grace).rfc3339
            #expect(try due(middle) == first && due(grace) == nil)
            gatehouse.clock.advance(by: Self.day)
            admin = try root(gatehouse)
            try #require(try admin.patch("/roles/\(outer)", ["includes": ["Middle"]]).status == 200)
            let second = (gatehouse.clock.now + Self.grace).rfc3339
            #expect(try due(gatehouse.signedIn("grace@example.com")) == second)
            #expect(try due(gatehouse.signedIn("mary@example.com")) == first)
            // Changing something else of it puts nothing off.
            gatehouse.clock.advance(by: Self.day)
            admin = try root(gatehouse)
            try #require(try admin.patch("/roles/\(outer)", ["includes": ["Middle"], "permissions": ["a:b"]]).status == 200)
            #expect(try due(gatehouse.signedIn("grace@example.com")) == second)
            // To include it no more takes a requirement away: that asks for a recent proof.
            gatehouse.clock.advance(by: .seconds(601))
            let refused = try admin.patch("/roles/\(outer)", ["includes": []])
            #expect(refused.code == "insufficient_user_authentication", "\(refused.text)")
            #expect(try admin.patch("/roles/\(outer)", ["description": "Outer"]).status == 200)
            try #require(try admin.post("/auth/step-up", ["password": "seventeen quiet looms"]).status == 200)
            #expect(try admin.patch("/roles/\(outer)", ["includes": []]).status == 200)
            #expect(try due(gatehouse.signedIn("grace@example.com")) == nil)
            #expect(try admin.patch("/roles/\(inner)", ["requires_second_factor": false]).status == 200)
            #expect(try due(gatehouse.signedIn("mary@example.com")) == nil)
        }
    }

    @Test("whoever has it by another role cannot do without when it is over", arguments: Stores.all)
    func includedAtTheEnd(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["SECOND_FACTOR_GRACE": "0"]) { gatehouse in
            let admin = try gatehouse.superAdmin()
            let inner = try role("Viewer", admin)
            try #require(try admin.post("/roles", ["name": "Outer", "includes": ["Viewer"]]).status == 201)
            let grace = try admin.created("grace@example.com", roles: ["Outer"])
            #expect(try grace.isSignedIn())
            try #require(try admin.patch("/roles/\(inner)", ["requires_second_factor": true]).status == 200)
            #expect(try grace.get("/auth/validate").code == "second_factor_required")
            #expect(try gatehouse.refresh(grace.refreshToken).code == "second_factor_required")
            #expect(try gatehouse.login("grace@example.com")["enrolment_required"] == true)
        }
    }

    @Test("a company asks from when somebody became a member, however old the account is", arguments: Stores.all)
    func members(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let admin = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let grace = try admin.created("grace@example.com")
            let company = try #require(ada.companyID)
            try #require(try ada.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
            #expect(try due(ada) == (gatehouse.clock.now + Self.grace).rfc3339)
            gatehouse.clock.advance(by: .seconds(30 * 86400))
            let joined = try root(gatehouse).post("/companies/\(company)/members", ["user_id": .string(grace.id)])
            try #require(joined.status == 200, "\(joined.text)")
            let member = try gatehouse.signedIn("grace@example.com")
            #expect(member.companyID == company)
            #expect(try due(member) == (gatehouse.clock.now + Self.grace).rfc3339)
            gatehouse.clock.advance(by: Self.grace)
            #expect(try gatehouse.login("grace@example.com")["enrolment_required"] == true)
        }
    }

    @Test("a session that has shown a factor which is gone is asked as any other", arguments: Stores.all)
    func formerFactor(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let admin = try gatehouse.superAdmin()
            let grace = try admin.created("grace@example.com", roles: ["Viewer"])
            let app = try grace.authenticator()
            let off: JSON = ["password": .string(Member.password), "code": .string(app.code(1))]
            try #require(try grace.post("/auth/2fa/disable", off).status == 200)
            try #require(try admin.patch("/roles/\(try role("Viewer", admin))", ["requires_second_factor": true]).status == 200)
            #expect(try due(grace) == (gatehouse.clock.now + Self.grace).rfc3339)
        }
    }
}
