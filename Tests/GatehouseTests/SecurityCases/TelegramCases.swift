import Ground
import HTTP
import Testing

@Suite("Known faults of others: Telegram") struct TelegramCasesTests {
    private let signer = SignedByTelegram()

    @Test("case 53: an account that somebody made with another's address is not theirs by signing in through Telegram", arguments: Stores.all)
    func case53TakenOverBefore(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let squatter = try gatehouse.registered("ada@example.com")
            // Neither name nor address makes them one.
            let reply = try gatehouse.telegram(
                signer.widget(42, "Ada", at: gatehouse.clock.now, ("last_name", "Lovelace"), ("email", "ada@example.com")))
            #expect(reply.status == 200)
            #expect(reply["user"]?["id"]?.string != squatter.id && reply["user"]?["email"] == .null)
            #expect(try squatter.get("/auth/telegram").status == 404)
        }
    }

    @Test("case 64: a line break forges no field, and a name given twice is refused")
    func case64ForgedFields() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let now = "\(gatehouse.clock.now.seconds)"
            // The lines are those of id=1, first_name=A, last_name=B; shown as one field with a break in it.
            let fields = [("auth_date", now), ("first_name", "A\nid=1")]
            let honest = signer.widgetHash([("auth_date", now), ("first_name", "A"), ("id", "1")])
            let forged = try gatehouse.telegram(
                .object(fields.map { JSON.Member($0.0, .string($0.1)) } + [.init("id", 2), .init("hash", .string(honest))]))
            #expect(forged.status == 400 && forged.code == "telegram_data_malformed")
            let twice = "id=1&id=2&auth_date=\(now)&hash="
                + signer.widgetHash([("id", "1"), ("id", "2"), ("auth_date", now)])
            #expect(try gatehouse.telegram(["query": .string(twice)]).code == "telegram_data_malformed")
            let named = signer.initData(pairs: [("user\nid", "1"), ("auth_date", now)])
            #expect(try gatehouse.telegram(["init_data": .string(named)]).code == "telegram_data_malformed")
        }
    }

    @Test("case 65: a field that Telegram adds one day is covered by the signature")
    func case65NewFields() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let now = gatehouse.clock.now
            #expect(try gatehouse.telegram(signer.widget(1, at: now, ("allows_write_to_pm", "true"))).status == 200)
            let honest = signer.widget(2, at: now).members ?? []
            let added = try gatehouse.telegram(.object(honest + [.init("allows_write_to_pm", "true")]))
            #expect(added.status == 401 && added.code == "telegram_data_not_signed")
        }
    }

    @Test("case 66: neither the future nor the past is accepted, and each signature once", arguments: Stores.all)
    func case66Freshness(on kind: StoreKind) async throws {
        try await withGatehouse(on: kind, SignedByTelegram.settings) { gatehouse in
            let now = gatehouse.clock.now
            func code(_ body: JSON) throws -> String { try gatehouse.telegram(body).code }
            #expect(try code(signer.widget(1, at: now + .seconds(31))) == "telegram_data_in_future")
            #expect(try code(signer.widget(1, at: now + .seconds(30))) == "")
            #expect(try code(signer.widget(1, at: now - .seconds(301))) == "telegram_data_expired")
            #expect(try code(signer.widget(1, at: now - .seconds(300))) == "")
            func data(_ moment: Timestamp) -> JSON { ["init_data": .string(signer.initData(1, at: moment))] }
            #expect(try code(data(now + .seconds(31))) == "telegram_data_in_future")
            #expect(try code(data(now - .seconds(86401))) == "telegram_data_expired")
            let once = data(now - .seconds(86399))
            let replies = try gatehouse.client.sendAtOnce(
                Array(repeating: HTTPClient.request("POST", "/auth/telegram", json: once), count: 5))
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.code == "telegram_data_replayed" }.count == 4)
            // In another order it is the same.
            let text = once["init_data"]?.string ?? ""
            let turned = text.split(separator: "&").reversed().joined(separator: "&")
            #expect(try code(["init_data": .string(turned)]) == "telegram_data_replayed")
            try await gatehouse.services.housekeeping.sweep()
            #expect(try code(once) == "telegram_data_replayed")
            gatehouse.clock.advance(by: .seconds(2))
            try await gatehouse.services.housekeeping.sweep()
            #expect(try code(once) == "telegram_data_expired")
        }
    }
}
