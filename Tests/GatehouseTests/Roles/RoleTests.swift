import Ground
import Testing

@Suite("Roles") struct RoleTests {
    @Test("a role that is granted opens doors on the next request, and shuts them when it is withdrawn", arguments: Stores.all)
    func inForceAtOnce(kind: StoreKind) async throws {  // REQ-AUTH-03
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            #expect(try grace.get("/roles").code == "forbidden")
            let grant = try root.post("/users/\(grace.id)/roles", ["role": "viewer"])
            #expect(grant.status == 201 && grant["role"] == "Viewer")
            #expect(try grace.get("/roles").status == 200)
            let id = try #require(grant["id"]?.string)
            #expect(try root.delete("/users/\(grace.id)/roles/\(id)").status == 200)
            #expect(try grace.get("/roles").code == "forbidden")
            #expect(try await gatehouse.audit("role.granted").count == 1)
            #expect(try await gatehouse.audit("role.withdrawn").count == 1)
        }
    }

    @Test("a role ends at its end, without anyone asking", arguments: Stores.all)
    func ending(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com")
            let end = (gatehouse.clock.now + .seconds(30)).rfc3339
            #expect(try root.post("/users/\(grace.id)/roles", ["role": "Viewer", "expires_at": .string(end)]).status == 201)
            #expect(try grace.get("/roles").status == 200)
            let lists = ["role=viewer", "role=viewer&search=grace", "role=viewer&sort=name", "role=viewer&order=desc"]
            for list in lists { #expect(try root.get("/users?\(list)")["items"]?[0]?["id"]?.string == grace.id, "\(list)") }
            gatehouse.clock.advance(by: .seconds(31))
            #expect(try grace.get("/roles").code == "forbidden")
            for list in lists { #expect(try root.get("/users?\(list)")["items"] == [], "\(list)") }
            #expect(try grace.get("/auth/permissions")["everywhere"] == [])
            let past = (gatehouse.clock.now - .seconds(1)).rfc3339
            let late = try root.post("/users/\(grace.id)/roles", ["role": "Viewer", "expires_at": .string(past)])
            #expect(late["errors"]?[0]?["code"] == "in_the_past")
        }
    }

    @Test("a role of one's own permits what it says and what it includes, and a change of it is in force at once", arguments: Stores.all)
    func own(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let fleet = try root.post("/roles", ["name": "Fleet", "permissions": ["machines:*"], "includes": ["Viewer"]])
            #expect(fleet["effective_permissions"] == ["companies:read", "machines:*", "roles:read", "users:read"])
            let grace = try root.created("grace@example.com", roles: ["Fleet"])
            #expect(try grace.post("/authorize", ["permission": "machines:start"])["allowed"] == true)
            #expect(try grace.post("/authorize", ["permission": "users:delete"])["allowed"] == false)
            #expect(try grace.get("/roles").status == 200)
            let id = try #require(fleet["id"]?.string)
            #expect(try root.patch("/roles/\(id)", ["includes": []]).status == 200)
            #expect(try grace.get("/roles").code == "forbidden")
            #expect(try root.delete("/roles/\(id)").code == "role_in_use")
            let names = try root.get("/permissions")["items"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.contains("users:read") && names.contains("machines:*"))
        }
    }

    @Test("a role cannot include itself, not even by way of another", arguments: Stores.all)
    func cycles(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let a = try #require(try root.post("/roles", ["name": "Alpha"])["id"]?.string)
            _ = try root.post("/roles", ["name": "Beta", "includes": ["Alpha"]])
            _ = try root.post("/roles", ["name": "Gamma", "includes": ["Beta"]])
            let refused = try root.patch("/roles/\(a)", ["includes": ["Gamma"]])
            #expect(refused.status == 403 && refused.code == "role_cycle")
            #expect(try root.patch("/roles/\(a)", ["permissions": ["x:y"]]).status == 200)
            let gamma = try #require(try root.get("/roles")["items"]?.array?.first { $0["name"] == "Gamma" })
            #expect(gamma["effective_permissions"] == ["x:y"])
        }
    }

    @Test("nobody makes, changes or grants a role that permits what they may not do", arguments: Stores.all)
    func case47Escalation(kind: StoreKind) async throws {  // case 47, REQ-AUTH-05
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            _ = try root.post("/roles", ["name": "Keeper", "permissions": ["roles:*", "users:*"]])
            let keeper = try root.created("keeper@example.com", roles: ["Keeper"])
            let own = try keeper.post("/users/\(keeper.id)/roles", ["role": "SuperAdmin"])
            #expect(own.status == 403 && own["detail"] == "The permission * is missing.")
            let made = try keeper.post("/roles", ["name": "Mine", "permissions": ["users:read", "audit:read"]])
            #expect(made.status == 403 && made["detail"] == "The permission audit:read is missing.")
            #expect(try keeper.post("/roles", ["name": "Mine", "includes": ["Admin"]]).code == "forbidden")
            let admin = try #require(try root.get("/roles")["items"]?.array?.first { $0["name"] == "Admin" }?["id"]?.string)
            #expect(try keeper.patch("/roles/\(admin)", ["permissions": ["users:read"]]).code == "forbidden")
            // Through a role that another includes.
            let part = try #require(try keeper.post("/roles", ["name": "Part", "permissions": ["users:read"]])["id"]?.string)
            #expect(try root.post("/roles", ["name": "Whole", "permissions": ["audit:*"], "includes": ["Part"]]).status == 201)
            #expect(try keeper.patch("/roles/\(part)", ["permissions": ["users:*"]]).code == "forbidden")
            // Nobody touches someone who may do more.
            #expect(try keeper.post("/users/\(root.id)/block").code == "forbidden")
            #expect(try keeper.delete("/users/\(root.id)").code == "forbidden")
            #expect(try keeper.post("/users/\(root.id)/require-password-change").code == "forbidden")
            #expect(try root.isSignedIn())
        }
    }

    @Test("roles that come with the system keep their names, and SuperAdmin all that it permits")
    func systemRoles() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            let roles = try root.get("/roles")["items"]?.array ?? []
            #expect(Set(roles.compactMap { $0["name"]?.string }) == [
                "SuperAdmin", "Admin", "Manager", "Operator", "Collector", "Technician", "Viewer",
            ])
            for role in roles {
                let id = try #require(role["id"]?.string)
                #expect(try root.patch("/roles/\(id)", ["name": "Renamed"]).code == "system_role")
                #expect(try root.delete("/roles/\(id)").code == "system_role")
            }
            let top = try #require(roles.first { $0["name"] == "SuperAdmin" }?["id"]?.string)
            #expect(try root.patch("/roles/\(top)", ["permissions": []]).code == "system_role")
            #expect(try root.post("/roles", ["name": "superadmin"]).code == "role_name_taken")
        }
    }

    @Test("two administrators who demote each other at once leave one", arguments: Stores.all)
    func lastTwo(kind: StoreKind) async throws {  // REQ-AUTH-04
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let other = try root.created("other@example.com", roles: ["SuperAdmin"])
            func path(to member: Member) throws -> String {
                let grants = try root.get("/users/\(member.id)/roles")["items"]
                return "/users/\(member.id)/roles/\(grants?[0]?["id"]?.string ?? "none")"
            }
            let attempts = [(root, try path(to: other)), (other, try path(to: root))]
            let codes = try await withThrowingTaskGroup(of: String.self) { group in
                for (actor, path) in attempts { group.addTask { try actor.delete(path).code } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Whoever came second was no SuperAdmin any more.
            #expect(codes.contains(""), "\(codes)")
            #expect(try await gatehouse.store.reading.grants.lastingHolders(of: "superadmin") == 1)
        }
    }

    @Test("the last SuperAdmin without end keeps the role, and it gets no end", arguments: Stores.all)
    func lastStays(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let end = (gatehouse.clock.now + .seconds(3600)).rfc3339
            _ = try root.created("brief@example.com")
            let grant = try #require(try root.get("/users/\(root.id)/roles")["items"]?[0]?["id"]?.string)
            #expect(try root.delete("/users/\(root.id)/roles/\(grant)").code == "last_super_admin")
            let shortened = try root.post("/users/\(root.id)/roles", ["role": "SuperAdmin", "expires_at": .string(end)])
            #expect(shortened.code == "last_super_admin")
        }
    }

    @Test("a check answers for others only whoever may ask, and a blocked person may do nothing", arguments: Stores.all)
    func checks(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let grace = try root.created("grace@example.com", roles: ["Viewer"])
            let question: JSON = ["permission": "users:read", "user_id": .string(grace.id)]
            #expect(try root.post("/authorize", question)["allowed"] == true)
            #expect(try grace.post("/authorize", ["permission": "*", "user_id": .string(root.id)]).code == "forbidden")
            let batch = try root.post("/authorize/batch", ["checks": [question, ["permission": "users:erase"], ["permission": "users:erase", "user_id": .string(grace.id)]]])
            #expect(batch["decisions"]?.array?.map { $0["allowed"] } == [true, true, false])
            let nobody: JSON = ["permission": "users:read", "user_id": "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293"]
            #expect(try root.post("/authorize", nobody).code == "not_found")
            let mixed = try root.post("/authorize/batch", ["checks": [nobody, question, nobody]])
            #expect(mixed["decisions"]?.array?.map { $0["allowed"] } == [false, true, false])
            #expect(mixed["decisions"]?.array?.map { $0["code"] } == ["not_found", .null, "not_found"])
            #expect(try root.post("/users/\(grace.id)/block", ["reason": "gone"])["status"] == "SUSPENDED")
            #expect(try root.post("/authorize", question)["allowed"] == false)
            let bad = try root.post("/authorize", ["permission": "Users:Read"])
            #expect(bad["errors"]?[0]?["code"] == "not_a_permission")
        }
    }
}
