import Credentials

/// Keys of Android's hardware (Level 3, section 8.4).
enum AndroidKeyAttestation {
    static func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> [[UInt8]] {
        let chain = try AttestationFormat.chain(in: statement)
        let algorithm = try AttestationFormat.algorithm(in: statement)
        guard statement.entries?.count == 3, let signature = statement["sig"]?.bytes, let certificate = Certificate(chain[0]),
            certificate.verify(signature, over: data.signed, by: algorithm), certificate.holds(data.credential.key),
            let value = certificate.extensionValue("1.3.6.1.4.1.11129.2.1.17"),
            let description = try? KeyDescription(value.bytes),
            Digest.equal(description.challenge, data.clientDataDigest), description.isForSigningHere
        else { throw .attestationInvalid }
        return chain
    }

    /// What the hardware says of the key.
    private struct KeyDescription {
        let challenge: [UInt8]
        private let lists: [AuthorizationList]

        init(_ bytes: [UInt8]) throws(DERReader.Fault) {
            var outer = DERReader(bytes)
            var sequence = try outer.next(DERReader.Element.sequence).inside
            // Versions and levels of security of attestation and key store.
            for _ in 0..<4 { _ = try sequence.next() }
            challenge = Array(try sequence.next(DERReader.Element.octets).contents)
            _ = try sequence.next()
            var lists: [AuthorizationList] = []
            for _ in 0..<2 { lists.append(try AuthorizationList(sequence.next(DERReader.Element.sequence).inside)) }
            self.lists = lists
        }

        /// For one application only; made in the device, and to sign, as far as that is told: the vectors of the
        /// standard tell neither.
        var isForSigningHere: Bool {
            lists.allSatisfy { !$0.isForAllApplications && $0.isGenerated && $0.signs }
        }
    }

    private struct AuthorizationList {
        var isForAllApplications = false
        var isGenerated = true
        var signs = true

        init(_ elements: DERReader) throws(DERReader.Fault) {
            var elements = elements
            while !elements.isAtEnd {
                let element = try elements.next()
                guard element.isContextual else { throw DERReader.Fault() }
                var inside = element.inside
                switch element.tag {
                case 1:
                    // What it is for: a set of numbers, of which 2 is signing.
                    var purposes = try inside.next(DERReader.Element.set).inside
                    signs = false
                    while !purposes.isAtEnd {
                        if try purposes.next(DERReader.Element.integer).contents.elementsEqual([2]) { signs = true }
                    }
                case 600: isForAllApplications = true
                case 702: isGenerated = try inside.next(DERReader.Element.integer).contents.elementsEqual([0])
                default: break
                }
            }
        }
    }
}
