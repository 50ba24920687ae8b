import Ground
import Testing

@Suite("The first start") struct FirstStartTests {
    private static let type = ["Content-Type": "application/x-www-form-urlencoded"]

    private func form(_ token: String, email: String = "root@example.com", password: String = "seventeen quiet looms") -> [UInt8] {
        let escaped = String(password.map { $0 == " " ? "+" : $0 })
        return Array("token=\(token)&name=Root&email=\(email)&password=\(escaped)".utf8)
    }

    @Test("the link makes one SuperAdmin, once, also when opened twice at the same moment", arguments: Stores.all)
    func once(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let token = gatehouse.services.firstStart.token()
            #expect(try gatehouse.client.send("GET", "/setup?token=\(token)").status == 200)
            let requests = (0..<8).map {
                HTTPClient.request("POST", "/setup", body: form(token, email: "r\($0)@example.com"), headers: Self.type)
            }
            let replies = try gatehouse.client.sendAtOnce(requests)
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.status == 404 }.count == 7)
            #expect(try gatehouse.client.send("GET", "/setup?token=\(token)").status == 404)
            #expect(try await gatehouse.audit("super_admin.created").count == 1)
        }
    }

    @Test("a forged, cut or expired link makes nothing")
    func forged() async throws {
        try await withGatehouse { gatehouse async throws in
            let token = gatehouse.services.firstStart.token()
            for wrong in ["", "x", String(token.dropLast()), token + "A", String(repeating: "A", count: 34)] {
                #expect(try gatehouse.client.send("POST", "/setup", body: form(wrong), headers: Self.type).status == 404)
            }
            gatehouse.clock.advance(by: .seconds(86400))
            #expect(try gatehouse.client.send("POST", "/setup", body: form(token), headers: Self.type).status == 404)
        }
    }

    @Test("what was entered stays when something must be mended, but never the password")
    func mending() async throws {
        try await withGatehouse { gatehouse async throws in
            let token = gatehouse.services.firstStart.token()
            let body = form(token, email: "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", password: "password")
            let reply = try gatehouse.client.send("POST", "/setup?lang=ru", body: body, headers: Self.type)
            #expect(reply.status == 400)
            #expect(reply.text.contains("aria-invalid=\"true\""))
            #expect(reply.text.contains("Настройка Gatehouse"))
            #expect(!reply.text.contains("<script>alert"))
            #expect(!reply.text.contains("value=\"password\""))
        }
    }
}
