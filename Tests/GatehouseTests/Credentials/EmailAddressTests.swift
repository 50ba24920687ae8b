import Credentials
import Testing

@Suite("E-mail addresses") struct EmailAddressTests {  // CO-4, CO-7
    @Test("an address keeps its local part as written, and its domain in its one spelling")
    func shown() throws {
        let address = try EmailAddress(" Alice.O'Hara+news@Bücher.Example ")
        #expect(address.address == "Alice.O'Hara+news@xn--bcher-kva.example")
        #expect(address.normalized == "alice.o'hara+news@xn--bcher-kva.example")
        #expect(address.domain.ascii == "xn--bcher-kva.example")
    }

    @Test("dots and tags make another address: only the mail server knows what they mean")
    func tags() throws {
        #expect(try EmailAddress("alice+a@example.com") != EmailAddress("alice@example.com"))
        #expect(try EmailAddress("al.ice@example.com") != EmailAddress("alice@example.com"))
    }

    @Test("255 bytes are the most, 64 of them before the @")
    func length() throws {
        let label = String(repeating: "a", count: 60)
        let domain = "\(label).\(label).\(label).example"  // 190 bytes
        let local = String(repeating: "x", count: 64)
        #expect(try EmailAddress("\(local)@\(domain)").address.utf8.count == 255)
        #expect(throws: EmailFault.tooLong) { try EmailAddress("\(local)x@\(domain)") }
        #expect(throws: EmailFault.localPart) { try EmailAddress("\(local)x@example.com") }
        let growing = String(repeating: "ü.", count: 25)
        #expect(throws: EmailFault.tooLong) { try EmailAddress("\(local)@\(growing)example") }
    }

    @Test("the fault of the domain is told")
    func domainFault() {
        #expect(throws: EmailFault.domain(.notQualified)) { try EmailAddress("alice@localhost") }
        #expect(throws: EmailFault.domain(.isAddress)) { try EmailAddress("alice@192.0.2.1") }
        #expect(throws: EmailFault.domain(.empty)) { try EmailAddress("alice@") }
        #expect(throws: EmailFault.empty) { try EmailAddress("  ") }
    }
}
