import Ground
import Outgoing
import Testing

@Suite("Addresses that requests may leave for") struct AddressPolicyTests {
    @Test("what is not public is refused, in whatever form", arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
        "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
        "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
        "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8",
        "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2002:c0a8:101::", "3fff::1", "3fff:fff::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "ff02::1", "4000::1",
    ])
    func refused(text: String) throws {
        #expect(!AddressPolicy().admits(try #require(IPAddress(text))))
    }

    @Test("what is public is admitted", arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
        "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "64:ff9b::8.8.8.8", "2002:808:808::1",
        "::ffff:8.8.8.8", "2001:4860:4860::8888",
    ])
    func admitted(text: String) throws {
        #expect(AddressPolicy().admits(try #require(IPAddress(text))))
    }

    @Test("networks that are allowed are, and no others with them")
    func allowed() throws {
        let policy = AddressPolicy(allowing: try ["10.1.0.0/16", "fd12::/16"].map { try #require(AddressBlock($0)) })
        for (text, isAdmitted) in [
            ("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.1", false), ("fd12::1", true), ("fd13::1", false),
            ("64:ff9b::10.1.2.3", false), ("127.0.0.1", false), ("8.8.8.8", true),
        ] {
            #expect(policy.admits(try #require(IPAddress(text))) == isAdmitted, "\(text)")
        }
    }
}
