import Ground
import HTTP
import Outgoing
import Services
import Testing

@Suite("Calling the Bot API", .enabled(if: LocalTelegram.isThere, LocalTelegram.absence)) struct BotAPITests {
    private func withBot(_ body: (LocalTelegram, BotAPI) async throws -> Void) async throws {
        let telegram = try LocalTelegram()
        let configuration = try telegram.configuration()
        let courier = Courier(configuration.webhooks.outgoing)
        defer { courier.stop() }
        try await body(telegram, BotAPI(configuration.telegram, courier: courier))
    }

    private func refusal(_ answer: BotAnswer) throws -> BotRefusal {
        guard case .refused(let refusal) = answer else { throw LocalTelegram.Failure(reason: "\(answer)") }
        return refusal
    }

    private func result(_ answer: BotAnswer) throws -> JSON {
        guard case .ok(let result) = answer else { throw LocalTelegram.Failure(reason: "\(answer)") }
        return result
    }

    private func fault(_ answer: BotAnswer) throws -> OutgoingOutcome.Fault {
        guard case .failed(let fault) = answer else { throw LocalTelegram.Failure(reason: "\(answer)") }
        return fault
    }

    @Test("a method gets its parameters, and gives its result")
    func calling() async throws {
        try await withBot { telegram, api async throws in
            let me = try result(await api.call("getMe", of: telegram.token))
            #expect(me["id"]?.integer == telegram.token.botID && me["username"]?.string == telegram.username)
            let ada = try telegram.acquaintance()
            let text = "Привет, \"Ада\" \u{1f600}\n<b>&lt;</b>"
            let sent = try result(await api.call("sendMessage", of: telegram.token, [
                "chat_id": .integer(ada), "text": .string(text), "parse_mode": "HTML",
            ]))
            #expect(sent["text"] == "Привет, \"Ада\" \u{1f600}\n<")
            #expect(try telegram.said(ada) == [sent])
        }
    }

    @Test("a connection serves one call after the other")
    func reuse() async throws {
        try await withBot { telegram, api async throws in
            for _ in 0..<5 { _ = try result(await api.call("getMe", of: telegram.token)) }
            let ports = try telegram.calls("getMe").compactMap { $0["connection"]?.integer }
            #expect(ports.count == 5 && Set(ports).count == 1)
        }
    }

    @Test("Telegram's no comes with its code, its words, and how long to wait")
    func refusals() async throws {
        try await withBot { telegram, api async throws in
            let empty = try refusal(await api.call("sendMessage", of: telegram.token, ["chat_id": 1, "text": ""]))
            #expect(empty.code == 400 && empty.description.hasPrefix("Bad Request: chat not found"))
            #expect(empty.retryAfter == nil && empty.migratedTo == nil)
            let ada = try telegram.person()
            let stranger: JSON = ["chat_id": .integer(ada), "text": "Hello"]
            #expect(try refusal(await api.call("sendMessage", of: telegram.token, stranger)).code == 403)
            #expect(try refusal(await api.call("sendNothing", of: telegram.token)).code == 404)
            try telegram.fails("getMe", .code(429, retryAfter: 17))
            #expect(try refusal(await api.call("getMe", of: telegram.token)).retryAfter == .seconds(17))
            try telegram.fails("getMe", .code(502))
            #expect(try refusal(await api.call("getMe", of: telegram.token)).code == 502)
            try telegram.withdraws()
            #expect(try refusal(await api.call("getMe", of: telegram.token)).code == 401)
        }
    }

    @Test("silence ends in time, and a connection that is dropped is a fault")
    func failures() async throws {
        try await withBot { telegram, api async throws in
            try telegram.fails("getMe", .silence)
            let silent = await api.call("getMe", of: telegram.token, timeout: .milliseconds(300))
            #expect(try fault(silent) == .timeout)
            // More than once: over a connection that served before, libcurl tries again by itself.
            try telegram.fails("getMe", .drop, count: 3)
            #expect(try fault(await api.call("getMe", of: telegram.token)) == .answerInvalid)
            #expect(try fault(await api.call("getMe/../x", of: telegram.token)) == .notSent)
            #expect(try fault(await api.call("", of: telegram.token)) == .notSent)
        }
    }

    @Test("long polling waits for what comes, and a task that is cancelled leaves the bot to the next")
    func longPolling() async throws {
        try await withBot { telegram, api async throws in
            let token = telegram.token
            let abandoned = Task {
                await api.call("getUpdates", of: token, ["timeout": 50], timeout: .seconds(60))
            }
            #expect(try await eventually { try telegram.calls("getUpdates").count == 1 })
            abandoned.cancel()
            #expect(try fault(await abandoned.value) == .cancelled)

            let poll = Task { await api.call("getUpdates", of: token, ["timeout": 50], timeout: .seconds(60)) }
            #expect(try await eventually { try telegram.calls("getUpdates").count == 2 })
            let ada = try telegram.person()
            try telegram.says(ada, "/start ref")
            let updates = try result(await poll.value)
            #expect(updates.array?.count == 1 && updates[0]?["message"]?["text"] == "/start ref")
            let next = (updates[0]?["update_id"]?.integer ?? 0) + 1
            let again = try result(await api.call("getUpdates", of: token))
            #expect(again == updates, "what was not confirmed comes again")
            #expect(try result(await api.call("getUpdates", of: token, ["offset": .integer(next)])) == [])
        }
    }

    @Test("of two pollers one is sent away")
    func conflict() async throws {
        try await withBot { telegram, api async throws in
            let token = telegram.token
            let first = Task { await api.call("getUpdates", of: token, ["timeout": 50], timeout: .seconds(60)) }
            #expect(try await eventually { try telegram.calls("getUpdates").count == 1 })
            let second = try result(await api.call("getUpdates", of: token))
            #expect(second == [])
            #expect(try refusal(await first.value).code == 409)
        }
    }

    @Test("what answers in Telegram's place does not get the token repeated, nor is it taken for an answer", arguments: [
        (200, "<html>"), (200, "{\"ok\":false}"), (204, ""), (302, "{\"ok\":true,\"result\":1}"), (200, "{\"ok\":true}"),
    ])
    func strangers(status: Int, body: String) async throws {
        let telegram = try LocalTelegram()
        let answer = Response(Status(status), contentType: "text/html", body: Array(body.utf8))
        try await withReceiver({ _ in answer }) { receiver async throws in
            var reader = SettingReader(environment: ["TELEGRAM_API_URL": receiver.url("/proxy/")])
            let configuration = try Configuration(reading: &reader)
            let courier = Courier(configuration.webhooks.outgoing)
            defer { courier.stop() }
            let api = BotAPI(configuration.telegram, courier: courier)
            #expect(try fault(await api.call("getMe", of: telegram.token)) == .answerInvalid)
            #expect(receiver.heard.first?.headers[":path"] == "/proxy/bot\(telegram.token.text)/getMe")
        }
        let page = "{\"ok\":false,\"description\":\"no /bot\(telegram.token.text)/getMe here\"}"
        try await withReceiver({ _ in Response(.notFound, body: Array(page.utf8)) }) { receiver async throws in
            var reader = SettingReader(environment: ["TELEGRAM_API_URL": receiver.url("")])
            let configuration = try Configuration(reading: &reader)
            let courier = Courier(configuration.webhooks.outgoing)
            defer { courier.stop() }
            let refused = try refusal(
                await BotAPI(configuration.telegram, courier: courier).call("getMe", of: telegram.token))
            #expect(refused.code == 404 && refused.description.isEmpty)
        }
    }
}
