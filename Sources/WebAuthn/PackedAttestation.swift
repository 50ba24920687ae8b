import COpenSSL

/// The format of WebAuthn itself (Level 3, section 8.2).
enum PackedAttestation {
    static func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> (AttestationKind, chain: [[UInt8]]) {
        let algorithm = try AttestationFormat.algorithm(in: statement)
        guard let signature = statement["sig"]?.bytes else { throw .attestationInvalid }
        guard statement["x5c"] != nil else {
            guard statement.entries?.count == 2, algorithm == data.credential.key.algorithm,
                data.credential.key.verify(signature, over: data.signed)
            else { throw .attestationInvalid }
            return (.own, [])
        }
        let chain = try AttestationFormat.chain(in: statement)
        guard statement.entries?.count == 3, let certificate = Certificate(chain[0]),
            certificate.verify(signature, over: data.signed, by: algorithm), isOfAuthenticators(certificate),
            AttestationFormat.namesModel(certificate, data.credential.aaguid)
        else { throw .attestationInvalid }
        return (.certified, chain)
    }

    /// Section 8.2.1.
    private static func isOfAuthenticators(_ certificate: borrowing Certificate) -> Bool {
        certificate.isVersion3 && certificate.isLeaf
            && certificate.subject(NID_countryName)?.utf8.count == 2
            && certificate.subject(NID_organizationName)?.isEmpty == false
            && certificate.subject(NID_organizationalUnitName) == "Authenticator Attestation"
            && certificate.subject(NID_commonName)?.isEmpty == false
    }
}
