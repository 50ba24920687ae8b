import Ground
import KeyValue
import SQL
import Testing

@Suite("Sessions") struct SessionListTests {
    private static let firefox = ["User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"]

    @Test("the list shows live sessions with their devices, the newest first, page by page", arguments: Stores.all)
    func list(kind: StoreKind) async throws {  // REQ-AUTH-54/55
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(1))
            _ = try gatehouse.login(headers: Self.firefox)
            gatehouse.clock.advance(by: .seconds(1))
            let phone = try gatehouse.signedIn()
            let first = try phone.get("/auth/sessions?limit=2")
            let items = try #require(first["items"]?.array)
            #expect(items.count == 2)
            #expect(items[0]["current"] == true)
            #expect(items[0]["ip"] == "127.0.0.1")
            #expect(items[1]["device"]?["name"] == "Firefox on Linux")
            #expect(items[1]["device"]?["type"] == "desktop")
            let next = try #require(first["next"]?.string)
            let second = try phone.get("/auth/sessions?limit=2&after=\(next)")
            #expect(second["items"]?.array?.compactMap { $0["id"]?.string } == [ada.sessionID])
            #expect(second["next"] == .null)
        }
    }

    @Test("revoking one ends it at once, access token too, and leaves the others", arguments: Stores.all)
    func revokeOne(kind: StoreKind) async throws {  // TEL-6
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let other = try gatehouse.signedIn()
            #expect(try other.isSignedIn())
            #expect(try ada.post("/auth/sessions/\(other.sessionID)/revoke").status == 200)
            #expect(try other.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.refresh(other.refreshToken).code == "session_ended")
            #expect(try ada.isSignedIn())
            #expect(try ada.post("/auth/sessions/\(other.sessionID)/revoke").status == 404)
            let all = try ada.get("/auth/sessions/all")
            let ended = all["items"]?.array?.first { $0["id"]?.string == other.sessionID }
            #expect(ended?["end_reason"] == "revoked")
            #expect(try ada.get("/auth/sessions")["items"]?.array?.count == 1)
        }
    }

    @Test("somebody else's session does not exist", arguments: Stores.all)
    func case48ForeignSession(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            #expect(try eve.post("/auth/sessions/\(ada.sessionID)/revoke").status == 404)
            #expect(try ada.isSignedIn())
            let seen = try eve.get("/auth/sessions/all?limit=100")
            #expect(!seen.text.contains(ada.sessionID))
            #expect(try eve.get("/auth/sessions?after=\(ada.sessionID)").text.contains(ada.sessionID) == false)
        }
    }

    @Test("revoke-others keeps the caller; revoke-all keeps nobody", arguments: Stores.all)
    func revokeMany(kind: StoreKind) async throws {  // TEL-5
        try await withGatehouse(on: kind) { gatehouse in
            let first = try gatehouse.registered()
            let second = try gatehouse.signedIn()
            let third = try gatehouse.signedIn()
            #expect(try third.post("/auth/sessions/revoke-others")["sessions_ended"] == 2)
            #expect(try !first.isSignedIn() && !second.isSignedIn() && third.isSignedIn())
            #expect(try third.post("/auth/revoke-all")["sessions_ended"] == 1)
            #expect(try !third.isSignedIn())
            #expect(try await gatehouse.audit("session.all_revoked").count == 2)
        }
    }

    @Test("the sixth session ends the oldest", arguments: Stores.all)
    func limit(kind: StoreKind) async throws {  // REQ-AUTH-61
        try await withGatehouse(on: kind) { gatehouse in
            let first = try gatehouse.registered()
            var others: [Member] = []
            for _ in 0..<5 {
                gatehouse.clock.advance(by: .seconds(1))
                others.append(try gatehouse.signedIn())
            }
            #expect(try first.get("/auth/validate").code == "session_ended")
            for other in others { #expect(try other.isSignedIn()) }
        }
    }

    @Test("signing in anew makes a new session, whatever token came along")
    func case09Fixation() async throws {  // case 9
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let again = try gatehouse.login(headers: ["Cookie": "refreshToken=\(ada.refreshToken)"])
            #expect(again["session_id"]?.string != ada.sessionID)
        }
    }

    @Test("page parameters are checked, never trusted", arguments: [
        "limit=0", "limit=101", "limit=x", "limit=1%3BDROP%20TABLE%20users", "after=1%27%20OR%201%3D1", "after=",
        "sort=name%3B--", "order=desc", "limit=%zz", "limit=2&limit=3", "limit=%2B5", "limit=5%00",
    ])
    func case54Injection(query: String) async throws {  // case 54
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let reply = try ada.get("/auth/sessions?\(query)")
            #expect(reply.status == 400)
            #expect(reply.code == "validation_failed")
        }
    }

    @Test("a second node hears of a revocation at once", arguments: Stores.all)
    func twoNodes(on kind: StoreKind) async throws {
        try await withStores(kind) { stores in
            let settings = ["JWT_ISSUER": "one"]
            let (one, two) = (try await stores.node(settings), try await stores.node(settings))
            let ada = try one.registered()
            #expect(try two.client.send("GET", "/auth/validate", token: ada.accessToken).status == 200)
            #expect(try ada.post("/auth/logout").status == 200)
            let hasHeard = try await eventually {
                try two.client.send("GET", "/auth/validate", token: ada.accessToken).code == "session_ended"
            }
            #expect(hasHeard)
            await one.stop()
            await two.stop()
        }
    }
}
