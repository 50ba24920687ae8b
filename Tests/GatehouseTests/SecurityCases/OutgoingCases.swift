import Ground
import HTTP
import Outgoing
import SQL
import Services
import Testing

@Suite("Security cases: requests that leave the server") struct OutgoingCases {
    @Test("a webhook for an address that is not public is refused when it is made", arguments: [
        "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://192.168.1.1/",
        "https://100.64.0.1/", "https://0.0.0.0/", "https://224.0.0.1/", "https://203.0.113.1/", "https://[::1]/",
        "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/", "https://[fd00:ec2::254]/", "https://[fe80::1]/", "https://[2001:db8::1]/",
        "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://127.0.0.0x1/",
        "https://0177.0.0.1/", "https://１２７.0.0.1/", "https://localhost/", "https://metadata/", "https://ⓛocalhost/",
        "http://example.com/", "HTTP://example.com/", "https://example.com:22/", "https://example.com:8443/",
        "https://user@example.com/", "https://user:pass@example.com/", "https://example.com@127.0.0.1/",
        "https://@example.com/",
    ])
    func case27Registration(url: String) async throws {  // case 27
        try await withGatehouse { gatehouse in
            let ada = try gatehouse.registered()
            let body: JSON = ["url": .string(url), "events": ["*"]]
            let reply = try ada.post("/webhooks", body)
            #expect(reply.status == 400 && reply.code == "webhook_url_not_allowed", "\(url): \(reply.text)")
            let webhook = try ada.webhook("https://example.com/")
            let changed = try ada.patch("/webhooks/\(webhook.id)", ["url": .string(url)])
            #expect(changed.status == 400 && changed.code == "webhook_url_not_allowed")
        }
    }

    @Test("what is no such address at all is refused", arguments: [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "//example.com/",
        "https://", "https:///path", "https://?x", "https://example.com:/", "https://example.com:0/",
        "https://example.com:99999/", "https://example.com:+443/", "https://exa mple.com/", "https://example.com/a b",
        "https://example.com/\u{0}", "https://example.com/\r\nX: y", "https://example.com/#fragment",
        "https://example.com\\@127.0.0.1/", "https://[::1/", "https://[::1]x/", "https://[example.com]/",
        "https://example..com/", "https://exa_mple.com/", "https://-example.com/", "https://example.com/\u{e9}",
        "https://::1/", "https://[127.0.0.1]/", "https://[fe80::1%25eth0]/",
    ])
    func case27NoAddress(url: String) async throws {  // case 27
        try await withGatehouse { gatehouse in
            let reply = try gatehouse.registered().post("/webhooks", ["url": .string(url), "events": ["*"]])
            #expect(reply.status == 400 && reply.code == "validation_failed", "\(url): \(reply.text)")
        }
    }

    @Test("an address is kept in its one spelling", arguments: [
        ("HTTPS://Example.COM", "https://example.com/"), ("https://example.com?x=1", "https://example.com/?x=1"),
        ("https://example.com:443/a", "https://example.com:443/a"), ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"), ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://[::ffff:8.8.8.8]/", "https://8.8.8.8/"), ("https://example.com/@a", "https://example.com/@a"),
    ])
    func spelling(given: String, kept: String) async throws {
        try await withGatehouse { gatehouse async throws in
            #expect(try gatehouse.registered().webhook(given)["url"]?.string == kept)
        }
    }

    /// What a policy without exceptions makes of a webhook that is in the database already, or whose name leads here.
    private func error(of url: String, _ settings: [String: String]) async throws -> JSON {
        var error = JSON.null
        try await withGatehouse(settings) { gatehouse in
            let ada = try gatehouse.registered()
            let webhook = try ada.webhook("http://example.com/", ["profile.updated"])
            _ = try await gatehouse.database.write(Self.setURL, [.text(url)])
            #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
            let tried = try await ada.delivery(of: webhook) { $0["error"] != .null }
            #expect(tried["status"] == "pending" && tried["http_status"] == .null)
            error = tried["error"] ?? .null
            #expect(try ada.get("/webhooks/\(webhook.id)")["failing_since"] != .null)
        }
        return error
    }

    private static let setURL = Statement("UPDATE webhooks SET url = $1")

    @Test("the address that is connected to is checked, whatever the name said before", arguments: [
        "http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://rebound.localhost:PORT/", "http://[::1]:PORT/",
        "http://[::ffff:127.0.0.1]:PORT/", "http://0.0.0.0:PORT/", "http://[::]:PORT/", "http://2130706433:PORT/",
        "http://0x7f.1:PORT/", "http://[::ffff:7f00:1]:PORT/",
    ])
    func case27Connecting(url: String) async throws {  // case 27
        try await withReceiver { receiver in
            let settings = ["WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ANY_PORT": "true"]
            let error = try await error(of: url.replacing("PORT", with: "\(receiver.port)"), settings)
            #expect(error == "address_not_allowed")
            #expect(receiver.heard.isEmpty)
        }
    }

    @Test("other protocols are not spoken, and http not without its setting")
    func case27Protocols() async throws {  // case 27
        try await withReceiver { receiver in
            let courier = Courier(Self.settings(allowsHTTP: false))
            defer { courier.stop() }
            for url in [receiver.url(), "file:///etc/passwd", "ftp://127.0.0.1:\(receiver.port)/", "gopher://127.0.0.1:\(receiver.port)/"] {
                let outcome = await courier.send(OutgoingRequest(url: url, headers: [], body: "{}"))
                #expect(outcome.fault == .answerInvalid && outcome.status == nil, "\(url)")
            }
            #expect(receiver.heard.isEmpty)
        }
    }

    @Test("a redirect is not followed, wherever it leads", arguments: [301, 302, 303, 307, 308])
    func case27Redirect(status: Int) async throws {  // case 27
        try await withReceiver { inner in
            let target = inner.url("/inner")
            try await withReceiver({ _ in Response(Status(status)).header("Location", target) }) { receiver in
                try await withGatehouse(Receiver.settings) { gatehouse in
                    let ada = try gatehouse.registered()
                    let webhook = try ada.webhook(receiver.url(), ["profile.updated"])
                    #expect(try ada.patch("/auth/profile", ["name": "Countess"]).status == 200)
                    let tried = try await ada.delivery(of: webhook) { $0["error"] != .null }
                    #expect(tried["error"] == "redirect_not_followed" && tried["http_status"]?.integer == Int64(status))
                    #expect(inner.heard.isEmpty)
                }
            }
        }
    }

    private static func settings(allowsHTTP: Bool = true, timeout: Duration = .seconds(10)) -> OutgoingSettings {
        OutgoingSettings(
            policy: AddressPolicy(allowing: ["127.0.0.0/8"].compactMap { AddressBlock($0) }), allowsHTTP: allowsHTTP,
            caFile: nil, connectTimeout: .seconds(5), timeout: timeout, answerLimit: 16_384)
    }

    @Test("of an endless answer a little is read, and its status counts")
    func case59Answer() async throws {  // case 59
        let response = Response(contentType: "text/plain") { writer in
            while true { try await writer.write([UInt8](repeating: 120, count: 4096)) }
        }
        try await withReceiver({ _ in response }) { receiver in
            let courier = Courier(Self.settings())
            defer { courier.stop() }
            let outcome = await courier.send(OutgoingRequest(url: receiver.url(), headers: [], body: "{}"))
            #expect(outcome.fault == nil && outcome.status == 200)
        }
    }

    @Test("what never answers is given up in time, and what is not there at once")
    func timeouts() async throws {
        let gate = HandlerGate()
        try await withReceiver({ _ in await gate.pass(); return Response(.noContent) }) { receiver in
            defer { gate.open() }
            let courier = Courier(Self.settings(timeout: .milliseconds(200)))
            let outcome = await courier.send(OutgoingRequest(url: receiver.url(), headers: [], body: "{}"))
            #expect(outcome.fault == .timeout)
            let closed = "http://127.0.0.1:\(RealProcess.freePort())/"
            #expect(await courier.send(OutgoingRequest(url: closed, headers: [], body: "{}")).fault == .connectionFailed)
            courier.stop()
            #expect(await courier.send(OutgoingRequest(url: receiver.url(), headers: [], body: "{}")).fault == .stopped)
        }
    }
}
