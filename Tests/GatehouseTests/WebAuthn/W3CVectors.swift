import Ground
import Testing
import WebAuthn

/// The test vectors of Web Authentication Level 3 (section 16), as the specification prints them.
struct W3CVectors {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let registrationChallenge: [UInt8]
        let registrationClientData: [UInt8]
        let attestationObject: [UInt8]
        let challenge: [UInt8]
        let clientData: [UInt8]
        let authenticatorData: [UInt8]
        let signature: [UInt8]

        var testDescription: String { name }

        func registration() throws -> WebAuthn.Registration {
            try WebAuthn.Registration(clientData: registrationClientData, attestationObject: attestationObject)
        }

        func assertion() throws -> Assertion {
            try Assertion(clientData: clientData, authenticatorData: authenticatorData, signature: signature)
        }
    }

    static let path = "webauthn/w3c-level3.txt"
    /// Every page of theirs, also in a frame of the one that one vector names.
    static let party = RelyingParty(
        id: "example.org", origins: ["https://example.org"], embeddingOrigins: ["https://example.com"])
    /// Their certificates hold from 2024 to 3024.
    static let now = Timestamp(seconds: 1_800_000_000)

    let all: [Vector]
    /// The certificate to which every attestation leads.
    let root: [UInt8]

    static let shared: W3CVectors? = Vectors.bytes(path).flatMap { W3CVectors(String(decoding: $0, as: UTF8.self)) }

    init?(_ text: String) {
        var sections: [(title: String, values: [String: [[UInt8]]])] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") {
                sections.append((String(line.dropFirst(3).prefix { $0 != "{" }.dropLast(4)), [:]))
            } else if let equals = line.firstRange(of: " = h'"), !sections.isEmpty,
                let bytes = Hex.decode(line[equals.upperBound...].prefix { $0 != "'" })
            {
                sections[sections.count - 1].values[String(line[..<equals.lowerBound]), default: []].append(bytes)
            }
        }
        guard let root = sections.first?.values["attestation_ca_cert"]?.first else { return nil }
        self.root = root
        all = sections.dropFirst().compactMap { title, values in
            guard let challenges = values["challenge"], challenges.count == 2, let clientData = values["clientDataJSON"],
                clientData.count == 2, let object = values["attestationObject"]?.first,
                let data = values["authenticatorData"]?.first, let signature = values["signature"]?.first
            else { return nil }
            return Vector(
                name: title, registrationChallenge: challenges[0], registrationClientData: clientData[0],
                attestationObject: object, challenge: challenges[1], clientData: clientData[1], authenticatorData: data,
                signature: signature)
        }
    }
}
