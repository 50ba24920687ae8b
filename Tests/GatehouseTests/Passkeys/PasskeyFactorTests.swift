import Ground
import Testing

@Suite("Passkeys as second factors") struct PasskeyFactorTests {
    @Test("the password alone opens nothing where a passkey is the second factor", arguments: Stores.all)
    func secondFactor(store: StoreKind) async throws {  // REQ-AUTH-43
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try SoftwareAuthenticator()
            let kept = try ada.register(key, for: "second_factor")
            #expect(kept.status == 201 && kept["recovery_codes"]?.array?.count == 10, "\(kept.text)")
            let asked = try ada.login()
            #expect(asked.status == 200 && asked["access_token"] == nil, "\(asked.text)")
            #expect(asked["methods"]?.array?.contains("passkey") == true)
            let token = try #require(asked["second_factor_token"]?.string)
            let reply = try ada.finish(token, with: key)
            #expect(reply.status == 200, "\(reply.text)")
            let session = try await gatehouse.store.reading.sessions.find(
                try #require(reply["session_id"]?.string.flatMap { UUID($0) }))
            #expect(session?.methods == "pwd hwk mfa")
            // It was for one sign-in.
            #expect(try ada.finish(token, with: key).code == "token_invalid")
        }
    }

    @Test("another's passkey, a strange browser and a used answer do not end a sign-in")
    func refusals() async throws {  // cases 22, 34
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let eve = try PasskeyHolder(gatehouse, try gatehouse.registered("eve@example.com"))
            let key = try ada.newPasskey(for: "second_factor")
            let foreign = try eve.newPasskey(for: "second_factor")
            let token = try #require(try ada.login()["second_factor_token"]?.string)
            #expect(try ada.finish(token, with: foreign).code == "code_invalid")
            var stranger = ada
            stranger.device = eve.device
            #expect(try stranger.finish(token, with: key).code == "token_invalid")
            // Asked for another sign-in: good for that one only.
            let other = try #require(try ada.login()["second_factor_token"]?.string)
            let options = try ada.send("/auth/passkeys/second-factor-options", ["second_factor_token": .string(other)]).json
            let crossed = try ada.send(
                "/auth/passkeys/second-factor",
                ["second_factor_token": .string(token), "credential": key.get(options)])
            #expect(crossed.code == "challenge_invalid", "\(crossed.text)")
            // A passkey that is a second factor only is no way in by itself.
            #expect(try ada.signIn(with: key).code == "passkey_unknown")
            #expect(try ada.finish(token, with: key).status == 200)
        }
    }

    @Test("wrong passkeys count to the lockout")
    func lockout() async throws {  // case 41
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey(for: "second_factor")
            var wrong = key
            wrong.origin = "https://evil.example"
            var codes: [String] = []
            for _ in 0..<7 {
                let asked = try ada.login()
                guard let token = asked["second_factor_token"]?.string else {
                    codes.append(asked.code)
                    continue
                }
                codes.append(try ada.finish(token, with: wrong).code)
            }
            #expect(codes.prefix(5).allSatisfy { $0 == "code_invalid" } && codes.last == "account_locked", "\(codes)")
        }
    }

    @Test("a passkey proves once more who somebody is")
    func stepUp() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            gatehouse.clock.advance(by: .seconds(20 * 60))
            var old = ada
            old.member = try Member(
                gatehouse, email: ada.member.email, reply: try gatehouse.refresh(ada.member.refreshToken))
            let id = try #require(try old.member.get("/auth/passkeys")["items"]?[0]?["id"]?.string)
            let refused = try old.member.delete("/auth/passkeys/\(id)")
            #expect(refused.status == 401 && refused.code == "insufficient_user_authentication", "\(refused.text)")
            #expect(try old.creationOptions().code == "insufficient_user_authentication")

            let options = try old.member.post("/auth/passkeys/step-up-options")
            #expect(options["public_key"]?["allowCredentials"]?.array?.count == 1, "\(options.text)")
            let answer: JSON = ["credential": key.get(options.json)]
            let proved = try old.member.post("/auth/passkeys/step-up", answer)
            #expect(proved.status == 200, "\(proved.text)")
            #expect(try old.member.post("/auth/passkeys/step-up", answer).code == "challenge_invalid")
            #expect(try old.member.delete("/auth/passkeys/\(id)").status == 200)
        }
    }

    @Test("a copied key is told of aloud, whatever it is shown for")
    func copies() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey(for: "second_factor")
            key.counter = 9
            let first = try #require(try ada.login()["second_factor_token"]?.string)
            let token = try #require(try ada.finish(first, with: key)["access_token"]?.string)
            let second = try #require(try ada.login()["second_factor_token"]?.string)
            #expect(try ada.finish(second, with: key).code == "code_invalid")
            let options = try gatehouse.client.send("POST", "/auth/passkeys/step-up-options", token: token).json
            let reply = try gatehouse.client.send(
                "POST", "/auth/passkeys/step-up", json: ["credential": key.get(options)], token: token)
            #expect(reply.code == "code_invalid", "\(reply.text)")
            #expect(try await gatehouse.audit("passkey.counter_behind").count == 2)
        }
    }

    @Test("an administrator takes lost security keys away, and the password is enough again", arguments: Stores.all)
    func reset(store: StoreKind) async throws {
        try await withGatehouse(on: store) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let passkey = try ada.newPasskey()
            _ = try ada.newPasskey(for: "second_factor")
            #expect(try ada.login()["second_factor_required"] == true)
            #expect(try root.delete("/users/\(ada.member.id)/second-factors").status == 200)
            #expect(try ada.login()["access_token"] != nil)
            // What signs in by itself is no second factor, and stays.
            #expect(try ada.signIn(with: passkey).status == 200)
        }
    }

    @Test("the last second factor stays where one is required, and goes where none is")
    func lastFactor() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let first = try ada.register(try SoftwareAuthenticator(), for: "second_factor")
            let second = try ada.register(try SoftwareAuthenticator(), for: "second_factor")
            #expect(second["recovery_codes"] == .null)
            let company = try #require(ada.member.companyID)
            let required = try ada.member.patch("/companies/\(company)", ["requires_second_factor": true])
            #expect(required.status == 200, "\(required.text)")
            let ids = try [first, second].map { try #require($0["passkey"]?["id"]?.string) }
            #expect(try ada.member.delete("/auth/passkeys/\(ids[0])").status == 200)
            #expect(try ada.member.delete("/auth/passkeys/\(ids[1])").code == "last_second_factor")
            #expect(try ada.member.patch("/companies/\(company)", ["requires_second_factor": false]).status == 200)
            #expect(try ada.member.delete("/auth/passkeys/\(ids[1])").status == 200)
            // Nothing more is asked for.
            #expect(try ada.login()["access_token"] != nil)
        }
    }

    @Test("a passkey that verifies the person is enough where a second factor is required")
    func enough() async throws {
        try await withGatehouse(["SECOND_FACTOR_GRACE": "0s"]) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            let company = try #require(ada.member.companyID)
            #expect(try ada.member.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try ada.login()["enrolment_required"] == true)
            #expect(try ada.signIn(with: key)["access_token"] != nil)
        }
    }

    @Test("a key that had no PIN when it was made is one factor, whatever it asks for later", arguments: Stores.all)
    func verifiedLater(store: StoreKind) async throws {
        try await withGatehouse(on: store, ["PASSKEY_USER_VERIFICATION": "preferred"]) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            func level(_ key: SoftwareAuthenticator) throws -> String? {
                let token = try #require(try ada.signIn(with: key)["access_token"]?.string)
                return try gatehouse.client.send("GET", "/auth/validate", token: token)["session"]?["acr"]?.string
            }
            #expect(try level(try ada.newPasskey()) == "aal2")
            var key = try SoftwareAuthenticator()
            key.isUserVerified = false
            try #require(try ada.register(key).status == 201)
            key.userHandle = UUID(ada.member.id)?.bytes
            #expect(try level(key) == "aal1")
            key.isUserVerified = true
            #expect(try level(key) == "aal1")
            // Whoever has a second factor is asked for it.
            _ = try ada.newPasskey(for: "second_factor")
            let asked = try ada.signIn(with: key)
            #expect(asked["second_factor_required"] == true && asked["access_token"] == nil, "\(asked.text)")
        }
    }
}
