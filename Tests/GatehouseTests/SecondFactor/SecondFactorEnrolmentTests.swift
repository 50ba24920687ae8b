import Credentials
import Ground
import Testing

@Suite("Second factors that come and go") struct SecondFactorEnrolmentTests {
    @Test("a factor that is in force is set up by nobody again, and a secret waits a quarter of an hour")
    func setup() async throws {
        try await withGatehouse(["JWT_EXPIRES_IN": "1h"]) { gatehouse in
            let ada = try gatehouse.registered()
            let first = try #require(try ada.post("/auth/2fa/setup")["secret"]?.string)
            let second = try #require(try ada.post("/auth/2fa/setup")["secret"]?.string)
            #expect(first != second)
            let old = try Authenticator(gatehouse, secret: first)
            #expect(try ada.post("/auth/2fa/enable", ["code": .string(old.code())]).code == "code_invalid")
            gatehouse.clock.advance(by: .seconds(900))
            #expect(try ada.post("/auth/step-up", ["password": .string(Member.password)]).status == 200)
            let app = try Authenticator(gatehouse, secret: second)
            #expect(try ada.post("/auth/2fa/enable", ["code": .string(app.code())]).code == "code_invalid")
            _ = try ada.authenticator()
            #expect(try ada.post("/auth/2fa/setup").code == "second_factor_enabled")
            #expect(try ada.post("/auth/2fa/enable", ["code": "123456"]).code == "second_factor_enabled")
        }
    }

    @Test("switching off takes the password and a code, and then nothing is asked for any more", arguments: Stores.all)
    func disabling(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            let right = app.nextCode()
            func disable(_ password: JSON?, _ code: String) throws -> HTTPClient.Reply {
                let members = [JSON.Member("code", .string(code))] + (password.map { [.init("password", $0)] } ?? [])
                return try ada.post("/auth/2fa/disable", .object(members))
            }
            #expect(try disable(nil, right).code == "validation_failed")
            #expect(try disable("wrong", right).code == "credentials_invalid")
            #expect(try disable(.string(Member.password), app.wrongCode()).code == "code_invalid")
            #expect(try gatehouse.login()["second_factor_required"] == true)
            #expect(try disable(.string(Member.password), right).status == 200)
            #expect(try gatehouse.login()["access_token"] != nil)
            let status = try ada.get("/auth/2fa").json
            #expect(status["enabled"] == false && status["recovery_codes_left"] == 0)
            #expect(try disable(.string(Member.password), right).code == "second_factor_unavailable")
            #expect(try await gatehouse.audit("second_factor.disabled").map(\.severity) == ["warning"])
        }
    }

    @Test("an administrator takes away what somebody has lost, with every session", arguments: Stores.all)
    func resetting(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try root.delete("/users/\(ada.id)/second-factors").code == "not_found")
            _ = try ada.authenticator()
            #expect(try ada.delete("/users/\(root.id)/second-factors").status != 200)
            #expect(try root.delete("/users/\(ada.id)/second-factors").status == 200)
            #expect(try !ada.isSignedIn())
            #expect(try gatehouse.login()["access_token"] != nil)
            #expect(try await gatehouse.audit("second_factor.reset").count == 1)
        }
    }

    @Test("nothing of the person's factors is left when they are erased", arguments: Stores.all)
    func erasing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let app = try ada.authenticator()
            var browser = Browser(gatehouse)
            #expect(
                try browser.finish(try browser.challenged(), app.nextCode(), method: "totp", .init("remember_device", true))
                    .status == 200)
            var other = Browser(gatehouse)
            _ = try other.challenged()
            let id = try #require(UUID(ada.id))
            #expect(try root.delete("/users/\(ada.id)").status == 200)
            #expect(try root.post("/users/\(ada.id)/erase").status == 200)
            let reading = gatehouse.store.reading
            #expect(try await reading.secondFactors.secret(of: id) == nil)
            #expect(try await reading.secondFactors.recoveryCodes(of: id) == 0)
            #expect(try await reading.rememberedDevices.all(of: id, atMost: 9, at: gatehouse.clock.now).isEmpty)
        }
    }

    // MARK: Required

    @Test("a role asks for one: after the grace time it is set up at sign-in, and stays", arguments: Stores.all)
    func requiredByRole(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["JWT_EXPIRES_IN": "1h"]) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com", roles: ["Viewer"])
            let role = try root.get("/roles").json["items"]?.array?.first { $0["name"] == "Viewer" }?["id"]?.string
            let id = try #require(role)
            let patched = try root.patch("/roles/\(id)", ["requires_second_factor": true])
            #expect(patched.status == 200 && patched["requires_second_factor"] == true)
            let due = gatehouse.clock.now + .seconds(7 * 86400)
            #expect(try grace.get("/auth/2fa")["due_at"]?.string == due.rfc3339)
            gatehouse.clock.advance(by: .seconds(7 * 86400 - 1))
            let member = try gatehouse.signedIn("grace@example.com")
            gatehouse.clock.advance(by: .seconds(1))
            // The session of before does not live on without.
            #expect(try member.get("/auth/validate").code == "second_factor_required")
            #expect(try gatehouse.refresh(member.refreshToken).code == "second_factor_required")

            var browser = Browser(gatehouse)
            let asked = try browser.login("grace@example.com")
            #expect(asked["enrolment_required"] == true && asked["methods"] == [] && asked["access_token"] == nil)
            let token = try #require(asked["second_factor_token"])
            let setup = try browser.send("POST", "/auth/2fa/enrolment/setup", ["second_factor_token": token])
            let app = try Authenticator(gatehouse, secret: try #require(setup["secret"]?.string, "\(setup.text)"))
            // No code of nothing opens anything.
            #expect(try browser.finish(try #require(token.string), app.code()).code == "second_factor_unavailable")
            func enrol(_ code: String) throws -> HTTPClient.Reply {
                try browser.send(
                    "POST", "/auth/2fa/enrolment", ["second_factor_token": token, "code": .string(code)])
            }
            #expect(try enrol(app.wrongCode()).code == "code_invalid")
            let done = try enrol(app.code())
            #expect(done.status == 200 && done["recovery_codes"]?.array?.count == 10, "\(done.text)")
            let access = try #require(done["sign_in"]?["access_token"]?.string)
            #expect(try Member.claims(access)["acr"] == "aal2")
            #expect(try enrol(app.nextCode()).code == "token_invalid")
            let off = try gatehouse.client.send(
                "POST", "/auth/2fa/disable", json: ["password": .string(Member.password), "code": .string(app.nextCode())],
                token: access)
            #expect(off.code == "last_second_factor", "\(off.text)")
            // What is not asked for any more may go.
            let again = try gatehouse.signedIn("root@example.com", password: "seventeen quiet looms")
            #expect(try again.patch("/roles/\(id)", ["requires_second_factor": false]).status == 200)
            let gone = try gatehouse.client.send(
                "POST", "/auth/2fa/disable", json: ["password": .string(Member.password), "code": .string(app.nextCode())],
                token: access)
            #expect(gone.status == 200, "\(gone.text)")
        }
    }

    @Test("a company asks its members, and nobody else", arguments: Stores.all)
    func requiredByCompany(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, ["SECOND_FACTOR_GRACE": "0"]) { gatehouse in
            let ada = try gatehouse.registered()
            let mallory = try gatehouse.registered("mallory@example.net")
            let company = try #require(ada.companyID)
            #expect(try mallory.patch("/companies/\(company)", ["requires_second_factor": true]).code == "not_found")
            let patched = try ada.patch("/companies/\(company)", ["requires_second_factor": true])
            #expect(patched.status == 200 && patched["requires_second_factor"] == true)
            #expect(try ada.get("/auth/validate").code == "second_factor_required")
            #expect(try gatehouse.login()["enrolment_required"] == true)
            #expect(try mallory.isSignedIn())
            #expect(try gatehouse.login("mallory@example.net")["access_token"] != nil)
        }
    }
}
