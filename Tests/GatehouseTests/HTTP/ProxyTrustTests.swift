import Ground
import HTTP
import Testing

@Suite("HTTP: the client behind proxies")
struct ProxyTrustTests {
    private func origin(
        _ fields: [(String, String)], peer: String = "10.0.0.1",
        trusting blocks: [String] = ["10.0.0.0/8", "2001:db8:ffff::/48"]
    ) throws -> ProxyTrust.Origin {
        let trust = ProxyTrust(try blocks.map { try #require(AddressBlock($0)) })
        let peer = try #require(IPAddress(peer))
        return try trust.origin(of: Request(method: .get, path: "/", headers: Headers(fields), peer: peer, id: "1"))
    }

    private func client(
        _ name: String, _ values: String..., peer: String = "10.0.0.1"
    ) throws -> String {
        try origin(values.map { (name, $0) }, peer: peer).client.description
    }

    private func expectUnreadable(_ fields: [(String, String)]) {
        #expect(throws: ProxyTrust.Unreadable.self, "\(fields)") { try origin(fields) }
    }

    @Test("the rightmost hop that is no proxy of ours is the client")
    func rightmost() throws {
        #expect(try client("X-Forwarded-For", "203.0.113.5") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "192.0.2.1, 203.0.113.5") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "192.0.2.1,203.0.113.5,\t10.2.2.2 , 10.3.3.3") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "10.9.9.9, 10.2.2.2") == "10.9.9.9")
        #expect(try client("X-Forwarded-For", "203.0.113.5", peer: "2001:db8:ffff::7") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "203.0.113.5", peer: "2001:db8:fffe::7") == "2001:db8:fffe::7")
    }

    @Test("several header lines are read as one list, in their order")
    func severalLines() throws {
        #expect(try client("X-Forwarded-For", "192.0.2.1", "203.0.113.5, 10.2.2.2", "10.3.3.3") == "203.0.113.5")
        #expect(try client("Forwarded", "for=192.0.2.1", "for=203.0.113.5, for=10.2.2.2") == "203.0.113.5")
    }

    @Test("an IPv4-mapped hop or peer is the IPv4 address, for trust and for the client")
    func mapped() throws {
        #expect(try client("X-Forwarded-For", "::ffff:203.0.113.5, ::ffff:10.2.2.2") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "203.0.113.5", peer: "::ffff:10.0.0.1") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "[::ffff:203.0.113.5]:80") == "203.0.113.5")
    }

    @Test("a port and the brackets of IPv6 are no part of the address")
    func portsAndBrackets() throws {
        #expect(try client("X-Forwarded-For", "203.0.113.5:4711") == "203.0.113.5")
        #expect(try client("X-Forwarded-For", "[2001:db8::5]:4711") == "2001:db8::5")
        #expect(try client("X-Forwarded-For", "[2001:db8::5]") == "2001:db8::5")
        #expect(try client("X-Forwarded-For", "2001:DB8:0::5") == "2001:db8::5")
        for broken in ["[2001:db8::5", "2001:db8::5]", "[2001:db8::5]x", "[203.0.113.5]", "[]", "203.0.113.5:",
            "203.0.113.5:123456", "203.0.113.5:80:80", "203.0.113.5:-1", ":80", "203.0.113.5/24", "203.0.113.5 x"] {
            expectUnreadable([("X-Forwarded-For", broken)])
        }
    }

    @Test("a hop that cannot be read is refused where it counts, and unseen where it does not")
    func unreadable() throws {
        expectUnreadable([("X-Forwarded-For", "203.0.113.5, nonsense")])
        expectUnreadable([("X-Forwarded-For", "nonsense, 10.2.2.2")])
        expectUnreadable([("X-Forwarded-For", "203.0.113.5, ")])
        expectUnreadable([("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-For", "")])
        #expect(try client("X-Forwarded-For", "nonsense, 203.0.113.5") == "203.0.113.5")
    }

    @Test("32 hops are read, 33 are refused")
    func hops() throws {
        let hops = Array(repeating: "10.2.2.2", count: 31)
        #expect(try client("X-Forwarded-For", (["203.0.113.5"] + hops).joined(separator: ",")) == "203.0.113.5")
        expectUnreadable([("X-Forwarded-For", (["203.0.113.5", "10.2.2.2"] + hops).joined(separator: ","))])
        let elements = (["203.0.113.5", "10.2.2.2"] + hops).map { "for=\($0)" }
        expectUnreadable([("Forwarded", elements.joined(separator: ","))])
    }

    @Test("two headers that agree are one word; two that disagree are refused")
    func bothHeaders() throws {
        let agreeing = [("X-Forwarded-For", "203.0.113.5"), ("Forwarded", "for=\"203.0.113.5:80\";proto=https")]
        let origin = try origin(agreeing)
        #expect(origin.client.description == "203.0.113.5" && origin.isSecure)
        expectUnreadable([("X-Forwarded-For", "203.0.113.5"), ("Forwarded", "for=192.0.2.1")])
        expectUnreadable([("X-Forwarded-For", "203.0.113.5"), ("Forwarded", "nonsense")])
    }

    @Test("without a header the proxy itself is the client, over a plain connection")
    func noHeader() throws {
        let origin = try origin([])
        #expect(origin.client.description == "10.0.0.1" && !origin.isSecure)
    }

    @Test("Forwarded is read as RFC 7239 writes it")
    func forwarded() throws {
        #expect(try client("Forwarded", "for=203.0.113.5") == "203.0.113.5")
        #expect(try client("Forwarded", "For=\"[2001:db8::5]:4711\"") == "2001:db8::5")
        #expect(try client("Forwarded", "by=10.0.0.1;FOR=203.0.113.5 ; proto=http;host=a") == "203.0.113.5")
        #expect(try client("Forwarded", "for=192.0.2.1, for=203.0.113.5;by=\"a,b;for=1\"") == "203.0.113.5")
        for broken in ["for=unknown", "for=_hidden", "for=\"_x\"", "for=", "proto=https",
            "for=203.0.113.5;for=192.0.2.1", "for=\"203.0.113.5", "for=203.0.113.5\"", "for=\"203.0.113.5\\\"",
            "for=203.0.113.5;", ",for=203.0.113.5",
            "for=203.0.113.5,", "for", "for=203.0.113.5;proto=ftp", "for=203.0.113.5;proto=http;proto=https", ""] {
            expectUnreadable([("Forwarded", broken)])
        }
    }

    @Test("the scheme is the nearest proxy's word, and no other word than http and https is taken")
    func scheme() throws {
        func isSecure(_ fields: (String, String)...) throws -> Bool { try origin(fields).isSecure }
        #expect(try isSecure(("X-Forwarded-Proto", "https")))
        #expect(try isSecure(("X-Forwarded-Proto", "http, HTTPS")))
        #expect(try !isSecure(("X-Forwarded-Proto", "https, http")))
        #expect(try !isSecure(("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")))
        #expect(try !isSecure(("Forwarded", "for=203.0.113.5;proto=https, for=10.2.2.2;proto=http")))
        #expect(try !isSecure(("X-Forwarded-Proto", "https"), ("Forwarded", "for=203.0.113.5;proto=http")))
        expectUnreadable([("X-Forwarded-Proto", "wss")])
        #expect(try !origin([("X-Forwarded-Proto", "https")], peer: "192.0.2.1").isSecure)
    }
}
