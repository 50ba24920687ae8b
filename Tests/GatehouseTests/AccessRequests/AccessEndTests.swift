import Ground
import Testing

@Suite("Access that ends") struct AccessEndTests {
    @Test("the clock ends it for every session, at the next request and refresh, and renewing brings it back", arguments: Stores.all)
    func clock(on kind: StoreKind) async throws {  // case 37
        try await withGatehouse(on: kind, AccessRequestTests.settings) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try gatehouse.ask(42).status == 202)
            let end = gatehouse.clock.now + .seconds(300)
            let approved = try root.patch(
                "/access-requests/\(try root.openRequest())/approve",
                ["roles": ["Viewer"], "expires_at": .string(end.rfc3339)])
            #expect(approved.status == 200, "\(approved.text)")
            let phone = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            let desk = try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42))
            #expect(try root.get("/users/\(phone.id)")["access_ends_at"]?.string == end.rfc3339)
            gatehouse.clock.advance(by: .seconds(299))
            #expect(try phone.isSignedIn() && desk.get("/users").status == 200)
            gatehouse.clock.advance(by: .seconds(1))
            for session in [phone, desk] {
                let refused = try session.get("/auth/profile")
                #expect(refused.status == 403 && refused.code == "access_ended", "\(refused.text)")
                let refresh = try gatehouse.refresh(session.refreshToken)
                #expect(refresh.status == 403 && refresh.code == "access_ended", "\(refresh.text)")
            }
            #expect(try gatehouse.miniApp(42).code == "access_ended")
            #expect(try await gatehouse.audit("sign_in.failed").first?.metadata.contains("access_ended") == true)
            let question: JSON = ["permission": "users:read", "user_id": .string(phone.id)]
            #expect(try root.post("/authorize", question)["allowed"] == false)
            // Whoever was let in before may ask again.
            #expect(try gatehouse.ask(42).status == 202)
            let renewed = try root.patch("/users/\(phone.id)/access", ["expires_at": .string((end + .seconds(600)).rfc3339)])
            #expect(renewed.status == 200, "\(renewed.text)")
            #expect(try phone.isSignedIn())
            // Refused, it was not used up.
            #expect(try gatehouse.refresh(desk.refreshToken).status == 200)
            #expect(try root.post("/authorize", question)["allowed"] == true)
            #expect(try await gatehouse.audit("access.end_changed").count == 1)
        }
    }

    @Test("it holds for every door, and an end that is taken away ends nothing", arguments: Stores.all)
    func passwords(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let bob = try root.created("bob@example.com")
            func set(_ end: JSON) throws -> HTTPClient.Reply { try root.patch("/users/\(bob.id)/access", ["expires_at": end]) }
            #expect(try set(.string((gatehouse.clock.now + .seconds(60)).rfc3339)).status == 200)
            #expect(try set(.string(gatehouse.clock.now.rfc3339)).code == "validation_failed")
            #expect(try root.patch("/users/\(bob.id)/access", [:]).code == "validation_failed")
            #expect(try bob.isSignedIn())
            gatehouse.clock.advance(by: .seconds(60))
            let refused = try gatehouse.login("bob@example.com")
            #expect(refused.status == 403 && refused.code == "access_ended")
            #expect(try gatehouse.login("bob@example.com", password: "wrong password here").code == "credentials_invalid")
            #expect(try set(nil)["access_ends_at"] == .null)
            #expect(try bob.isSignedIn() && gatehouse.login("bob@example.com").status == 200)
        }
    }

    @Test("on another node it holds too, by the clock and when it is changed", arguments: Stores.all)
    func nodes(on kind: StoreKind) async throws {
        try await withStores(kind) { stores in
            let one = try await stores.node(["JWT_ISSUER": "one"])
            let two = try await stores.node(["JWT_ISSUER": "one"])
            let root = try one.superAdmin()
            let bob = try root.created("bob@example.com")
            func isIn() throws -> Bool { try two.client.send("GET", "/auth/profile", token: bob.accessToken).status == 200 }
            #expect(try isIn())
            let end = stores.clock.clock.now + .seconds(60)
            #expect(try root.patch("/users/\(bob.id)/access", ["expires_at": .string(end.rfc3339)]).status == 200)
            if kind != .sqliteInMemory && kind != .sqliteFile {
                #expect(try isIn())
                stores.clock.advance(by: .seconds(60))
                #expect(try !isIn())
            }
            await one.stop()
            await two.stop()
        }
    }

    @Test("nobody sets their own end, the last SuperAdmin has none, and rank counts")
    func limits() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let end: JSON = .string((gatehouse.clock.now + .seconds(3600)).rfc3339)
            #expect(try root.patch("/users/\(root.id)/access", ["expires_at": end]).code == "forbidden")
            let second = try root.created("second@example.com", roles: ["SuperAdmin"])
            #expect(try second.patch("/users/\(root.id)/access", ["expires_at": end]).status == 200)
            // Whose access ends is of no help to anybody.
            #expect(try root.patch("/users/\(second.id)/access", ["expires_at": end]).code == "last_super_admin")
            #expect(try root.post("/users/\(second.id)/block").code == "last_super_admin")
            let admin = try second.created("admin@example.com", roles: ["Admin"])
            #expect(try admin.patch("/users/\(root.id)/access", ["expires_at": nil]).code == "forbidden")
            let ada = try gatehouse.registered("ada@example.com")
            let other = try ada.created("other@example.com", company: ada.companyID)
            #expect(try ada.patch("/users/\(other.id)/access", ["expires_at": end]).status == 200)
            #expect(try ada.patch("/users/\(admin.id)/access", ["expires_at": end]).status == 404)
            let nobody = "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293"
            #expect(try second.patch("/users/\(nobody)/access", ["expires_at": end]).status == 404)
        }
    }

    @Test("reviews list who was not looked at, the longest first, and confirming or withdrawing settles it", arguments: Stores.all)
    func reviews(on kind: StoreKind) async throws {
        let settings = ["ACCESS_REVIEW_EVERY": "30d", "JWT_REFRESH_EXPIRES_IN": "90d"]
        try await withGatehouse(on: kind, settings) { gatehouse in
            var root = try gatehouse.superAdmin()
            gatehouse.clock.advance(by: .seconds(1))
            let ada = try gatehouse.registered("ada@example.com")
            gatehouse.clock.advance(by: .seconds(1))
            let bob = try ada.created("bob@example.com", roles: [], company: ada.companyID)
            #expect(try root.get("/access-reviews")["items"]?.array?.isEmpty == true)
            gatehouse.clock.advance(by: .seconds(30 * 86400))
            root = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            let adaNow = try gatehouse.signedIn("ada@example.com")
            var seen: [String] = []
            var after: String?
            repeat {
                let page = try root.get("/access-reviews?limit=1" + (after.map { "&after=\($0)" } ?? ""))
                seen += (page["items"]?.array ?? []).compactMap { $0["user_id"]?.string }
                after = page["next"]?.string
            } while after != nil
            #expect(seen == [root.id, ada.id, bob.id])
            #expect(try root.get("/access-reviews?after=x").code == "validation_failed")
            let own = try adaNow.get("/access-reviews")["items"]?.array ?? []
            #expect(own.compactMap { $0["user_id"]?.string } == [ada.id, bob.id])
            #expect(try adaNow.post("/access-reviews/\(root.id)/confirm").status == 404)
            #expect(try adaNow.post("/access-reviews/\(ada.id)/confirm").code == "forbidden")
            #expect(try root.post("/access-reviews/\(ada.id)/confirm").status == 200)
            let bobNow = try gatehouse.signedIn("bob@example.com")
            #expect(try bobNow.isSignedIn())
            #expect(try adaNow.post("/access-reviews/\(bob.id)/withdraw").status == 200)
            #expect(try !bobNow.isSignedIn())
            #expect(try gatehouse.refresh(bobNow.refreshToken).status != 200)
            #expect(try gatehouse.login("bob@example.com").code == "account_blocked")
            #expect(try root.post("/access-reviews/\(root.id)/withdraw").code == "forbidden")
            let left = try root.get("/access-reviews")["items"]?.array ?? []
            #expect(left.compactMap { $0["user_id"]?.string } == [root.id])
            let events = try await gatehouse.audit().map(\.event)
            #expect(events.contains("access.confirmed") && events.contains("access.withdrawn"))
        }
    }

    @Test("where no reviews are set nobody is due")
    func noReviews() async throws {
        try await withGatehouse(["JWT_REFRESH_EXPIRES_IN": "90d"]) { gatehouse in
            _ = try gatehouse.superAdmin()
            gatehouse.clock.advance(by: .seconds(400 * 86400))
            let root = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            #expect(try root.get("/access-reviews")["items"]?.array?.isEmpty == true)
        }
    }
}
