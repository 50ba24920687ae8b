import Ground
import Services
import Testing

@Suite("One's own account") struct AccountTests {
    @Test("a change of name, phone and settings shows on the next request", arguments: Stores.all)
    func update(kind: StoreKind) async throws {  // REQ-AUTH-36
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            #expect(try ada.get("/auth/validate")["user"]?["name"] == "Ada Lovelace")
            let change: JSON = ["name": "Ada King", "phone": "+44 20 7946 0958", "settings": ["language": "ru"]]
            let reply = try ada.patch("/auth/profile", change)
            #expect(reply.status == 200)
            let user = try ada.get("/auth/validate")["user"]
            #expect(user?["name"] == "Ada King")
            #expect(user?["settings"]?["language"] == "ru")
            #expect(try ada.patch("/users/\(ada.id)", ["phone": nil])["phone"] == .null)
            #expect(try ada.get("/auth/profile")["user"]?["name"] == "Ada King")
            #expect(try await gatehouse.audit("profile.updated").count == 2)
        }
    }

    @Test("no other field can be set", arguments: [
        "role", "roles", "status", "email", "email_verified", "company_id", "is_2fa_enabled", "password_hash", "id",
        "app_data", "requires_password_change", "deleted_at",
    ])
    func case46MassAssignment(field: String) async throws {  // case 46
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let before = try ada.get("/auth/profile").json
            let reply = try ada.patch("/auth/profile", .object([.init("name", "Eve"), .init(field, "SuperAdmin")]))
            #expect(reply.status == 400)
            #expect(reply["errors"]?.array?.first?["code"] == "unknown_field")
            #expect(try ada.get("/auth/profile").json == before)
        }
    }

    @Test("nobody changes somebody else, or their own status, without the permission", arguments: Stores.all)
    func foreign(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try root.created("eve@example.com")
            for other in [ada.id, root.id] {
                #expect(try eve.patch("/users/\(other)", ["name": "Owned"]).code == "forbidden")
                #expect(try eve.delete("/users/\(other)").code == "forbidden")
            }
            #expect(try eve.patch("/users/\(eve.id)", ["status": "INACTIVE"]).code == "forbidden")
            #expect(try eve.patch("/users/\(eve.id)", ["email": "owned@example.com"]).code == "forbidden")
            #expect(try eve.patch("/users/\(eve.id)", ["name": "Eve"])["name"] == "Eve")
            let company = try #require(ada.companyID)
            #expect(try eve.patch("/companies/\(company)", ["status": "SUSPENDED"]).code == "forbidden")
            #expect(try root.patch("/users/\(ada.id)", ["name": "Ada King"])["name"] == "Ada King")
        }
    }

    @Test("a deleted person's sessions and cached tokens die at once, and the address is free", arguments: Stores.all)
    func case10Deleted(kind: StoreKind) async throws {  // cases 10, 51
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            #expect(try ada.isSignedIn())
            #expect(try root.delete("/users/\(ada.id)").status == 200)
            #expect(try ada.get("/auth/validate").code == "session_ended")
            #expect(try gatehouse.refresh(ada.refreshToken).code == "session_ended")
            #expect(try gatehouse.login().code == "credentials_invalid")
            #expect(try root.delete("/users/\(ada.id)").status == 404)
            #expect(try gatehouse.register().status == 201)
        }
    }

    @Test("the last SuperAdmin can be neither blocked nor deleted", arguments: Stores.all)
    func lastSuperAdmin(kind: StoreKind) async throws {  // REQ-AUTH-04
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try root.patch("/users/\(root.id)", ["status": "INACTIVE"]).code == "last_super_admin")
            #expect(try root.delete("/users/\(root.id)").code == "last_super_admin")
            #expect(try root.isSignedIn())
        }
    }

    @Test("a change that is refused in part changes nothing; a blocked SuperAdmin can be deleted", arguments: Stores.all)
    func wholeOrNothing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let refused = try root.patch("/users/\(root.id)", ["name": "Nobody", "status": "SUSPENDED"])
            #expect(refused.code == "last_super_admin")
            #expect(try root.get("/auth/profile")["user"]?["name"] == "Root")
            let second = try EmailAddress("second@example.com")
            try await gatehouse.services.firstStart.create(name: "Second", email: second, password: "nineteen loud ferries")
            let other = try gatehouse.signedIn("second@example.com", password: "nineteen loud ferries")
            #expect(try root.patch("/users/\(other.id)", ["status": "SUSPENDED"]).status == 200)
            #expect(try root.delete("/users/\(other.id)").status == 200)
            #expect(try root.delete("/users/\(root.id)").code == "last_super_admin")
        }
    }

    @Test("a password change ends every session and opens a new one", arguments: Stores.all)
    func passwordChange(kind: StoreKind) async throws {  // REQ-AUTH-57
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let other = try gatehouse.signedIn()
            let change: JSON = ["current_password": .string(Member.password), "newPassword": "seventeen quiet looms"]
            let reply = try ada.post("/auth/change-password", change)
            #expect(reply.status == 200)
            #expect(try !ada.isSignedIn() && !other.isSignedIn())
            #expect(try Member(gatehouse, email: ada.email, reply: reply).isSignedIn())
            #expect(try gatehouse.login().status == 401)
            #expect(try gatehouse.login(password: "seventeen quiet looms").status == 200)
            #expect(try await gatehouse.audit("password.changed").count == 1)
        }
    }

    @Test("a new password obeys the policy, differs, and says why it is refused", arguments: [
        ("password", "password_common"), ("Ada Lovelace", "password_contains_personal_data"),
        (Member.password, "password_unchanged"), ("aB3$", "password_too_short"),
    ])
    func policy(new: String, code: String) async throws {  // REQ-AUTH-41
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let change: JSON = ["current_password": .string(Member.password), "new_password": .string(new)]
            let reply = try ada.post("/auth/change-password", change)
            #expect(reply.status == 400)
            #expect(reply["errors"]?.array?.contains { $0["code"]?.string == code && $0["field"] == "new_password" } == true)
            #expect(try gatehouse.login().status == 200)
        }
    }

    @Test("each rule of the password policy can be asked for", arguments: [
        ("PASSWORD_REQUIRE_UPPERCASE", "password_needs_uppercase"), ("PASSWORD_REQUIRE_DIGIT", "password_needs_digit"),
        ("PASSWORD_REQUIRE_SPECIAL_CHAR", "password_needs_special_character"),
    ])
    func policySettings(setting: String, code: String) async throws {  // REQ-AUTH-41
        try await withGatehouse([setting: "true"]) { gatehouse in
            let reply = try gatehouse.register(password: "clatteringbrassmill")
            #expect(reply["errors"]?.array?.first?["code"]?.string == code)
        }
        try await withGatehouse(["PASSWORD_MIN_LENGTH": "24"]) { gatehouse async throws in
            #expect(try gatehouse.register()["errors"]?.array?.first?["code"] == "password_too_short")
        }
    }
}
