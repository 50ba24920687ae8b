import Ground
import KeyValue
import SQL
import Testing

@Suite("Refreshing a session") struct RefreshTests {
    @Test("a refresh gives a new pair for the same session, and both work", arguments: Stores.all)
    func rotation(kind: StoreKind) async throws {  // TEL-2, REQ-AUTH-54
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(60))
            let reply = try gatehouse.refresh(ada.refreshToken)
            #expect(reply.status == 200)
            let after = try Member(gatehouse, email: ada.email, reply: reply)
            #expect(after.sessionID == ada.sessionID)
            #expect(after.refreshToken != ada.refreshToken)
            #expect(after.accessToken != ada.accessToken)
            #expect(try after.isSignedIn())
            #expect(reply["token_type"]?.string == "Bearer")
            #expect(reply["expires_in"]?.integer == 900)
            #expect(try gatehouse.refresh(after.refreshToken).status == 200)
        }
    }

    @Test("the same token twice within the grace time gets the same successor", arguments: Stores.all)
    func case12Grace(kind: StoreKind) async throws {  // REQ-AUTH-55, case 12
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let first = try gatehouse.refresh(ada.refreshToken)
            gatehouse.clock.advance(by: .seconds(10))
            let again = try gatehouse.refresh(ada.refreshToken)
            #expect(again.status == 200)
            #expect(first["refresh_token"] == again["refresh_token"])
            #expect(first["access_token"] != again["access_token"])
        }
    }

    @Test("200 refreshes of one token at once give one successor, and no error", arguments: Stores.all)
    func case01RefreshRace(kind: StoreKind) async throws {  // cases 1, 12, 13
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let request = HTTPClient.request("POST", "/auth/refresh", json: ["refresh_token": .string(ada.refreshToken)])
            let replies = try gatehouse.client.sendAtOnce(Array(repeating: request, count: 200))
            #expect(replies.allSatisfy { $0.status == 200 })
            #expect(Set(replies.compactMap { $0["refresh_token"]?.string }).count == 1)
            // With refresh state in Redis the row comes a little later.
            let isRecorded = try await eventually { try await !gatehouse.audit("session.refreshed").isEmpty }
            #expect(isRecorded)
            let rotations = try await gatehouse.audit("session.refreshed")
            #expect(rotations.count == 1)
        }
    }

    @Test("after the grace time a used token ends its session, and the audit log says so", arguments: Stores.all)
    func case15ReuseIsAudited(kind: StoreKind) async throws {  // REQ-AUTH-55, case 15
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let next = try Member(gatehouse, email: ada.email, reply: try gatehouse.refresh(ada.refreshToken))
            gatehouse.clock.advance(by: .seconds(11))
            let reuse = try gatehouse.refresh(ada.refreshToken)
            #expect(reuse.status == 401)
            #expect(reuse.code == "token_reused")
            #expect(try gatehouse.refresh(next.refreshToken).code == "session_ended")
            #expect(try next.get("/auth/validate").code == "session_ended")
            let rows = try await gatehouse.audit("session.token_reused")
            #expect(rows.count == 1)
            #expect(rows.first?.severity == "critical")
            #expect(rows.first?.sessionID?.description == ada.sessionID)
        }
    }

    @Test("a token two generations old is reuse even within the grace time")
    func olderGeneration() async throws {
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let second = try Member(gatehouse, email: ada.email, reply: try gatehouse.refresh(ada.refreshToken))
            #expect(try gatehouse.refresh(second.refreshToken).status == 200)
            #expect(try gatehouse.refresh(ada.refreshToken).code == "token_reused")
        }
    }

    @Test("a restart lets no used token back, and loses no live one nor a revocation")
    func case02Restart() async throws {  // case 2
        let folder = TemporaryFolder()
        let clock = ManualClock()
        func start() async throws -> Gatehouse {
            let database = FaultyDatabase(try SQLiteDatabase(path: folder.path + "/gatehouse.db"))
            return try await Gatehouse(database: database, keyValue: nil, clock: clock, settings: [:])
        }
        let before = try await start()
        let ada = try before.registered()
        let revoked = try before.signedIn()
        #expect(try revoked.post("/auth/logout").status == 200)
        let next = try Member(before, email: ada.email, reply: try before.refresh(ada.refreshToken))
        clock.advance(by: .seconds(11))
        await before.stop()
        before.database.close()

        let after = try await start()
        let validation = try after.client.send("GET", "/auth/validate", token: revoked.accessToken)
        #expect(validation.code == "session_ended")
        #expect(try after.client.send("GET", "/auth/validate", token: next.accessToken).status == 200)
        let live = try after.refresh(next.refreshToken)
        #expect(live.status == 200)
        clock.advance(by: .seconds(11))
        #expect(try after.refresh(next.refreshToken).code == "token_reused")
        await after.stop()
        after.database.close()
        folder.remove()
    }

    @Test("a truncated, stretched or altered token is refused and changes nothing")
    func case06Truncated() async throws {  // case 6
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let token = ada.refreshToken
            var spoiled = [String(token.dropLast()), token + "A", String(token.dropFirst()), "", "ghr_", token.uppercased()]
            for index in stride(from: 4, to: token.count, by: 7) {
                var characters = Array(token)
                characters[index] = characters[index] == "A" ? "B" : "A"
                spoiled.append(String(characters))
            }
            for text in spoiled { #expect(try gatehouse.refresh(text).status >= 400, "\(text)") }
            #expect(try gatehouse.refresh(token).status == 200)
        }
    }

    @Test("when the store fails, the token is not used up", arguments: Stores.all.filter { $0 != .redisTokens })
    func case11StoreFails(kind: StoreKind) async throws {  // case 11
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.database.setFailing(true)
            let failed = try gatehouse.refresh(ada.refreshToken)
            #expect(failed.status == 503)
            #expect(failed.header("retry-after") != nil)
            #expect(!failed.text.contains("told to fail"))
            gatehouse.database.setFailing(false)
            gatehouse.clock.advance(by: .seconds(60))
            #expect(try gatehouse.refresh(ada.refreshToken).status == 200)
        }
    }

    @Test("with refresh state in Redis, refreshing goes on while the database is down", .enabled(if: Stores.redis != nil))
    func redisAlone() async throws {
        try await withGatehouse(on: .redisTokens) { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.database.setFailing(true)
            let next = try Member(gatehouse, email: ada.email, reply: try gatehouse.refresh(ada.refreshToken))
            #expect(try next.isSignedIn())
            #expect(try gatehouse.refresh(next.refreshToken).status == 200)
        }
    }

    @Test("a token of someone blocked is refused", arguments: Stores.all)
    func case51Blocked(kind: StoreKind) async throws {  // case 51
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try root.patch("/users/\(ada.id)", ["status": "SUSPENDED"]).status == 200)
            #expect(try gatehouse.refresh(ada.refreshToken).status == 401)
            #expect(try ada.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.login().code == "account_blocked")
            #expect(try root.patch("/users/\(ada.id)", ["status": "ACTIVE"]).status == 200)
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("expiry holds though nobody cleaned up")
    func case37Expiry() async throws {  // cases 18, 37; CO-10
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(899))
            #expect(try ada.isSignedIn())
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try ada.get("/auth/validate").code == "token_expired")
            gatehouse.clock.advance(by: .seconds(7 * 86400 - 900))
            let reply = try gatehouse.refresh(ada.refreshToken)
            #expect(reply.status == 401)
            #expect(reply.code == "token_expired")
        }
    }

    @Test("no kind of token passes for another")
    func case22TokenKinds() async throws {  // case 22
        try await withGatehouse { gatehouse in
            let setupToken = gatehouse.services.firstStart.token()
            let ada = try gatehouse.registered()
            for token in [ada.refreshToken, setupToken] {
                #expect(try gatehouse.client.send("GET", "/auth/validate", token: token).code == "token_invalid")
            }
            for token in [ada.accessToken, setupToken] {
                #expect(try gatehouse.refresh(token).status >= 400)
            }
            for token in [ada.accessToken, ada.refreshToken] {
                #expect(try gatehouse.client.send("GET", "/setup?token=\(token)").status == 404)
            }
        }
    }
}
