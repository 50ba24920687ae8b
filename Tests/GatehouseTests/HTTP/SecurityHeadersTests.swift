import HTTP
import Testing

@Suite("HTTP: headers that protect the browser")
struct SecurityHeadersTests {
    private func lines(_ type: String?, alwaysSecure: Bool = false, isSecure: Bool = false) -> [String] {
        let headers = SecurityHeaders(alwaysSecure: alwaysSecure)
        let response = headers.add(to: Response(contentType: type), isSecure: isSecure)
        return String(decoding: response.sharedHeaders, as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    private func policy(_ lines: [String]) -> String {
        lines.first { $0.hasPrefix("Content-Security-Policy: ") } ?? ""
    }

    @Test("every answer forbids sniffing and framing, and tells no other site where somebody was", arguments: [
        ("text/html; charset=utf-8", "same-origin"), ("text/css", "no-referrer"), (nil, "no-referrer"),
    ])
    func always(type: String?, referrers: String) {
        let lines = lines(type)
        for line in ["X-Content-Type-Options: nosniff", "Referrer-Policy: \(referrers)", "X-Frame-Options: DENY"] {
            #expect(lines.contains(line))
        }
        #expect(policy(lines).contains("frame-ancestors 'none'"))
    }

    @Test("data may load nothing; a page only what is the server's own, and no inline script")
    func policies() {
        #expect(policy(lines("application/json")).contains("default-src 'none'"))
        #expect(!policy(lines("application/json")).contains("'self'"))
        let page = policy(lines("text/html; charset=utf-8"))
        for rule in ["default-src 'none'", "script-src 'self'", "base-uri 'none'"] { #expect(page.contains(rule)) }
        #expect(!page.contains("unsafe") && !page.contains("*"))
    }

    @Test("only what came over TLS, or has a public https address, promises TLS for the future")
    func strictTransport() {
        for type in ["text/html", "application/json"] {
            func promises(_ lines: [String]) -> Bool {
                lines.contains { $0.hasPrefix("Strict-Transport-Security: max-age=31536000") }
            }
            #expect(!promises(lines(type)))
            #expect(promises(lines(type, isSecure: true)))
            #expect(promises(lines(type, alwaysSecure: true)))
        }
    }

    @Test("they stand in the answer on the wire, after the handler's own")
    func onTheWire() throws {
        try TestServer.serving(middleware: [SecurityHeaders(alwaysSecure: true)]) { server throws in
            for path in ["/hello", "/none", "/stream"] {
                let answer = try server.exchange("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.values("x-content-type-options") == ["nosniff"])
                #expect(answer.values("strict-transport-security").count == 1)
            }
        }
    }
}
