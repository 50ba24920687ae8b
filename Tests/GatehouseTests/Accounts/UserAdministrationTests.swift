import Ground
import SQL
import Testing

@Suite("Administering people") struct UserAdministrationTests {
    @Test("somebody who is created must choose a password, with a token that opens nothing else", arguments: Stores.all)
    func firstLogin(kind: StoreKind) async throws {  // REQ-AUTH-30, REQ-AUTH-31, case 22
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let made = try root.post("/users", ["name": "Grace Hopper", "email": "Grace@Example.com"])
            let password = try #require(made["initial_password"]?.string)
            let login = try gatehouse.login("grace@example.com", password: password)
            #expect(login.status == 200 && login["requires_password_change"] == true && login["access_token"] == nil)
            let token = try #require(login["password_change_token"]?.string)
            #expect(try gatehouse.client.send("GET", "/auth/validate", token: token).code == "token_invalid")
            #expect(try gatehouse.refresh(token).code == "token_invalid")
            func change(_ token: String, _ password: String) throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/auth/first-login/change-password",
                    json: ["password_change_token": .string(token), "new_password": .string(password)])
            }
            #expect(try change(token, password)["errors"]?[0]?["code"] == "password_unchanged")
            #expect(try change(token, "short")["errors"]?[0]?["field"] == "new_password")
            #expect(try change(String(token.dropLast()) + (token.last == "A" ? "E" : "A"), Member.password).status == 401)
            let changed = try change(token, Member.password)
            #expect(changed.status == 200 && changed["access_token"] != nil)
            #expect(try change(token, "nineteen loud ferries").code == "token_invalid")
            #expect(try gatehouse.login("grace@example.com").status == 200)
        }
    }

    @Test("the token of a first sign-in expires, and signing in five times with the right password locks nobody out")
    func firstLoginExpires() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let made = try root.post("/users", ["name": "Grace Hopper", "email": "grace@example.com"])
            let password = try #require(made["initial_password"]?.string)
            for _ in 0..<6 { #expect(try gatehouse.login("grace@example.com", password: password).status == 200) }
            let token = try #require(try gatehouse.login("grace@example.com", password: password)["password_change_token"])
            gatehouse.clock.advance(by: .seconds(601))
            let late = try gatehouse.client.send(
                "POST", "/auth/first-login/change-password",
                json: ["password_change_token": token, "new_password": .string(Member.password)])
            #expect(late.code == "token_expired")
        }
    }

    @Test("a password change can be forced; every session ends", arguments: Stores.all)
    func forced(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try root.post("/users/\(ada.id)/require-password-change").status == 200)
            #expect(try ada.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.login()["requires_password_change"] == true)
        }
    }

    @Test("a deleted person comes back as they were, unless the address has another account by now", arguments: Stores.all)
    func restored(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com", roles: ["Viewer"])
            #expect(try root.delete("/users/\(grace.id)").status == 200)
            #expect(try root.get("/users?deleted=true")["items"]?[0]?["id"]?.string == grace.id)
            #expect(try root.post("/users/\(grace.id)/restore").status == 200)
            let again = try gatehouse.signedIn("grace@example.com")
            #expect(again.id == grace.id)
            #expect(try again.get("/roles").status == 200)
            #expect(try root.delete("/users/\(grace.id)").status == 200)
            _ = try gatehouse.registered("grace@example.com")
            #expect(try root.post("/users/\(grace.id)/restore").code == "email_taken")
        }
    }

    @Test("whoever is erased is gone, with everything but what the audit log tells of the bare id", arguments: Stores.all)
    func erased(kind: StoreKind) async throws {  // cases 10, 49
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let list: JSON = ["ip_whitelist_enabled": true, "allowed_ips": ["127.0.0.0/8"]]
            #expect(try root.patch("/users/\(ada.id)/ip-whitelist", list).status == 200)
            let export = try ada.get("/users/\(ada.id)/export")
            #expect(export["user"]?["email"] == "ada@example.com" && export["sessions"]?.array?.count == 1)
            #expect(export["user"]?["ip_whitelist_enabled"] == true && export["user"]?["allowed_ips"] == ["127.0.0.0/8"])
            #expect(try root.post("/users/\(ada.id)/erase").status == 200)
            #expect(try ada.get("/auth/validate").code == "session_ended")
            #expect(try root.get("/users/\(ada.id)").status == 404)
            #expect(try root.get("/users?search=ada")["items"] == [])
            #expect(try root.post("/users/\(ada.id)/erase").status == 404)
            // The row of the erasure itself is about who did it.
            let rows = try await gatehouse.audit().filter {
                $0.userID?.description == ada.id && $0.event != "user.erased"
            }
            #expect(!rows.isEmpty && rows.allSatisfy { $0.ip == nil && $0.userAgent == nil })
            #expect(try gatehouse.registered().id != ada.id)
        }
    }

    @Test("a copy of what is kept names second factors, passkeys and browsers, and erasing takes them away", arguments: Stores.all)
    func factors(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try PasskeyHolder(gatehouse, try gatehouse.registered())
            let app = try ada.member.authenticator()
            let start = gatehouse.clock.now
            _ = try ada.newPasskey(for: "second_factor", name: "Blue key")
            var browser = Browser(gatehouse)
            let done = try browser.finish(
                try browser.challenged(), app.recoveryCodes[0], method: "recovery_code", .init("remember_device", true))
            try #require(done.status == 200, "\(done.text)")
            // One that waits, and one that was sent to nobody yet.
            var other = Browser(gatehouse)
            _ = try other.challenged()
            let reply = try ada.member.get("/users/\(ada.member.id)/export")
            let export = reply.json
            #expect(export["second_factors"]?.array?.compactMap { $0["kind"] } == ["passkey", "totp"], "\(reply.text)")
            #expect(export["second_factors"]?[1]?["created_at"]?.string == start.rfc3339)
            #expect(export["second_factors"]?[1]?["last_used_at"]?.string != nil)
            #expect(export["recovery_codes"]?["left"] == 9 && export["recovery_codes"]?["used_at"]?.array?.count == 1)
            let passkey = export["passkeys"]?[0]
            #expect(passkey?["name"] == "Blue key" && passkey?["use"] == "second_factor" && passkey?["created_at"]?.string != nil)
            let device = export["remembered_devices"]?[0]
            #expect(device?["ip"] == "127.0.0.1" && device?["expires_at"]?.string != nil && device?["name"]?.string != nil)
            // Never what proves something.
            for secret in ["sealed", "digest", "hash", "public_key", "\"secret\""] + app.recoveryCodes {
                #expect(!reply.text.contains(secret), "\(secret)")
            }
            #expect(try root.post("/users/\(ada.member.id)/erase").status == 200)
            let id = try #require(UUID(ada.member.id))
            for table in [
                "totp_secrets", "recovery_codes", "passkeys", "remembered_devices", "second_factor_challenges", "known_devices",
                "user_sessions", "user_words",
            ] {
                let rows = try await gatehouse.database.read(
                    Statement("SELECT 1 FROM \(table) WHERE user_id = $1"), [id.sqlValue])
                #expect(rows.isEmpty, "\(table)")
            }
        }
    }

    @Test("the list finds, filters, sorts and pages, and keeps its place while people come and go", arguments: Stores.all)
    func list(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            for number in 0..<12 {
                let name = ["Ada Ärger", "grace hopper", "Zoë Lovelace"][number % 3]
                let made = try root.post(
                    "/users",
                    ["name": .string(name), "email": .string("p\(number)@firm\(number % 2).example"), "roles": number == 5 ? ["Viewer"] : []])
                #expect(made.status == 201, "\(made.text)")
            }
            func all(_ query: String, limit: Int = 5) throws -> [String] {
                var found: [String] = []
                var after = ""
                for _ in 0..<10 {
                    let page = try root.get("/users?limit=\(limit)&\(query)\(after)")
                    try #require(page.status == 200, "\(page.text)")
                    found += page["items"]?.array?.compactMap { $0["email"]?.string } ?? []
                    guard let next = page["next"]?.string else { return found }
                    after = "&after=\(next)"
                }
                return found
            }
            let everyone = try all("sort=created_at")
            #expect(everyone.count == 13 && Set(everyone).count == 13)
            #expect(try all("order=desc") == everyone.reversed())
            #expect(try all("sort=email", limit: 4) == everyone.sorted())
            #expect(try all("sort=email&order=desc", limit: 3) == everyone.sorted().reversed())
            for sort in ["name", "last_login_at"] {
                for order in ["asc", "desc"] { #expect(Set(try all("sort=\(sort)&order=\(order)", limit: 4)) == Set(everyone)) }
            }
            #expect(Set(try all("search=love", limit: 2)) == Set((0..<12).filter { $0 % 3 == 2 }.map { "p\($0)@firm\($0 % 2).example" }))
            #expect(try all("search=firm0.example%20%C3%A4r", limit: 2).sorted() == ["p0@firm0.example", "p6@firm0.example"])
            #expect(try all("search=p7@firm1") == ["p7@firm1.example"])
            #expect(try all("search=nobody") == [])
            #expect(try all("role=viewer") == ["p5@firm1.example"])
            #expect(try all("status=SUSPENDED") == [])
            let first = try root.get("/users?limit=5")
            let next = try #require(first["next"]?.string)
            let gone = try #require(first["items"]?.array?.last { $0["email"] != "root@example.com" }?["id"]?.string)
            #expect(try root.delete("/users/\(gone)").status == 200)
            #expect(try root.get("/users?limit=5&after=\(next)")["items"]?[0]?["email"]?.string == everyone[5])
        }
    }

    @Test("what a list is asked for is refused where it cannot be read, and is never part of a statement", arguments: [
        ("sort=email%3B%20DROP%20TABLE%20users", "not_a_choice"), ("order='", "not_a_choice"), ("after=AAAA", "not_a_page"),
        ("after=%27%3B--", "not_a_page"), ("search=", "too_short"), ("search=a%20b%20c%20d%20e", "too_many_words"),
        ("search=a&sort=name", "sort_with_search"), ("status=active", "not_a_choice"), ("company_id=1", "not_an_id"),
        ("limit=0", "out_of_range"), ("colour=red", "unknown_field"), ("last_login_after=yesterday", "not_a_moment"),
        ("role=nobody%27%20OR%201%3D1", "no_such_role"),
    ])
    func case54Injection(query: String, code: String) async throws {  // case 54
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let refused = try root.get("/users?\(query)")
            #expect(refused.status == 400 && refused["errors"]?[0]?["code"]?.string == code, "\(refused.text)")
            #expect(try root.get("/users?search=%25")["items"] == [])
        }
    }

    @Test("people who came in from a file are found once their words are written", arguments: Stores.all)
    func missingWords(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let lines: JSON = [["email": "grace@example.com", "name": "Grace Hopper"]]
            let imported = try root.post("/users/import", lines)
            #expect(imported["imported"] == 1, "\(imported.text)")
            #expect(try root.get("/users?search=grace")["items"] == [])
            #expect(try await gatehouse.services.housekeeping.writeMissingWords() == 1)
            #expect(try root.get("/users?search=grace")["items"]?[0]?["email"] == "grace@example.com")
            #expect(try await gatehouse.services.housekeeping.writeMissingWords() == 0)
        }
    }

    @Test("no other field can be set on a person", arguments: [
        "role", "roles", "email_verified", "company_id", "is_2fa_enabled", "password_hash", "id", "deleted_at",
    ])
    func case46MassAssignment(field: String) async throws {  // case 46
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let refused = try root.patch("/users/\(root.id)", .object([.init(field, "x"), .init("name", "Changed")]))
            #expect(refused.status == 400 && refused["errors"]?[0]?["code"] == "unknown_field")
            #expect(try root.get("/auth/profile")["user"]?["name"] == "Root")
        }
    }

    @Test("an invitation makes one account, for the address it was sent to, once", arguments: Stores.all)
    func case52Invitation(kind: StoreKind) async throws {  // case 52
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let invited = try ada.post("/invitations", ["email": "Grace@example.com", "roles": ["Viewer"]])
            #expect(invited.status == 201, "\(invited.text)")
            let token = try #require(invited["token"]?.string)
            func accept(_ token: String, name: String = "Grace Hopper") throws -> HTTPClient.Reply {
                try gatehouse.client.send(
                    "POST", "/invitations/accept",
                    json: ["token": .string(token), "name": .string(name), "password": .string(Member.password)])
            }
            for bad in ["x", "ghi_", String(token.dropLast(2)), "ghi_" + String(token.dropFirst(4).reversed())] {
                #expect(try accept(bad).code == "invitation_invalid")
            }
            let seen = try gatehouse.client.send("POST", "/invitations/inspect", json: ["token": .string(token)])
            #expect(seen["email"] == "Grace@example.com" && seen["company"]?["id"]?.string == ada.companyID)
            let codes = try await withThrowingTaskGroup(of: HTTPClient.Reply.self) { group in
                for _ in 0..<4 { group.addTask { try accept(token) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let accepted = try #require(codes.first { $0.status == 201 })
            #expect(codes.filter { $0.status == 201 }.count == 1)
            #expect(accepted["user"]?["email"] == "Grace@example.com" && accepted["user"]?["roles"] == ["Viewer"])
            #expect(accepted["company"]?["id"]?.string == ada.companyID)
            #expect(try accept(token).code == "invitation_invalid")
            let grace = try Member(gatehouse, email: "grace@example.com", reply: accepted)
            let kept = try grace.get("/users/\(grace.id)/export")["invitations"]
            #expect(kept?.array?.count == 1 && kept?[0]?["roles"] == ["Viewer"] && kept?[0]?["email"] == "Grace@example.com")
            #expect(kept?[0]?["accepted_at"]?.string != nil)
        }
    }

    @Test("an invitation expires, can be withdrawn, and gives no more than whoever invited may still give")
    func invitationEnds() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            func invite(_ member: Member, _ email: String, _ roles: JSON = []) throws -> HTTPClient.Reply {
                try member.post("/invitations", ["email": .string(email), "roles": roles, "expires_in_days": 1])
            }
            func accept(_ reply: HTTPClient.Reply) throws -> String {
                try gatehouse.client.send(
                    "POST", "/invitations/accept",
                    json: ["token": reply["token"] ?? "", "name": "Grace Hopper", "password": .string(Member.password)]).code
            }
            let withdrawn = try invite(root, "a@example.com")
            let id = try #require(withdrawn["invitation"]?["id"]?.string)
            #expect(try root.delete("/invitations/\(id)").status == 200)
            #expect(try accept(withdrawn) == "invitation_invalid")
            let admin = try root.created("admin@example.com", roles: ["Admin"])
            #expect(try invite(admin, "b@example.com", ["SuperAdmin"]).code == "forbidden")
            let late = try invite(root, "c@example.com")
            let orphaned = try invite(admin, "d@example.com", ["Viewer"])
            #expect(try root.post("/users/\(admin.id)/block").status == 200)
            #expect(try accept(orphaned) == "invitation_invalid")
            gatehouse.clock.advance(by: .seconds(86401))
            #expect(try accept(late) == "invitation_invalid")
        }
    }
}
