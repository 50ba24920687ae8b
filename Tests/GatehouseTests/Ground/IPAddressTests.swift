import Ground
import Testing

@Suite("Addresses")
struct IPAddressTests {
    @Test("an address has one identity, however it is written", arguments: [
        ("192.0.2.1", "::ffff:192.0.2.1"), ("192.0.2.1", "::FFFF:c000:201"), ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
        ("::1", "0:0:0:0:0:0:0:1"), ("::", "0::0"),
    ])
    func identity(one: String, other: String) throws {
        let address = try #require(IPAddress(one))
        #expect(IPAddress(other) == address && address.description == one)
        #expect(IPAddress(mapped: address.bytes) == address)
    }

    @Test("what is not exactly an address is none", arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80",
        "[::1]", "::1%lo", "fe80::1%eth0", "1::2::3", ":::", "12345::", "1:2:3:4:5:6:7:8:9", "1.2.3.4\0", "::1\0x",
        "localhost", "１.2.3.4", "::ffff:1.2.3", "1,2,3,4", "2130706433",
    ])
    func noAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("loopback is all of 127/8 and ::1, in every spelling, and nothing else")
    func loopback() throws {
        for text in ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
            #expect(try #require(IPAddress(text)).isLoopback, "\(text)")
        }
        for text in ["128.0.0.1", "126.255.255.255", "::", "::2", "::127.0.0.1", "0.0.0.0", "1::1"] {
            #expect(try !#require(IPAddress(text)).isLoopback, "\(text)")
        }
    }

    @Test("limits count an IPv4 address alone, and an IPv6 network of 64 bits as one")
    func subscriber() throws {
        func subscriber(_ text: String) throws -> IPAddress { try #require(IPAddress(text)).subscriber }
        #expect(try subscriber("192.0.2.1") != subscriber("192.0.2.2"))
        #expect(try subscriber("2001:db8:1:2::1") == subscriber("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(try subscriber("2001:db8:1:2::1") != subscriber("2001:db8:1:3::1"))
    }

    @Test("a block holds its addresses and not the neighbours", arguments: [
        ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"), ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("192.0.2.1/32", "::ffff:192.0.2.1", "192.0.2.0"),
        ("0.0.0.0/0", "255.255.255.255", "::1"), ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
        ("2001:db8::/63", "2001:db8:0:1::1", "2001:db8:0:2::1"), ("2001:db8::/65", "2001:db8::1",
        "2001:db8::8000:0:0:0"),
        ("::1/128", "::1", "::2"), ("::ffff:192.0.2.0/120", "192.0.2.7", "192.0.3.7"), ("10.1.2.3/8", "10.9.9.9",
        "11.1.2.3"),
    ])
    func block(text: String, inside: String, outside: String) throws {
        let block = try #require(AddressBlock(text))
        #expect(block.contains(try #require(IPAddress(inside))))
        #expect(!block.contains(try #require(IPAddress(outside))))
        #expect(AddressBlock(block.description) == block)
    }

    @Test("a block that is not exactly one is refused, so that a typing error opens nothing", arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/ 8", "10/8",
        "10.0.0.0/255.0.0.0", "::/129", "::/1000", "10.0.0.0/0x8", "*", "10.0.0.0/٨",
    ])
    func noBlock(text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
