import Ground
import Testing

@Suite("Logging out") struct LogoutTests {
    @Test("it answers success whatever it is given, and reveals nothing", arguments: [
        "", "x", "ghr_", "ghr_AAAA", "eyJhbGciOiJub25lIn0.e30.", String(repeating: "A", count: 500),
    ])
    func anything(token: String) async throws {  // TEL-3
        try await withGatehouse { gatehouse in
            let json: JSON = token.isEmpty ? [:] : ["refresh_token": .string(token)]
            let reply = try gatehouse.client.send("POST", "/auth/logout", json: json)
            #expect(reply.status == 200)
            #expect(reply["success"] == true)
            #expect(try gatehouse.client.send("POST", "/auth/logout", token: token).status == 200)
        }
    }

    @Test("a body that cannot be read is no reason to refuse", arguments: [
        "{", "[]", "null", "{\"refresh_token\":\"\"}", "{\"refresh_token\":null}", "{\"x\":1}", "everywhere=1",
    ])
    func anyBody(body: String) async throws {  // TEL-3
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.client.send(
                "POST", "/auth/logout", body: Array(body.utf8), headers: ["Content-Type": "application/json"])
            #expect(reply.status == 200)
        }
    }

    @Test("the refresh token, current or used, ends its session", arguments: Stores.all)
    func byRefreshToken(kind: StoreKind) async throws {  // REQ-AUTH-56
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            _ = try gatehouse.refresh(ada.refreshToken)
            let reply = try gatehouse.client.send(
                "POST", "/auth/logout", json: ["refresh_token": .string(ada.refreshToken)])
            #expect(reply.status == 200)
            #expect(try !ada.isSignedIn())
            #expect(try await gatehouse.audit("session.logged_out").count == 1)
        }
    }

    @Test("everywhere ends every session of the person", arguments: Stores.all)
    func everywhere(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let one = try gatehouse.registered()
            let two = try gatehouse.signedIn()
            #expect(try one.post("/auth/logout", ["everywhere": true]).status == 200)
            #expect(try !one.isSignedIn() && !two.isSignedIn())
        }
        try await withGatehouse(on: kind, ["LOGOUT_EVERYWHERE": "true"]) { gatehouse in
            let one = try gatehouse.registered()
            let two = try gatehouse.signedIn()
            #expect(try one.post("/auth/logout").status == 200)
            #expect(try !two.isSignedIn())
        }
    }

    @Test("a token from long ago ends its own session, and no other")
    func oldTokenEverywhere() async throws {
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let other = try gatehouse.signedIn()
            let second = try Member(gatehouse, email: ada.email, reply: try gatehouse.refresh(ada.refreshToken))
            let third = try Member(gatehouse, email: ada.email, reply: try gatehouse.refresh(second.refreshToken))
            let json: JSON = ["refresh_token": .string(ada.refreshToken), "everywhere": true]
            #expect(try gatehouse.client.send("POST", "/auth/logout", json: json).status == 200)
            #expect(try !third.isSignedIn())
            #expect(try other.isSignedIn())
        }
    }

    @Test("when the store fails, nobody is told that the session has ended", arguments: Stores.all)
    func case07RevocationFails(kind: StoreKind) async throws {  // case 7
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.database.setFailing(true)
            #expect(try ada.post("/auth/logout").status == 503)
            #expect(try ada.post("/auth/revoke-all").status == 503)
            gatehouse.database.setFailing(false)
            #expect(try ada.isSignedIn())
            #expect(try ada.post("/auth/logout").status == 200)
            #expect(try !ada.isSignedIn())
        }
    }
}
