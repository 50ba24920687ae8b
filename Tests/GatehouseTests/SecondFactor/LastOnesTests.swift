import Ground
import Testing

@Suite("The last way in and the last second factor, taken away at once") struct LastOnesTests {
    private func delete(_ path: String, _ member: Member) -> [UInt8] {
        HTTPClient.request("DELETE", path, token: member.accessToken)
    }

    private func passkeys(_ member: Member, _ use: String) throws -> [String] {
        let items = try member.get("/auth/passkeys")["items"]?.array ?? []
        return items.filter { $0["use"]?.string == use }.compactMap { $0["id"]?.string }
    }

    @Test("of two requests that each take one of the last two ways in, one is refused", arguments: Stores.all)
    func waysIn(kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse async throws in
            for (number, pair) in ["keys", "telegram"].enumerated() {
                let reply = try gatehouse.miniApp(Int64(42 + number))
                let ada = try PasskeyHolder(gatehouse, try Member(gatehouse, email: "", reply: reply))
                _ = try ada.newPasskey()
                if pair == "keys" {
                    _ = try ada.newPasskey()
                    try #require(try ada.member.delete("/auth/telegram").status == 200)
                }
                let ids = try passkeys(ada.member, "sign_in")
                let paths = ids.map { "/auth/passkeys/\($0)" } + (pair == "keys" ? [] : ["/auth/telegram"])
                try #require(paths.count == 2)
                let replies = try gatehouse.client.sendAtOnce(paths.map { delete($0, ada.member) })
                #expect(replies.count { $0.status == 200 } == 1, "\(pair): \(replies.map(\.text))")
                #expect(replies.count { $0.code == "last_way_in" } == 1, "\(pair): \(replies.map(\.text))")
            }
        }
    }

    @Test("of two requests that each take one of the last two factors where one is required, one is refused", arguments: Stores.all)
    func factors(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse async throws in
            for (number, pair) in ["keys", "app"].enumerated() {
                let ada = try PasskeyHolder(gatehouse, try gatehouse.registered("ada\(number)@example.com"))
                _ = try ada.newPasskey(for: "second_factor")
                let company = try #require(ada.member.companyID)
                try #require(try ada.member.patch("/companies/\(company)", ["requires_second_factor": true]).status == 200)
                var requests: [[UInt8]] = []
                if pair == "keys" {
                    _ = try ada.newPasskey(for: "second_factor")
                } else {
                    let app = try ada.member.authenticator()
                    let off: JSON = ["password": .string(Member.password), "code": .string(app.nextCode())]
                    requests.append(
                        HTTPClient.request("POST", "/auth/2fa/disable", json: off, token: ada.member.accessToken))
                }
                requests += try passkeys(ada.member, "second_factor").map { delete("/auth/passkeys/\($0)", ada.member) }
                try #require(requests.count == 2)
                let replies = try gatehouse.client.sendAtOnce(requests)
                #expect(replies.count { $0.status == 200 } == 1, "\(pair): \(replies.map(\.text))")
                #expect(replies.count { $0.code == "last_second_factor" } == 1, "\(pair): \(replies.map(\.text))")
                #expect(try ada.member.get("/auth/2fa")["enabled"] == true)
            }
        }
    }
}
