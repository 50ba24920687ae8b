import Ground
import Testing

@Suite("Listing people") struct UserListTests {
    /// Who is brought in: so many of a company, and how their names begin. The ways to a page differ by how many a filter
    /// leaves and how far along the order they come; what they give must not.
    private static let companies: [(name: String, members: Int, names: String)] = [
        ("Few", 20, "m"), ("Many", 2_300, "a"), ("Late", 300, "y"), ("Last", 2_100, "z"),
    ]

    private struct Person: Hashable {
        let id: String
        let name: String
        let email: String
    }

    @Test("the members of a company come in each order whole, however large it is and wherever they stand", arguments: Stores.all)
    func companies(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let companies = try await Self.bringIn(by: root, gatehouse)
            let everybody = try Self.people(root, "sort=created_at")
            #expect(Set(everybody).count == 4_721)
            // A sign that no word begins with is passed over beside others, and alone it is nobody's.
            #expect(try Self.people(root, "search=c0%20%40").count == 20)
            #expect(try Self.people(root, "search=%40") == [])
            for (place, company) in companies.enumerated() {
                let members = everybody.filter { $0.email.hasPrefix("c\(place)-") }
                #expect(members.count == Self.companies[place].members)
                let orders: [(String, (Person) -> String)] = [
                    ("created_at", \.id), ("name", \.name), ("email", \.email), ("last_login_at", { _ in "" }),
                ]
                for (sort, key) in orders {
                    let expected = members.sorted { (key($0), $0.id) < (key($1), $1.id) }
                    #expect(try Self.people(root, "company_id=\(company)&sort=\(sort)") == expected, "\(place) by \(sort)")
                    #expect(try Self.people(root, "company_id=\(company)&sort=\(sort)&order=desc") == expected.reversed())
                    // A page of so many may be found in a shorter stretch of the order.
                    #expect(try Self.people(root, "company_id=\(company)&sort=\(sort)", limit: 50) == expected, "\(place) by \(sort)")
                }
                for search in ["example.com", "c\(place)", "example.com%20\(Self.companies[place].names)"] {
                    let found = try Self.people(root, "company_id=\(company)&search=\(search)")
                    #expect(found.count == members.count && Set(found) == Set(members), "\(place), \(search)")
                }
            }
        }
    }

    @Test("filters meet in any order, and whoever goes or comes between two pages moves nobody else", arguments: Stores.all)
    func filters(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let companies = try await Self.bringIn(by: root, gatehouse)
            let late = try Self.people(root, "company_id=\(companies[2])&sort=name")
            for person in late.prefix(3) { #expect(try root.post("/users/\(person.id)/block").status == 200) }
            for person in late.suffix(2) { #expect(try root.delete("/users/\(person.id)").status == 200) }
            for sort in ["created_at", "name", "email", "last_login_at"] {
                let blocked = try Self.people(root, "status=SUSPENDED&sort=\(sort)")
                #expect(Set(blocked) == Set(late.prefix(3)) && blocked.count == 3)
                #expect(try Self.people(root, "company_id=\(companies[2])&status=SUSPENDED&sort=\(sort)") == blocked)
                #expect(try Self.people(root, "company_id=\(companies[3])&status=SUSPENDED&sort=\(sort)") == [])
                #expect(Set(try Self.people(root, "deleted=true&sort=\(sort)")) == Set(late.suffix(2)))
                #expect(Set(try Self.people(root, "deleted=true&company_id=\(companies[2])&sort=\(sort)")) == Set(late.suffix(2)))
                #expect(try Self.people(root, "last_login_after=2020-01-01T00:00:00Z&sort=\(sort)").map(\.email) == ["root@example.com"])
                #expect(try Self.people(root, "last_login_before=2020-01-01T00:00:00Z&sort=\(sort)") == [])
            }
            let staying = late.dropFirst(3).dropLast(2)
            for (sort, order) in [("name", "asc"), ("name", "desc"), ("email", "asc")] {
                let query = "/users?company_id=\(companies[2])&status=ACTIVE&limit=100&sort=\(sort)&order=\(order)"
                let first = try root.get(query)
                let next = try #require(first["next"]?.string)
                let shown = Self.people(on: first)
                let gone = try #require(shown.last)
                #expect(try root.post("/users/\(gone.id)/block").status == 200)
                var seen = shown
                var page = try root.get(query + "&after=\(next)")
                seen += Self.people(on: page)
                while let next = page["next"]?.string {
                    page = try root.get(query + "&after=\(next)")
                    seen += Self.people(on: page)
                }
                #expect(Set(seen) == Set(staying) && seen.count == staying.count, "\(sort) \(order)")
                #expect(try root.post("/users/\(gone.id)/unblock").status == 200)
            }
        }
    }

    /// - Returns: the ids of the companies.
    private static func bringIn(by root: Member, _ gatehouse: Gatehouse) async throws -> [String] {
        var file = "email,name,company\n"
        var ids: [String] = []
        for (place, company) in companies.enumerated() {
            let made = try root.post("/companies", ["name": .string(company.name)])
            let id = try #require(made["id"]?.string, "\(made.text)")
            ids.append(id)
            for number in 0..<company.members {
                // Two in a row have one name; neither names nor addresses have the order of ids.
                let name = "\(company.names)\(number / 2 * 7_919 % 10_007)"
                file += "c\(place)-\(number * 104_729 % 9_973)@example.com,\(name) \(company.name),\(id)\n"
            }
        }
        let imported = try root.importing(file)
        #expect(imported["refused_lines"] == 0, "\(imported.text.prefix(500))")
        while try await gatehouse.services.housekeeping.writeMissingWords() > 0 {}
        return ids
    }

    private static func people(_ root: Member, _ query: String, limit: Int = 100) throws -> [Person] {
        var found: [Person] = []
        var after = ""
        while true {
            let page = try root.get("/users?limit=\(limit)&\(query)\(after)")
            try #require(page.status == 200, "\(query): \(page.text)")
            found += people(on: page)
            guard let next = page["next"]?.string else { return found }
            after = "&after=\(next)"
        }
    }

    private static func people(on page: HTTPClient.Reply) -> [Person] {
        (page["items"]?.array ?? []).compactMap { item in
            guard let id = item["id"]?.string, let name = item["name"]?.string, let email = item["email"]?.string else { return nil }
            return Person(id: id, name: name, email: email)
        }
    }
}
