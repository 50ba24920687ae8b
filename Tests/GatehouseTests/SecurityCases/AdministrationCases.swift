import Ground
import Testing

@Suite("Known faults of others: administration") struct AdministrationCasesTests {
    @Test("case 49: who registers with the address of somebody who is gone gets nothing of theirs", arguments: Stores.all)
    func case49FormerOwner(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            for erases in [false, true] {
                let former = try gatehouse.registered()
                #expect(try root.post("/users/\(former.id)/roles", ["role": "Manager"]).status == 201)
                #expect(try former.patch("/auth/profile", ["phone": "+442079460000", "settings": ["theme": "dark"]]).status == 200)
                #expect(try root.delete("/users/\(former.id)").status == 200)
                if erases { #expect(try root.post("/users/\(former.id)/erase").status == 200) }
                let next = try gatehouse.registered()
                #expect(next.id != former.id && next.companyID != former.companyID)
                let profile = try #require(try next.get("/auth/profile")["user"])
                #expect(profile["phone"] == .null && profile["settings"] == [:] && profile["roles"] == ["Admin"])
                #expect(try next.get("/auth/sessions/all")["items"]?.array?.count == 1)
                let history = try next.get("/auth/sign-in-history")
                #expect(history.status == 200 && !history.text.contains(former.sessionID) && !history.text.contains(former.id))
                #expect(try !former.isSignedIn())
                #expect(try gatehouse.refresh(former.refreshToken).status == 401)
                // What is theirs is there under their own id only, and not for whoever has the address now.
                #expect(try next.get("/users/\(former.id)").status == 404)
                #expect(try root.delete("/users/\(next.id)").status == 200)
            }
        }
    }

    @Test("case 58: what people call themselves is text wherever it is shown")
    func case58Scripts() async throws {
        let script = #"<script>alert("1")</script>"#
        try await withGatehouse { gatehouse in
            let form = "token=\(gatehouse.services.firstStart.token())&name=%3Cscript%3Ealert(%221%22)%3C/script%3E"
                + "&email=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&password=short"
            let page = try gatehouse.client.send(
                "POST", "/setup", body: Array(form.utf8), headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(page.header("content-type")?.hasPrefix("text/html") == true)
            #expect(page.text.contains("&lt;script&gt;alert") && !page.text.contains("<script>alert"))
            #expect(!page.text.contains("<img src=x"))
            #expect(page.header("content-security-policy")?.contains("script-src 'self'") == true)
            let root = try gatehouse.superAdmin()
            #expect(try root.patch("/auth/profile", ["name": .string(script)]).status == 200)
            #expect(try root.post("/roles", ["name": .string(script), "permissions": []]).status == 201)
            let login = try gatehouse.login(
                "root@example.com", password: "seventeen quiet looms", headers: ["User-Agent": script])
            let token = try #require(login["access_token"]?.string)
            for path in ["/auth/profile", "/auth/sessions", "/roles", "/audit-logs", "/users", "/users?search=%3Cscript%3E", "/nowhere/%3Cscript%3E"] {
                let reply = try gatehouse.client.send("GET", path, token: token)
                #expect(reply.header("content-type")?.contains("json") == true, "\(path)")
                #expect(reply.header("x-content-type-options") == "nosniff", "\(path)")
            }
            let csv = try gatehouse.client.send("GET", "/audit-logs/export?format=csv", token: token)
            #expect(csv.header("content-type")?.hasPrefix("text/csv") == true)
            #expect(csv.header("content-disposition")?.hasPrefix("attachment") == true)
            #expect(csv.header("x-content-type-options") == "nosniff")
        }
    }
}
