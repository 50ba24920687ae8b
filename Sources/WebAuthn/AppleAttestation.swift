import Credentials

/// Apple's certificates for one passkey (Level 3, section 8.8).
enum AppleAttestation {
    static func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> [[UInt8]] {
        let chain = try AttestationFormat.chain(in: statement)
        guard statement.entries?.count == 1, let certificate = Certificate(chain[0]),
            let value = certificate.extensionValue("1.2.840.113635.100.8.2"), let nonce = try? nonce(in: value.bytes),
            Digest.equal(nonce, Digest.sha256(data.signed)), certificate.holds(data.credential.key)
        else { throw .attestationInvalid }
        return chain
    }

    /// `SEQUENCE { [1] EXPLICIT OCTET STRING }`
    private static func nonce(in bytes: [UInt8]) throws(DERReader.Fault) -> [UInt8] {
        var outer = DERReader(bytes)
        var sequence = try outer.next(DERReader.Element.sequence).inside
        var tagged = try sequence.next(0xa1).inside
        return Array(try tagged.next(DERReader.Element.octets).contents)
    }
}
