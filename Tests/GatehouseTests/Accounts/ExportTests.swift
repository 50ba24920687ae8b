import Ground
import Services
import Testing

@Suite("Taking people out into a file") struct ExportTests {
    @Test("an export with hashes goes into an empty installation, and everybody can sign in", arguments: Stores.all, ["csv", "json", "jsonl"])
    func roundTrip(kind: StoreKind, format: String) async throws {
        var exported: [UInt8] = []
        var type = ""
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            _ = try gatehouse.registered()
            _ = try gatehouse.registered("eve@example.com")
            let file = "email,name,phone,password_hash,roles,external_id,app_data\n"
                + "odd@example.com,\"=cmd|' /C calc'!A0, \"\"x\"\"\",+1 212 555 0199,\(OthersHash.django),Viewer,-7,\"{\"\"n\"\":{\"\"k\"\":1}}\"\n"
            #expect(try root.importing(file)["imported"] == 1)
            let reply = try root.get("/users/export?format=\(format)&include_hashes=true")
            #expect(reply.status == 200 && reply.header("cache-control") == "no-store")
            type = try #require(reply.header("content-type"))
            exported = reply.content
            #expect(try await gatehouse.audit("users.exported").first?.metadata == "{\"with_hashes\":true}")
        }
        if format == "csv" { #expect(String(decoding: exported, as: UTF8.self).contains("\"'=cmd|")) }
        let text = String(decoding: exported, as: UTF8.self)
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            // The first SuperAdmin is there under the same address; the others come.
            let reply = try root.importing(text, "?on_error=skip&create_companies=true", type: type)
            #expect(reply["imported"] == 3 && reply.refused.count == 1 && reply.refused[0].hasSuffix("email email_taken"), "\(reply.text)")
            let ada = try gatehouse.signedIn()
            #expect(ada.companyID != nil)
            #expect(try ada.get("/auth/profile")["user"]?["roles"] == ["Admin"])
            _ = try gatehouse.signedIn("eve@example.com")
            let odd = try gatehouse.signedIn("odd@example.com")
            let user = try odd.get("/auth/profile")["user"]
            #expect(user?["name"] == "=cmd|' /C calc'!A0, \"x\"" && user?["phone"] == "+1 212 555 0199")
            #expect(user?["roles"] == ["Viewer"])
            let again = try root.get("/users/export?format=json").content
            let person = try JSON.parse(again).array?.first { $0["email"] == "odd@example.com" }
            #expect(person?["external_id"] == "-7" && person?["app_data"] == ["n": ["k": 1]] && person?["id"] == .string(odd.id))
        }
    }

    @Test("hashes are for those who may do everything everywhere, and never come unasked", arguments: Stores.all)
    func hashesAreKept(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            for format in ["csv", "json", "jsonl"] {
                let text = String(decoding: try root.get("/users/export?format=\(format)").content, as: UTF8.self)
                #expect(text.contains("ada@example.com") && !text.contains("$argon2id$") && !text.contains("password_hash"))
            }
            let refused = try ada.get("/users/export?include_hashes=true")
            #expect(refused.status == 403 && refused.text.contains("permission * "))
            #expect(try await gatehouse.audit("users.exported").count == 3)
        }
    }

    @Test("a company's administrator takes out its members, and of them what belongs to it", arguments: Stores.all)
    func tenancy(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let both: JSON = [
                [
                    "email": "both@example.com", "roles": ["Viewer"],
                    "companies": [
                        ["id": JSON(ada.companyID), "roles": ["Manager"]], ["id": JSON(eve.companyID), "roles": ["Admin"]],
                    ],
                ]
            ]
            #expect(try root.importing(both.text, type: "application/json")["imported"] == 1)
            let people = try JSON.parse(try ada.get("/users/export?format=json").content).array ?? []
            #expect(Set(people.compactMap { $0["email"]?.string }) == ["ada@example.com", "both@example.com"])
            let person = people.first { $0["email"] == "both@example.com" }
            #expect(person?["roles"] == [] && person?["companies"]?.array?.map { $0["roles"] } == [["Manager"]])
            #expect(try JSON.parse(try root.get("/users/export?format=json").content).array?.count == 4)
        }
    }

    @Test("many pages are one file, without gaps and without anybody twice", arguments: Stores.all)
    func pages(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let file = "email\n" + (0..<1203).map { "p\($0)@example.com\n" }.joined()
            #expect(try root.importing(file)["imported"] == 1203)
            let lines = String(decoding: try root.get("/users/export?format=jsonl").content, as: UTF8.self).split(separator: "\n")
            let emails = try lines.map { try JSON.parse(Array($0.utf8))["email"]?.string ?? "" }
            #expect(emails.count == 1204 && Set(emails).count == 1204)
        }
    }

    @Test("an export ends where its session does", arguments: Stores.all)
    func endsWithItsSession(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let text = Array(root.accessToken.utf8)
            let token = try text.withUnsafeBufferPointer { bytes in
                try gatehouse.services.accessTokens.verify(bytes[...], at: gatehouse.clock.now)
            }
            let client = Client(address: try #require(IPAddress("127.0.0.1")), userAgent: nil, requestID: "test")
            let export = try await gatehouse.services.exports.begin(includesHashes: true, by: token, from: client)
            #expect(try await gatehouse.services.exports.page(of: export, after: nil).count == 1)
            #expect(try root.post("/auth/logout", ["refresh_token": .string(root.refreshToken)]).status == 200)
            await #expect(throws: AuthError.self) { _ = try await gatehouse.services.exports.page(of: export, after: nil) }
        }
    }
}
