import Ground
import HTTP
import Outgoing
import Testing

@Suite("Requests that leave the server") struct CourierTests {
    private static func settings(_ url: String, limit: Int = 65_536) -> OutgoingSettings {
        OutgoingSettings(toConfigured: url, timeout: .seconds(30), answerLimit: limit)
    }

    /// One that would not even be let out, unless a request says otherwise.
    private static let strict = OutgoingSettings(
        policy: AddressPolicy(), allowsHTTP: false, caFile: nil, connectTimeout: .seconds(1), timeout: .seconds(1),
        answerLimit: 0)

    private func withCourier(_ body: (Courier) async throws -> Void) async throws {
        let courier = Courier(Self.strict)
        defer { courier.stop() }
        try await body(courier)
    }

    @Test("what is asked for is kept of the answer: status, head and body")
    func keeping() async throws {
        let answer = Response(.tooManyRequests, contentType: "application/json", body: Array("{\"a\":1}".utf8))
            .header("Retry-After", "17").header("Cache-Control", "public, Max-Age=\"300\"").header("X-Empty", "")
        try await withReceiver({ _ in answer }) { receiver async throws in
            try await withCourier { courier async throws in
                for content in [OutgoingRequest.Content.get, .post("{}")] {
                    let request = OutgoingRequest(url: receiver.url(), content: content)
                    let outcome = await courier.send(request, by: Self.settings(receiver.url()))
                    #expect(outcome.fault == nil && outcome.status == 429)
                    #expect(String(decoding: outcome.answer.body, as: UTF8.self) == "{\"a\":1}")
                    #expect(outcome.answer["content-type"] == "application/json")
                    #expect(outcome.answer["x-empty"]?.isEmpty == true)
                    #expect(outcome.answer["nothing"] == nil)
                    #expect(outcome.answer.retryAfter == .seconds(17))
                    #expect(outcome.answer.maximumAge == .seconds(300))
                }
                #expect(receiver.heard.map(\.body) == [[], Array("{}".utf8)])
            }
        }
    }

    @Test("how long an answer may be remembered is what it says, and never what it does not say", arguments: [
        ("max-age=60", 60), ("no-store", 0), ("max-age=60, no-cache", 0), ("public", nil), ("max-age=-1", nil),
        ("max-age=99999999999", nil), ("s-maxage=60", nil), ("max-age", nil),
    ] as [(String, Int?)])
    func age(header: String, seconds: Int?) async throws {
        try await withReceiver({ _ in Response().header("Cache-Control", header) }) { receiver async throws in
            try await withCourier { courier async throws in
                let outcome = await courier.send(
                    OutgoingRequest(url: receiver.url(), content: .get), by: Self.settings(receiver.url()))
                #expect(outcome.answer.maximumAge == seconds.map { .seconds($0) })
            }
        }
    }

    @Test("an answer above the limit is a fault of its own, whatever its status")
    func limit() async throws {
        let response = Response(contentType: "text/plain") { writer in
            while true { try await writer.write([UInt8](repeating: 120, count: 4096)) }
        }
        try await withReceiver({ _ in response }) { receiver async throws in
            try await withCourier { courier async throws in
                let outcome = await courier.send(
                    OutgoingRequest(url: receiver.url(), content: .get), by: Self.settings(receiver.url(), limit: 10_000))
                #expect(outcome.fault == .answerTooLong && outcome.answer.body.count <= 10_000)
            }
        }
        try await withReceiver({ _ in Response().header("X-Long", String(repeating: "x", count: 4096)) }) { receiver async throws in
            try await withCourier { courier async throws in
                let outcome = await courier.send(
                    OutgoingRequest(url: receiver.url(), content: .get), by: Self.settings(receiver.url(), limit: 4000))
                #expect(outcome.fault == .answerTooLong)
            }
        }
    }

    @Test("a task that is cancelled gives its request up, before, while and after it is under way")
    func cancelling() async throws {
        let gate = HandlerGate()
        try await withReceiver({ count in
            if count == 1 { await gate.pass() }
            return Response(.noContent)
        }) { receiver async throws in
            defer { gate.open() }
            try await withCourier { courier async throws in
                let url = receiver.url()
                let task = Task {
                    await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url))
                }
                #expect(try await receiver.heard(1).count == 1)
                task.cancel()
                #expect(await task.value.fault == .cancelled)
                let late = Task {
                    while !Task.isCancelled { await Task.yield() }
                    return await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url))
                }
                late.cancel()
                #expect(await late.value.fault == .cancelled)
                #expect(receiver.heard.count == 1)
                let whole = Task {
                    await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url))
                }
                #expect(await whole.value.status == 204)
                whole.cancel()
                let next = await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url))
                #expect(next.fault == nil && next.status == 204)
            }
        }
    }

    @Test("many that are cancelled at once are all given up, and the others are not")
    func cancellingMany() async throws {
        let gate = HandlerGate()
        try await withReceiver({ _ in await gate.pass(); return Response(.noContent) }) { receiver async throws in
            defer { gate.open() }
            try await withCourier { courier async throws in
                let url = receiver.url()
                let tasks = (0..<40).map { _ in
                    Task { await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url)) }
                }
                #expect(try await receiver.heard(40).count == 40)
                for (index, task) in tasks.enumerated() where index % 2 == 0 { task.cancel() }
                for (index, task) in tasks.enumerated() where index % 2 == 0 {
                    #expect(await task.value.fault == .cancelled)
                }
                gate.open()
                for (index, task) in tasks.enumerated() where index % 2 == 1 {
                    #expect(await task.value.status == 204)
                }
            }
        }
    }

    @Test("a stop ends what waits for an answer")
    func stopping() async throws {
        let gate = HandlerGate()
        try await withReceiver({ _ in await gate.pass(); return Response(.noContent) }) { receiver async throws in
            defer { gate.open() }
            let courier = Courier(Self.strict)
            let url = receiver.url()
            let task = Task { await courier.send(OutgoingRequest(url: url, content: .get), by: Self.settings(url)) }
            #expect(try await receiver.heard(1).count == 1)
            courier.stop()
            #expect(await task.value.fault == .stopped)
        }
    }

    @Test("http is for networks that are not public, and only for addresses from the settings")
    func openText() async throws {
        let local = IPAddress("127.0.0.1"), world = IPAddress("8.8.8.8"), own = IPAddress("fd00::1")
        for address in [local, own].compactMap({ $0 }) {
            #expect(AddressPolicy.notPublic.admits(address) && AddressPolicy.any.admits(address))
        }
        for address in [world].compactMap({ $0 }) {
            #expect(!AddressPolicy.notPublic.admits(address) && AddressPolicy.any.admits(address))
        }
        try await withReceiver { receiver async throws in
            try await withCourier { courier async throws in
                let strict = await courier.send(OutgoingRequest(url: receiver.url(), content: .get))
                #expect(strict.fault == .answerInvalid)
                let https = await courier.send(
                    OutgoingRequest(url: receiver.url(), content: .get), by: Self.settings("https://example.com"))
                #expect(https.fault == .answerInvalid && receiver.heard.isEmpty)
            }
        }
    }
}
