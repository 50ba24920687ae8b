import Ground
import Testing

@Suite("Registering") struct RegistrationTests {
    @Test("it creates company and first user, and signs the user in", arguments: Stores.all)
    func creates(kind: StoreKind) async throws {  // CO-1
        try await withGatehouse(on: kind) { gatehouse in
            let reply = try gatehouse.register("  Ada@Example.com ", .init("companyDomain", " ÄPFEL.example "))
            #expect(reply.status == 201)
            #expect(reply["user"]?["roles"] == ["Admin"])
            #expect(reply["user"]?["status"] == "ACTIVE")
            #expect(reply["company"]?["domain"] == "xn--pfel-koa.example")
            #expect(!reply.text.contains("password"))
            let member = try Member(gatehouse, email: "ada@example.com", reply: reply)
            #expect(try member.isSignedIn())
        }
    }

    @Test("camelCase names are taken too, but not both spellings at once")
    func aliases() async throws {
        try await withGatehouse { gatehouse in
            var body: [JSON.Member] = [
                .init("name", "Bob Babbage"), .init("email", "bob@example.com"),
                .init("password", .string(Member.password)), .init("companyName", "Engines"),
            ]
            #expect(try gatehouse.client.send("POST", "/auth/register", json: .object(body)).status == 201)
            body.append(.init("company_name", "Others"))
            let both = try gatehouse.client.send("POST", "/auth/register", json: .object(body))
            #expect(both["errors"]?.array?.first?["code"] == "given_twice")
        }
    }

    @Test("two spellings of an address never make two accounts, at the same moment neither", arguments: Stores.all)
    func oneAccount(kind: StoreKind) async throws {  // CO-4
        try await withGatehouse(on: kind) { gatehouse in
            let spellings = ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@example.COM ", "aDa@eXample.com"]
            let requests = (0..<20).map { index in
                HTTPClient.request(
                    "POST", "/auth/register",
                    json: [
                        "name": "Ada Lovelace", "email": .string(spellings[index % 4]),
                        "password": .string(Member.password), "company_name": "Engines",
                    ])
            }
            let replies = try gatehouse.client.sendAtOnce(requests)
            #expect(replies.filter { $0.status == 201 }.count == 1)
            #expect(replies.filter { $0.code == "email_taken" }.count == 19)
        }
    }

    @Test("a domain that is taken leaves nothing behind", arguments: Stores.all)
    func allOrNothing(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let domain = JSON.Member("company_domain", "example.com")
            #expect(try gatehouse.register("ada@example.com", domain).status == 201)
            let taken = try gatehouse.register("bob@example.com", .init("company_domain", "EXAMPLE.com"))
            #expect(taken.code == "domain_taken")
            #expect(try gatehouse.login("bob@example.com").code == "credentials_invalid")
            #expect(try gatehouse.register("bob@example.com").status == 201)
        }
    }

    @Test("an empty or blank domain is none", arguments: [JSON.string(""), "   ", .null])
    func blankDomain(domain: JSON) async throws {  // CO-8
        try await withGatehouse { gatehouse in
            for email in ["a@example.com", "b@example.com"] {
                let reply = try gatehouse.register(email, .init("company_domain", domain))
                #expect(reply.status == 201)
                #expect(reply["company"]?["domain"] == .null)
            }
        }
    }

    @Test("no length limit can be passed by", arguments: [
        ("name", "A"), ("name", String(repeating: "n", count: 256)), ("name", " A "), ("name", "  "),
        ("company_name", "A"), ("company_name", String(repeating: "c", count: 256)),
        ("email", String(repeating: "a", count: 250) + "@example.com"), ("email", "no-at"), ("email", "a@b@example.com"),
        ("password", "short"), ("password", String(repeating: "päß", count: 43)),
        ("company_domain", "exa_mple.com"), ("company_domain", "example..com"),
    ])
    func limits(field: String, value: String) async throws {  // CO-7
        try await withGatehouse { gatehouse in
            var members: [JSON.Member] = [
                .init("name", "Ada Lovelace"), .init("email", "ada@example.com"),
                .init("password", .string(Member.password)), .init("company_name", "Engines"),
            ].filter { $0.name != field }
            members.append(.init(field, .string(value)))
            let reply = try gatehouse.client.send("POST", "/auth/register", json: .object(members))
            #expect(reply.status == 400)
            #expect(reply["errors"]?.array?.first?["field"] == .string(field))
        }
    }

    @Test("a password of the policy's longest is kept whole")
    func longPassword() async throws {  // CO-7, case 44
        for hash in ["argon2id", "bcrypt"] {
            try await withGatehouse(["PASSWORD_HASH": hash, "BCRYPT_COST": "8"]) { gatehouse async throws in
                let stem = String(repeating: "orange-river-", count: 9)
                let password = stem + "quiet"
                #expect(try gatehouse.register(password: password).status == 201)
                #expect(try gatehouse.login(password: password).status == 200)
                #expect(try gatehouse.login(password: stem + "loud!").status == 401)
            }
        }
    }

    @Test("closed registration refuses")
    func closed() async throws {
        try await withGatehouse(["REGISTRATION": "closed"]) { gatehouse async throws in
            #expect(try gatehouse.register().code == "registration_closed")
        }
    }

    @Test("the fourth registration within a minute waits, and says how long")
    func rateLimit() async throws {  // CO-2
        try await withGatehouse(["RATE_LIMIT_REGISTER": "3/60"]) { gatehouse in
            for index in 0..<3 { #expect(try gatehouse.register("a\(index)@example.com").status == 201) }
            let refused = try gatehouse.register("b@example.com")
            #expect(refused.status == 429)
            let wait = try #require(Int(refused.header("retry-after") ?? ""))
            #expect((1...60).contains(wait))
            gatehouse.clock.advance(by: .seconds(Int64(wait)))
            #expect(try gatehouse.register("b@example.com").status == 201)
        }
    }

    @Test("text that could mislead a reader of the log or a page is refused", arguments: [
        "Ada\u{0}Lovelace", "Ada\r\nAdmin: yes", "Ada\u{1b}[31m", "Ada\u{202e}ecalevoL", "Ada\u{2028}x",
    ])
    func case55Control(name: String) async throws {  // case 55
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.client.send(
                "POST", "/auth/register",
                json: [
                    "name": .string(name), "email": "ada@example.com", "password": .string(Member.password),
                    "company_name": "Engines",
                ])
            #expect(reply.status == 400)
            #expect(reply["errors"]?.array?.first?["code"] == "forbidden_character")
        }
    }
}
