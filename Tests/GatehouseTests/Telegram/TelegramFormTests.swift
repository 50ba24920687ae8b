import Ground
import Testing

@Suite("What is said to come from Telegram") struct TelegramFormTests {
    private static let signer = SignedByTelegram()
    private static let now = Timestamp(seconds: 1_800_000_000)

    @Test("a form that Telegram never gives is refused with what is wrong, and nobody comes in")
    func malformed() async throws {
        let bodies: [(JSON, String)] = [
            ([:], "telegram_data_malformed"),
            (["init_data": ""], "telegram_data_malformed"),
            (["init_data": 7], "telegram_data_malformed"),
            (["init_data": "user"], "telegram_data_malformed"),
            (["init_data": "hash=%zz"], "telegram_data_malformed"),
            (["init_data": "hash=%c3%28"], "telegram_data_malformed"),
            (["init_data": .string(String(repeating: "a", count: 40_000))], "telegram_data_malformed"),
            (["init_data": "a=1", "query": "a=1"], "telegram_data_malformed"),
            (["init_data": "a=1", "other": "1"], "validation_failed"),
            (["init_data": "a=1", "ref_code": 5], "validation_failed"),
            (["tgAuthResult": "!!"], "telegram_data_malformed"),
            (["tgAuthResult": "bm90IGpzb24"], "telegram_data_malformed"),
            (["id": "0x7", "auth_date": 1, "hash": "a"], "telegram_data_malformed"),
            (["id": -7, "auth_date": 1, "hash": "a"], "telegram_data_malformed"),
            (["id": true, "auth_date": 1, "hash": "a"], "telegram_data_malformed"),
            (["id": ["7"], "auth_date": 1, "hash": "a"], "telegram_data_malformed"),
            (["id": 7, "auth_date": 1], "telegram_data_malformed"),
            (["id": 7, "auth_date": 1, "hash": "short"], "telegram_data_not_signed"),
            (["id": 7, "auth_date": 1, "hash": "é"], "telegram_data_not_signed"),
        ]
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            for (body, code) in bodies {
                let reply = try gatehouse.telegram(body)
                #expect(reply.code == code, "\(body.text.prefix(80)) \(reply.text)")
                #expect(reply.status == (code == "telegram_data_not_signed" ? 401 : 400))
            }
            // A number that has gone through floating point is no number of Telegram's.
            let float = try gatehouse.client.send(
                "POST", "/auth/telegram", body: Array(#"{"id":7.0,"auth_date":1e9,"hash":"a"}"#.utf8),
                headers: ["Content-Type": "application/json"])
            #expect(float.status == 400)
            #expect(try gatehouse.client.send("POST", "/auth/telegram", body: Array("hi".utf8)).code == "unsupported_media_type")
            #expect(try await gatehouse.store.reading.users.isEmpty())
        }
    }

    @Test("signed data that is not a person's is refused after its signature was found good")
    func signedButWrong() async throws {
        let seconds = "\(Self.now.seconds)"
        let cases: [([(String, String)], String)] = [
            ([("query_id", "q"), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", "{}"), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", "[1]"), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", #"{"id":"7","first_name":"A"}"#), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", #"{"id":4503599627370496,"first_name":"A"}"#), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", #"{"id":7,"first_name":"A","is_bot":true}"#), ("auth_date", seconds)], "telegram_data_malformed"),
            ([("user", #"{"id":7,"first_name":"A"}"#), ("auth_date", "soon")], "telegram_data_malformed"),
            ([("user", #"{"id":7,"first_name":"A"}"#)], "telegram_data_malformed"),
            (
                [("user", #"{"id":7,"first_name":"A"}"#), ("auth_date", seconds), ("start_param", "a b")],
                "telegram_data_malformed"
            ),
        ]
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            for (pairs, code) in cases {
                let reply = try gatehouse.telegram(["init_data": .string(Self.signer.initData(pairs: pairs))])
                #expect(reply.status == 400 && reply.code == code, "\(pairs) \(reply.text)")
            }
        }
    }

    @Test("slashes that Telegram escapes, blank values and names it adds later change nothing")
    func asReceived() async throws {
        try await withGatehouse(SignedByTelegram.settings) { gatehouse in
            let user = #"{"id":7,"first_name":"Ada","photo_url":"https:\/\/t.me\/i\/userpic\/320\/a.svg"}"#
            let data = Self.signer.initData(pairs: [
                ("user", user), ("auth_date", "\(Self.now.seconds)"), ("signature", ""), ("a_new_field", "x=y&z"),
            ])
            let reply = try gatehouse.telegram(["init_data": .string(data)])
            #expect(reply.status == 200, "\(reply.text)")
            let ada = try Member(gatehouse, email: "", reply: reply)
            #expect(try ada.get("/auth/telegram")["photo_url"] == "https://t.me/i/userpic/320/a.svg")
        }
    }

    @Test("what others have published is read as they read it", .enabled(if: Vectors.has("telegram/vectors.md"), "the vectors are not there"))
    func vectors() async throws {
        let text = String(decoding: try #require(Vectors.bytes("telegram/vectors.md")), as: UTF8.self)
        var checked = 0
        for section in text.split(separator: "### ").dropFirst() {
            func value(_ name: String) -> String? {
                section.split(separator: "\n").first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
            }
            guard let token = value("token"), token.utf8.count > 30, value("expect")?.hasPrefix("valid") == true else { continue }
            let body: JSON
            if let data = value("initData") {
                body = ["init_data": .string(data)]
            } else {
                let fields = try JSON.parse(Array(try #require(value("fields")).utf8))
                body = .object((fields.members ?? []) + [.init("hash", JSON(value("hash")))])
            }
            let date = try #require(
                (value("initData") ?? value("fields"))?.split { !$0.isNumber }.compactMap { Int64($0) }
                    .first { (1_500_000_000..<1_800_000_000).contains($0) })
            try await withStores(.sqliteInMemory) { stores in
                stores.clock.advance(by: Timestamp(seconds: date) - stores.clock.now)
                let gatehouse = try await stores.node(["TELEGRAM_BOT_TOKEN": token])
                let reply = try gatehouse.telegram(body)
                #expect(reply.status == 200, "\(section.prefix(40)) \(reply.text)")
                await gatehouse.stop()
            }
            checked += 1
        }
        #expect(checked >= 3)
    }
}
