/// Security keys of before WebAuthn (Level 3, section 8.6).
enum U2FAttestation {
    static func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> [[UInt8]] {
        let chain = try AttestationFormat.chain(in: statement)
        guard statement.entries?.count == 2, chain.count == 1, let signature = statement["sig"]?.bytes,
            let certificate = Certificate(chain[0]), certificate.isOn(.p256),
            case .elliptic(.p256, let point) = data.credential.key.material
        else { throw .attestationInvalid }
        let message = [0] + data.authenticatorData.partyDigest + data.clientDataDigest + data.credential.id + point
        guard certificate.verify(signature, over: message, by: .es256) else { throw .attestationInvalid }
        return chain
    }
}
