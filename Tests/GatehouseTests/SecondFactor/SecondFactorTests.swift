import Credentials
import Ground
import Testing

@Suite("Signing in with a second factor") struct SecondFactorTests {
    @Test("an app is set up with a code, and asked for from then on", arguments: Stores.all)
    func wholeWay(kind: StoreKind) async throws {  // REQ-AUTH-42, REQ-AUTH-43
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let setup = try ada.post("/auth/2fa/setup")
            #expect(setup.status == 200 && setup["method"] == "totp")
            let secret = try #require(setup["secret"]?.string)
            #expect(setup["otpauth_uri"]?.string?.hasPrefix("otpauth://totp/localhost:ada%40example.com?secret=\(secret)&") == true)
            #expect(setup["qr"]?.string?.hasPrefix("<svg ") == true)
            #expect(setup["qr_png"]?.string?.hasPrefix("data:image/png;base64,iVBORw0KGgo") == true)
            // Nothing is in force yet.
            #expect(try gatehouse.login()["access_token"] != nil)
            let app = try Authenticator(gatehouse, secret: secret)
            #expect(try ada.post("/auth/2fa/enable", ["code": .string(app.wrongCode())]).code == "code_invalid")
            let enabled = try ada.post("/auth/2fa/enable", ["code": .string(app.code())])
            #expect(enabled.status == 200 && enabled["recovery_codes"]?.array?.count == 10)
            #expect(try Member.claims(try #require(enabled["access_token"]?.string))["acr"] == "aal2")
            let status = try ada.get("/auth/2fa").json
            #expect(status["enabled"] == true && status["factors"] == ["totp"] && status["recovery_codes_left"] == 10)

            var browser = Browser(gatehouse)
            let asked = try browser.login()
            #expect(asked["second_factor_required"] == true && asked["methods"] == ["totp", "recovery_code"])
            #expect(asked["access_token"] == nil && asked["refresh_token"] == nil && asked.cookie("refreshToken") == nil)
            let token = try #require(asked["second_factor_token"]?.string)
            #expect(try browser.finish(token, app.wrongCode()).code == "code_invalid")
            let done = try browser.finish(token, app.nextCode())
            #expect(done.status == 200 && done.cookie("refreshToken") != nil, "\(done.text)")
            let member = try Member(gatehouse, email: ada.email, reply: done)
            let session = try member.get("/auth/validate")["session"]
            #expect(session?["methods"] == ["pwd", "otp", "mfa"] && session?["acr"] == "aal2")
            #expect(try Member.claims(member.accessToken)["amr"] == ["pwd", "otp", "mfa"])
            #expect(try Member.claims(member.accessToken)["auth_time"]?.integer == gatehouse.clock.now.seconds)
            for event in [
                "second_factor.setup_begun", "second_factor.failed", "second_factor.enabled", "second_factor.asked",
            ] { #expect(try await !gatehouse.audit(event).isEmpty, "\(event)") }
        }
    }

    @Test("the words of a session go on when it is refreshed")
    func refresh() async throws {
        try await withGatehouse { gatehouse in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let member = try browser.signedIn(app)
            let moment = gatehouse.clock.now
            gatehouse.clock.advance(by: .seconds(3600))
            let claims = try Member.claims(try #require(try gatehouse.refresh(member.refreshToken)["access_token"]?.string))
            #expect(claims["acr"] == "aal2" && claims["amr"] == ["pwd", "otp", "mfa"])
            #expect(claims["auth_time"]?.integer == moment.seconds)
        }
    }

    @Test("a recovery code takes the app's place, once", arguments: Stores.all)
    func recovery(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            let code = try #require(app.recoveryCodes.first)
            var browser = Browser(gatehouse)
            let used = try browser.finish(try browser.challenged(), code.lowercased(), method: "recovery_code")
            #expect(used.status == 200, "\(used.text)")
            #expect(try browser.finish(try browser.challenged(), code, method: "recovery_code").code == "code_invalid")
            #expect(try ada.get("/auth/2fa")["recovery_codes_left"] == 9)
            #expect(try await gatehouse.audit("recovery_codes.used").count == 1)
            // New ones make the old ones worthless.
            let made = try Member(gatehouse, email: ada.email, reply: used).post("/auth/2fa/recovery-codes")
            let fresh = (made["recovery_codes"]?.array ?? []).compactMap(\.string)
            #expect(made.status == 201 && fresh.count == 10 && Set(fresh).isDisjoint(with: app.recoveryCodes))
            #expect(try browser.finish(try browser.challenged(), app.recoveryCodes[1], method: "recovery_code").code == "code_invalid")
            #expect(try browser.finish(try browser.challenged(), fresh[0], method: "recovery_code").status == 200)
        }
    }

    @Test("a remembered browser is not asked, until it is forgotten, too old, or the password is new", arguments: Stores.all)
    func remembering(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            let first = try browser.finish(
                try browser.challenged(), app.nextCode(), method: "totp", .init("remember_device", true))
            let ada = try Member(gatehouse, email: "ada@example.com", reply: first)
            let again = try Member(gatehouse, email: ada.email, reply: try browser.login())
            // Two factors it has not shown.
            #expect(try again.get("/auth/validate")["session"]?["acr"] == "aal1")
            var other = Browser(gatehouse)
            #expect(try other.login()["second_factor_required"] == true)
            let devices = try ada.get("/auth/2fa/devices")["items"]?.array ?? []
            let id = try #require(devices.first?["id"]?.string)
            #expect(devices.count == 1)
            #expect(try ada.delete("/auth/2fa/devices/\(id)").status == 200)
            #expect(try ada.delete("/auth/2fa/devices/\(id)").code == "not_found")
            #expect(try browser.login()["second_factor_required"] == true)

            let second = try browser.finish(
                try browser.challenged(), app.nextCode(), method: "totp", .init("remember_device", true))
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try browser.login()["access_token"] != nil)
            let changed = try Member(gatehouse, email: ada.email, reply: second).post(
                "/auth/change-password",
                ["current_password": .string(Member.password), "new_password": "another brass clatter"])
            #expect(changed.status == 200)
            let token = try browser.challenged(password: "another brass clatter")
            #expect(try browser.finish(token, app.nextCode(), method: "totp", .init("remember_device", true)).status == 200)
            gatehouse.clock.advance(by: .seconds(30 * 86400 - 1))
            #expect(try browser.login(password: "another brass clatter")["access_token"] != nil)
            gatehouse.clock.advance(by: .seconds(1))
            #expect(try browser.login(password: "another brass clatter")["second_factor_required"] == true)
        }
    }

    @Test("a password that must be changed waits behind the second factor", arguments: Stores.all)
    func passwordChange(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            #expect(try root.post("/users/\(ada.id)/require-password-change").status == 200)
            var browser = Browser(gatehouse)
            let asked = try browser.login()
            #expect(asked["second_factor_required"] == true && asked["password_change_token"] == nil)
            let next = try browser.finish(try #require(asked["second_factor_token"]?.string), app.nextCode())
            let change = try #require(next["password_change_token"]?.string, "\(next.text)")
            #expect(next["access_token"] == nil)
            let done = try browser.send(
                "POST", "/auth/first-login/change-password",
                ["password_change_token": .string(change), "new_password": "another brass clatter"])
            #expect(done.status == 200 && done["access_token"] != nil, "\(done.text)")
            #expect(try Member.claims(try #require(done["access_token"]?.string))["acr"] == "aal2")
        }
    }

    @Test("what is over is swept away", arguments: Stores.all)
    func sweeping(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let app = try gatehouse.registered().authenticator()
            var browser = Browser(gatehouse)
            #expect(
                try browser.finish(try browser.challenged(), app.nextCode(), method: "totp", .init("remember_device", true))
                    .status == 200)
            var other = Browser(gatehouse)
            let token = try other.challenged()
            let bytes = try #require(Base64URL.decode(token.dropFirst(4)))
            let id = try #require(UUID(bytes: Array(bytes.prefix(16))))
            #expect(try await gatehouse.store.reading.challenges.find(id) != nil)
            gatehouse.clock.advance(by: .seconds(30 * 86400 + 1))
            try await gatehouse.services.housekeeping.sweep()
            #expect(try await gatehouse.store.reading.challenges.find(id) == nil)
        }
    }

    @Test("the secret is sealed, and under the newest key once it was used")
    func sealing() async throws {
        try await withStores(.sqliteInMemory) { stores in
            let gatehouse = try await stores.node([:])
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            let id = try #require(UUID(ada.id))
            let sealed = try #require(try await gatehouse.store.reading.secondFactors.secret(of: id)?.sealed)
            let old = try Vault(keys: [[UInt8](0..<32)])
            let secret = try old.open(sealed, purpose: "totp:\(id)")
            #expect(secret.count == 20)
            // Sealed by a key that is a former one by now.
            let former = try Vault(keys: [[UInt8](100..<132)])
            let both = try Vault(keys: [[UInt8](0..<32), [UInt8](100..<132)])
            let outdated = try former.seal(secret, purpose: "totp:\(id)")
            try await gatehouse.store.transaction { try await $0.secondFactors.reseal(sealed, as: outdated, of: id) }
            #expect(both.isOutdated(outdated))
            // This server does not have that key: nothing opens, and nobody comes in.
            var browser = Browser(gatehouse)
            #expect(try browser.finish(try browser.challenged(), app.nextCode()).status == 500)
            await gatehouse.stop()
        }
    }
}
