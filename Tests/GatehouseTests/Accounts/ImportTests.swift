import Ground
import Testing

@Suite("Bringing people in from a file") struct ImportTests {
    @Test("people come with the hashes of other systems, and each is made anew at the first sign-in", arguments: Stores.all)
    func hashes(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let file = """
                email,name,phone,status,password_hash,email_verified,external_id,created_at,roles,settings
                grace@example.com,Grace Hopper,+1 212 555 0199,ACTIVE,\(OthersHash.bcrypt),true,u-1,2020-02-29T12:00:00Z,Viewer,"{""language"":""en""}"
                Mary@Example.com,"Somerville, Mary",,,\(OthersHash.django),,,1500000000000,,

                """
            let reply = try root.importing(file)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(reply["lines"] == 2 && reply["imported"] == 2 && reply["refused_lines"] == 0 && reply["dry_run"] == false)
            for email in ["grace@example.com", "mary@example.com"] {
                #expect(try gatehouse.login(email, password: "wrong horse").code == "credentials_invalid")
                let member = try gatehouse.signedIn(email)
                let stored = try await gatehouse.store.reading.users.find(emailKey: email)
                #expect(stored?.passwordHash?.hasPrefix("$argon2id$") == true)
                #expect(try gatehouse.login(email).status == 200)
                #expect(try member.isSignedIn())
            }
            let grace = try gatehouse.signedIn("grace@example.com")
            let profile = try grace.get("/auth/profile")["user"]
            #expect(profile?["roles"] == ["Viewer"] && profile?["phone"] == "+1 212 555 0199")
            #expect(profile?["created_at"] == "2020-02-29T12:00:00.000Z" && profile?["settings"]?["language"] == "en")
            let events = try await gatehouse.audit("users.imported")
            #expect(events.count == 1 && events.first?.metadata.contains("\"people\":2") == true)
            #expect(events.first?.actorID == UUID(root.id))
        }
    }

    @Test("where one line is refused, nothing is written, and every refused line is named", arguments: Stores.all)
    func wholeOrNothing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            _ = try gatehouse.registered()
            let file = """
                email,name,password_hash,phone,status,created_at,roles,company
                new@example.com,New Person,\(OthersHash.bcrypt),,,,,
                ada@example.com,Ada Again,,,,,,
                NEW@example.com,Twice,,,,,,
                nobody,No Address,,,,,,
                ,No Address,,,,,,
                hash@example.com,Plain,hunter2,12,GONE,tomorrow,,
                cost@example.com,Costly,$2b$31$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS,,,,,
                role@example.com,Role,,,,,Astronaut,
                company@example.com,Company,,,,,,nowhere.example
                short@example.com,Short
                "bad@example.com"x,Bad,,,,,,

                """
            let expected = [
                "lines.3.email email_taken", "lines.4.email email_repeated", "lines.5.email email_invalid",
                "lines.6.email required", "lines.7.phone phone_invalid", "lines.7.status not_a_choice",
                "lines.7.created_at not_a_moment", "lines.7.password_hash hash_unknown",
                "lines.8.password_hash hash_too_costly", "lines.9.roles no_such_role", "lines.10.company company_unknown",
                "lines.11.line malformed", "lines.12.line malformed",
            ]
            let refused = try root.importing(file)
            #expect(refused.status == 422 && refused.code == "import_refused")
            #expect(refused.errors == expected)
            #expect(!refused.text.contains("hunter2") && !refused.text.contains("$2b$"))
            #expect(try await gatehouse.store.reading.users.find(emailKey: "new@example.com") == nil)
            let dry = try root.importing(file, "?dry_run=true")
            #expect(dry.status == 200 && dry["imported"] == 1 && dry["refused_lines"] == 10 && dry["dry_run"] == true)
            #expect(dry.refused == expected)
            #expect(try await gatehouse.audit("users.imported").isEmpty)
            let skipping = try root.importing(file, "?on_error=skip")
            #expect(skipping.status == 200 && skipping["imported"] == 1 && skipping["lines"] == 11)
            #expect(try gatehouse.login("new@example.com").status == 200)
        }
    }

    @Test("a file that cannot be understood as a whole is refused as a whole", arguments: [
        ("email,password\na@example.com,x\n", "text/csv", "password plain_password"),
        ("email,favourite_colour\n", "text/csv", "favourite_colour unknown_field"),
        ("email,email\n", "text/csv", "email given_twice"), ("name\nAda\n", "text/csv", "email required"),
        ("", "text/csv", "file malformed"), ("{\"email\":1}", "application/json", "file malformed"),
        ("[{\"email\":\"a@example.com\"}", "application/json", "file malformed"),
        ("[1,]", "application/json", "file malformed"), ("[] []", "application/json", "file malformed"),
        ("", "application/json", "file malformed"),
    ])
    func unreadable(text: String, type: String, error: String) async throws {
        try await withGatehouse { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let reply = try root.importing(text, type: type)
            #expect(reply.status == 400 && reply.errors == [error], "\(reply.text)")
        }
    }

    @Test("only the types that are documented are taken, and query names that are known")
    func types() async throws {
        try await withGatehouse { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            #expect(try root.importing("[]", type: "application/json; charset=utf-8").status == 200)
            #expect(try root.importing("", type: "application/jsonl").status == 200)
            #expect(try root.importing("", type: "application/x-ndjson")["lines"] == 0)
            #expect(try root.importing("a", type: "text/plain").code == "unsupported_media_type")
            #expect(try root.importing("email\n", "?dry_run=perhaps").code == "validation_failed")
            #expect(try root.importing("email\n", "?force=true").errors == ["force unknown_field"])
        }
    }

    @Test("JSON and JSON lines say the same as CSV, and unknown members are refused")
    func json() async throws {
        try await withGatehouse { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let person: JSON = [
                "email": "grace@example.com", "name": "Grace \"Amazing\" Hopper, [Admiral]", "password_hash": .string(OthersHash.bcrypt),
                "roles": ["Viewer"], "settings": ["a": [1, ["]"]]], "phone": nil, "email_verified": true,
            ]
            #expect(try root.importing(JSON.array([person]).text, type: "application/json")["imported"] == 1)
            #expect(try gatehouse.signedIn("grace@example.com").get("/auth/profile")["user"]?["name"]
                == "Grace \"Amazing\" Hopper, [Admiral]")
            let lines = """
                {"email":"mary@example.com"}

                {"email":"x@example.com","colour":"red","password":"secret of hers"}
                [1]
                not json
                {"email":17}
                """
            let refused = try root.importing(lines, type: "application/jsonl")
            #expect(refused.errors == [
                "lines.3.colour unknown_field", "lines.3.password plain_password", "lines.4.line malformed",
                "lines.5.line malformed", "lines.6.email not_text",
            ])
            #expect(!refused.text.contains("secret of hers"))
        }
    }

    @Test("a company's administrator brings people into that company only, and sets nothing beyond it", arguments: Stores.all)
    func tenancy(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let own = try #require(ada.companyID)
            let foreign = try #require(eve.companyID)
            #expect(try ada.importing("email,roles\ngrace@example.com,Viewer\n")["imported"] == 1)
            let id = try #require(try await gatehouse.store.reading.users.find(emailKey: "grace@example.com")?.id)
            #expect(try await gatehouse.store.reading.companies.all(ofUser: id).map(\.id.description) == [own])
            #expect(try await gatehouse.store.reading.grants.all(of: id, within: nil).map(\.company?.description) == [own])
            #expect(try ada.importing("email,company\na@example.com,\(foreign)\n").errors == ["lines.2.company company_unknown"])
            #expect(try ada.importing("email,company\na@example.com,\(own)\n")["imported"] == 1)
            let everywhere = "email,id,email_verified,app_data\nb@example.com,0198a3f4-5c1e-7a2b-8c3d-4e5f60718293,true,{}\n"
            #expect(Set(try ada.importing(everywhere).errors) == [
                "lines.2.id not_allowed", "lines.2.email_verified not_allowed", "lines.2.app_data not_allowed",
            ])
            let json: JSON = [["email": "c@example.com", "companies": [["id": .string(own)]], "roles": ["Viewer"]]]
            #expect(try ada.importing(json.text, type: "application/json").errors == ["lines.1.roles not_allowed"])
            let made: JSON = [["email": "c@example.com", "companies": [["domain": "new.example", "name": "New"]]]]
            #expect(try ada.importing(made.text, "?create_companies=true", type: "application/json").errors
                == ["lines.1.company company_unknown"])
        }
    }

    @Test("nobody grants by a file what they do not have, and whoever may not import does not", arguments: Stores.all)
    func rights(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let own = try #require(ada.companyID)
            for query in ["", "?dry_run=true", "?on_error=skip"] {
                let reply = try ada.importing("email,roles\na@example.com,\nb@example.com,SuperAdmin\n", query)
                #expect(reply.status == 403 && reply.code == "forbidden", "\(reply.text)")
            }
            #expect(try await gatehouse.store.reading.users.find(emailKey: "a@example.com") == nil)
            #expect(try root.importing("email,password_hash,roles,company\nm@example.com,\(OthersHash.bcrypt),Manager,\(own)\n")["imported"] == 1)
            let manager = try gatehouse.signedIn("m@example.com")
            #expect(try manager.importing("email\na@example.com\n").code == "forbidden")
            #expect(try manager.get("/users/export").code == "forbidden")
            #expect(try gatehouse.client.send("POST", "/users/import", body: Array("email\n".utf8)).code == "token_missing")
        }
    }

    @Test("a company takes as many members as it may have", arguments: Stores.all)
    func limit(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let company = try #require(ada.companyID)
            #expect(try root.patch("/companies/\(company)", ["member_limit": 3]).status == 200)
            let file = "email\na@example.com\nb@example.com\nc@example.com\n"
            #expect(try ada.importing(file).errors == ["lines.4.company company_full"])
            #expect(try ada.importing(file, "?on_error=skip")["imported"] == 2)
            #expect(try ada.importing("email\nd@example.com\n").errors == ["lines.2.company company_full"])
        }
    }

    @Test("more lines than a request may bring are refused before anything is written")
    func tooMany() async throws {
        try await withGatehouse { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            var file = "email\n"
            for number in 0...20_000 { file += "p\(number)@example.com\n" }
            #expect(try root.importing(file).errors == ["file too_long"])
            #expect(try await gatehouse.store.reading.users.find(emailKey: "p0@example.com") == nil)
        }
    }

    @Test("two files with the same person at once bring them once", arguments: Stores.all)
    func race(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            let text = "email\n" + (0..<50).map { "p\($0)@example.com\n" }.joined()
            let request = HTTPClient.request(
                "POST", "/users/import", body: Array(text.utf8), token: root.accessToken, headers: ["Content-Type": "text/csv"])
            let statuses = try gatehouse.client.sendAtOnce([request, request, request]).map(\.status)
            #expect(statuses.sorted() == [200, 422, 422])
        }
    }

    @Test("a store that fails half way leaves nothing behind")
    func fails() async throws {
        try await withGatehouse { gatehouse async throws in
            let root = try gatehouse.superAdmin()
            gatehouse.database.setFailing(true)
            #expect(try root.importing("email\na@example.com\n").status == 503)
            gatehouse.database.setFailing(false)
            #expect(try root.importing("email\na@example.com\n")["imported"] == 1)
        }
    }
}
