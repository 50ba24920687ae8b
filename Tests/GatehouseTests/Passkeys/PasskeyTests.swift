import Ground
import JOSE
import Services
import Testing

@Suite("Passkeys") struct PasskeyTests {
    @Test("a passkey is made, listed, named, used alone, and deleted", arguments: Stores.all)
    func wholeLife(store: StoreKind) async throws {
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try SoftwareAuthenticator(.edDSA)
            key.aaguid = try #require(Hex.decode("fbfc3007154e4ecc8c0b6e020557d7bd"))
            key.isBackupEligible = true
            let kept = try ada.register(key)
            #expect(kept.status == 201, "\(kept.text)")
            #expect(kept["passkey"]?["name"] == "Apple Passwords" && kept["passkey"]?["use"] == "sign_in")
            #expect(kept["passkey"]?["backup_eligible"] == true && kept["passkey"]?["backed_up"] == false)
            #expect(kept["recovery_codes"] == .null)
            let id = try #require(kept["passkey"]?["id"]?.string)

            let renamed = try ada.member.patch("/auth/passkeys/\(id)", ["name": "Ada's telephone"])
            #expect(renamed.status == 200 && renamed["name"] == "Ada's telephone", "\(renamed.text)")

            key.userHandle = UUID(ada.member.id)?.bytes
            key.isBackedUp = true
            gatehouse.clock.advance(by: .seconds(5))
            let signedIn = try ada.signIn(with: key)
            #expect(signedIn.status == 200 && signedIn["user"]?["id"]?.string == ada.member.id, "\(signedIn.text)")

            let list = try ada.member.get("/auth/passkeys")
            #expect(list["items"]?.array?.count == 1 && list["items"]?[0]?["backed_up"] == true)
            #expect(list["items"]?[0]?["last_used_at"]?.string == gatehouse.clock.now.rfc3339)

            #expect(try ada.member.delete("/auth/passkeys/\(id)").status == 200)
            #expect(try ada.member.delete("/auth/passkeys/\(id)").status == 404)
            #expect(try ada.signIn(with: key).code == "passkey_unknown")
            for event in ["passkey.registered", "passkey.renamed", "passkey.deleted"] {
                #expect(try await gatehouse.audit(event).count == 1, "\(event)")
            }
        }
    }

    @Test("a passkey that has verified the person counts as two factors, and says so")
    func verifiedAlone() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            let reply = try ada.signIn(with: key)
            let token = try #require(reply["access_token"]?.string, "\(reply.text)")
            let checked = try gatehouse.client.send("GET", "/auth/validate", token: token)
            #expect(checked.status == 200, "\(checked.text)")
            let session = try await gatehouse.store.reading.sessions.find(
                try #require(reply["session_id"]?.string.flatMap { UUID($0) }))
            #expect(session?.methods == "hwk user mfa")
        }
    }

    @Test("one that has not is refused, or is one factor where that is allowed")
    func unverified() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey()
            key.isUserVerified = false
            #expect(try ada.signIn(with: key).code == "passkey_refused")
        }
        try await withGatehouse(["PASSKEY_USER_VERIFICATION": "preferred"]) { gatehouse in
            var ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey()
            key.isUserVerified = false
            let reply = try ada.signIn(with: key)
            #expect(reply.status == 200 && reply["access_token"] != nil, "\(reply.text)")
            // Whoever has a second factor is asked for it, and the same passkey is none.
            ada.member = try gatehouse.signedIn()
            let factor = try ada.newPasskey(for: "second_factor")
            let asked = try ada.signIn(with: key)
            #expect(asked["second_factor_required"] == true && asked["access_token"] == nil, "\(asked.text)")
            #expect(asked["methods"]?.array?.contains("passkey") == false)
            _ = factor
        }
    }

    @Test("a challenge works once, for five minutes, in the browser that asked", arguments: Stores.all)
    func challenges(store: StoreKind) async throws {  // case 34
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            let answer = key.get(try ada.requestOptions())
            var stranger = ada
            stranger.device = try PasskeyHolder.newDevice(gatehouse)
            #expect(try stranger.send("/auth/passkeys/sign-in", ["credential": answer]).code == "challenge_invalid")
            #expect(try ada.send("/auth/passkeys/sign-in", ["credential": answer]).status == 200)
            #expect(try ada.send("/auth/passkeys/sign-in", ["credential": answer]).code == "challenge_invalid")

            let late = key.get(try ada.requestOptions())
            gatehouse.clock.advance(by: .seconds(300))
            #expect(try ada.send("/auth/passkeys/sign-in", ["credential": late]).code == "challenge_invalid")
            #expect(try ada.signIn(with: key).status == 200)
        }
    }

    @Test("the same answer at the same moment signs in once", arguments: Stores.all)
    func atOnce(store: StoreKind) async throws {
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            let answer: JSON = ["credential": key.get(try ada.requestOptions())]
            let request = HTTPClient.request("POST", "/auth/passkeys/sign-in", json: answer, headers: ada.cookie)
            let replies = try gatehouse.client.sendAtOnce([[UInt8]](repeating: request, count: 6))
            #expect(replies.count { $0.status == 200 } == 1, "\(replies.map(\.code))")
            #expect(replies.count { $0.code == "challenge_invalid" } == 5, "\(replies.map(\.code))")
        }
    }

    @Test("the challenge of a registration is good for that session alone, and for nothing else")
    func registrationChallenges() async throws {  // case 34
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let eve = try PasskeyHolder(gatehouse, try gatehouse.registered("eve@example.com"))
            let key = try SoftwareAuthenticator()
            let options = try ada.creationOptions().json
            #expect(try eve.keep(key.create(options)).code == "challenge_invalid")
            var other = ada
            other.member = try gatehouse.signedIn()
            #expect(try other.keep(key.create(options)).code == "challenge_invalid")
            // One for signing in makes no passkey, and one for making none signs in.
            #expect(try ada.keep(key.create(try ada.requestOptions())).code == "challenge_invalid")
            #expect(try ada.send("/auth/passkeys/sign-in", ["credential": key.get(options)]).code == "challenge_invalid")
            #expect(try ada.keep(key.create(options)).status == 201)
            #expect(try ada.keep(key.create(options)).code == "challenge_invalid")
            // The same authenticator again, or at another's account.
            #expect(try ada.register(key).code == "passkey_taken")
            #expect(try eve.register(key).code == "passkey_taken")
        }
    }

    @Test("what is made elsewhere, for somebody else or without the person is refused")
    func refusals() async throws {  // case 34
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let sound = try ada.newPasskey()
            let faults: [(String, (inout SoftwareAuthenticator) -> Void)] = [
                ("wrong_origin", { $0.origin = "https://localhost.evil.example" }),
                ("wrong_origin", { $0.origin = "http://localhost:0/" }),
                ("wrong_origin", { $0.origin = "http://badlocalhost:0" }),
                ("embedded", { $0.isCrossOrigin = true }),
                ("wrong_relying_party", { $0.partyID = "badlocalhost" }),
                ("user_not_present", { $0.isUserPresent = false }),
                ("user_not_verified", { $0.isUserVerified = false }),
                ("backup_flags", { $0.isBackedUp = true }),
            ]
            for (reason, spoil) in faults {
                var fresh = try SoftwareAuthenticator()
                spoil(&fresh)
                let made = try ada.register(fresh)
                #expect(made.status == 401 && made.code == "passkey_refused", "\(reason): \(made.text)")
                #expect(made["detail"]?.string?.contains(reason) == true, "\(made.text)")
                var known = sound
                spoil(&known)
                let shown = try ada.signIn(with: known)
                #expect(shown.status == 401 && shown.code == "passkey_refused", "\(reason): \(shown.text)")
                #expect(shown["detail"]?.string?.contains(reason) == true, "\(shown.text)")
            }
            let crossed = try ada.keep(SoftwareAuthenticator().create(try ada.creationOptions().json, type: "webauthn.get"))
            #expect(crossed["detail"]?.string?.contains("wrong_type") == true, "\(crossed.text)")
            #expect(try ada.signIn(with: sound).status == 200)
            #expect(try await gatehouse.audit("sign_in.failed").count == faults.count)
        }
    }

    @Test("a passkey opens the account that it was made for, and no other")
    func owners() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let eve = try PasskeyHolder(gatehouse, try gatehouse.registered("eve@example.com"))
            var key = try eve.newPasskey()
            // Somebody else's handle, none at all, and a key of which nobody knows.
            key.userHandle = UUID(ada.member.id)?.bytes
            #expect(try eve.signIn(with: key).code == "passkey_unknown")
            key.userHandle = nil
            #expect(try eve.signIn(with: key).code == "passkey_unknown")
            var stranger = try SoftwareAuthenticator()
            stranger.userHandle = UUID(ada.member.id)?.bytes
            #expect(try ada.signIn(with: stranger).code == "passkey_unknown")
            let id = try #require(try eve.member.get("/auth/passkeys")["items"]?[0]?["id"]?.string)
            #expect(try ada.member.delete("/auth/passkeys/\(id)").status == 404)
            #expect(try ada.member.patch("/auth/passkeys/\(id)", ["name": "Mine"]).status == 404)
            #expect(try ada.member.get("/auth/passkeys")["items"]?.array?.isEmpty == true)
        }
    }

    @Test("a counter that goes back is refused and told of aloud", arguments: Stores.all)
    func counters(store: StoreKind) async throws {  // case 34
        try await withGatehouse(on: store) { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            var key = try ada.newPasskey()
            for (count, isTaken) in [(0, true), (0, true), (7, true), (7, false), (6, false), (0, false), (8, true)] {
                key.counter = UInt32(count)
                let reply = try ada.signIn(with: key)
                #expect((reply.status == 200) == isTaken, "\(count): \(reply.text)")
            }
            let events = try await gatehouse.audit("passkey.counter_behind")
            #expect(events.count == 3 && events.allSatisfy { $0.severity == "critical" && $0.outcome == "failure" })
        }
    }

    @Test("what cannot be read is a bad request with a code, whatever it is")
    func malformed() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey()
            let options = try ada.creationOptions().json
            func with(_ credential: JSON, _ name: String, _ value: JSON) -> JSON {
                let response = JSON.object(
                    (credential["response"]?.members ?? []).filter { $0.name != name } + [.init(name, value)])
                return .object((credential.members ?? []).filter { $0.name != "response" } + [.init("response", response)])
            }
            let made = key.create(options)
            for (name, value, code) in [
                ("attestationObject", "AA", "passkey_malformed"), ("attestationObject", "o2NmbXRkbm9uZQ", "passkey_malformed"),
                ("attestationObject", "!", "validation_failed"), ("attestationObject", "", "passkey_malformed"),
                ("clientDataJSON", "e30", "passkey_malformed"), ("clientDataJSON", "W10", "passkey_malformed"),
                ("clientDataJSON", "_w", "passkey_malformed"), ("transports", "usb", "validation_failed"),
            ] {
                let reply = try ada.keep(with(made, name, .string(value)))
                #expect(reply.status == 400 && reply.code == code, "\(name) \(value): \(reply.text)")
            }
            let shown = key.get(try ada.requestOptions())
            for (name, value, code) in [
                ("authenticatorData", "AA", "passkey_malformed"), ("signature", "", "passkey_refused"),
                ("clientDataJSON", "e30", "passkey_malformed"), ("userHandle", "=", "validation_failed"),
                ("signature", "A", "validation_failed"),
            ] {
                let reply = try ada.send("/auth/passkeys/sign-in", ["credential": with(shown, name, .string(value))])
                #expect(reply.code == code && (400...401).contains(reply.status), "\(name) \(value): \(reply.text)")
            }
            for credential in [.null, "text", [:], ["type": "public-key"], with(shown, "x", 1)] as [JSON] {
                let reply = try ada.member.post("/auth/passkeys", ["credential": credential])
                #expect(reply.status == 400, "\(reply.text)")
            }
        }
    }

    @Test("the last way in stays, whichever it is")
    func lastWayIn() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            // Nobody here has a password.
            let ada = try PasskeyHolder(
                gatehouse, try Member(gatehouse, email: "", reply: try gatehouse.miniApp(42)))
            let factor = try ada.register(try SoftwareAuthenticator(), for: "second_factor")
            // A second factor is no way in.
            #expect(try ada.member.delete("/auth/telegram").code == "last_way_in", "\(factor.text)")
            let key = try ada.newPasskey()
            #expect(try ada.member.delete("/auth/telegram").status == 200)
            let kept = try ada.member.get("/auth/passkeys")["items"]?.array?.first { $0["use"] == "sign_in" }
            let id = try #require(kept?["id"]?.string)
            let refused = try ada.member.delete("/auth/passkeys/\(id)")
            #expect(refused.code == "last_way_in", "\(refused.text)")
            #expect(try ada.signIn(with: key).status == 200)
        }
    }

    @Test("what is kept of passkeys is shown to their owner, and goes with the person", arguments: Stores.all)
    func erasure(store: StoreKind) async throws {
        try await withGatehouse(on: store) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let key = try ada.newPasskey(name: "Ada's key")
            let export = try ada.member.get("/users/\(ada.member.id)/export")
            #expect(export["passkeys"]?[0]?["name"] == "Ada's key", "\(export.text)")
            #expect(try root.post("/users/\(ada.member.id)/block").status == 200)
            #expect(try ada.signIn(with: key).code == "account_blocked")
            #expect(try root.post("/users/\(ada.member.id)/erase").status == 200)
            #expect(try ada.signIn(with: key).code == "passkey_unknown")
        }
    }

    @Test("there are twenty at most")
    func limits() async throws {
        try await withGatehouse { gatehouse in
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            for _ in 0..<20 { _ = try ada.newPasskey() }
            #expect(try ada.creationOptions().code == "too_many")
        }
    }

    @Test("settings that no browser would follow are refused", arguments: [
        ["PASSKEY_RP_ID": "Example.com"], ["PASSKEY_RP_ID": "https://example.com"], ["PASSKEY_RP_ID": "a..b"],
        ["PASSKEY_RP_ID": "example.com", "PASSKEY_ORIGINS": "https://badexample.com"],
        ["PASSKEY_RP_ID": "auth.example.com", "PASSKEY_ORIGINS": "https://example.com"],
        ["PASSKEY_ORIGINS": "http://localhost:8080/path"], ["PASSKEY_USER_VERIFICATION": "maybe"],
    ])
    func settings(environment: [String: String]) {
        var reader = SettingReader(environment: environment)
        #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &reader) }
    }
}
