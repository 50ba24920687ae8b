import Credentials
import Ground
import JOSE

/// An authenticator and the browser in front of it, which does as it is told, also what no honest one would.
struct SoftwareAuthenticator {
    let key: SigningKey
    let credentialID: [UInt8]
    var origin = "http://localhost:0"
    var partyID = "localhost"
    var counter: UInt32 = 0
    var isUserPresent = true
    var isUserVerified = true
    var isBackupEligible = false
    var isBackedUp = false
    var isCrossOrigin = false
    var userHandle: [UInt8]?
    var aaguid = [UInt8](repeating: 0, count: 16)

    init(_ algorithm: SignatureAlgorithm = .es256) throws {
        key = try SigningKey.generate(algorithm, random: .system)
        credentialID = RandomSource.system.bytes(24)
    }

    // MARK: What it answers

    /// The answer to creation options, as a browser writes it.
    func create(_ options: JSON, type: String = "webauthn.create") -> JSON {
        let clientData = clientData(type, options["public_key"]?["challenge"]?.string ?? "")
        let length = [UInt8(credentialID.count >> 8), UInt8(credentialID.count & 0xff)]
        let data = head(flags: 0x40) + aaguid + length + credentialID + coseKey
        let object =
            [0xa3] + Self.text("fmt") + Self.text("none") + Self.text("attStmt") + [0xa0] + Self.text("authData")
            + [0x58, UInt8(data.count)] + data
        return credential([
            "clientDataJSON": .string(Base64URL.encode(clientData)),
            "attestationObject": .string(Base64URL.encode(object)), "transports": ["internal"],
        ])
    }

    /// The answer to request options.
    func get(_ options: JSON, type: String = "webauthn.get") -> JSON {
        let clientData = clientData(type, options["public_key"]?["challenge"]?.string ?? "")
        let data = head(flags: 0)
        let signature = sign(data + Digest.sha256(clientData))
        return credential([
            "clientDataJSON": .string(Base64URL.encode(clientData)),
            "authenticatorData": .string(Base64URL.encode(data)), "signature": .string(Base64URL.encode(signature)),
            "userHandle": userHandle.map { .string(Base64URL.encode($0)) } ?? .null,
        ])
    }

    private func credential(_ response: JSON) -> JSON {
        let id = JSON.string(Base64URL.encode(credentialID))
        return [
            "id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": ["credProps": ["rk": true]], "response": response,
        ]
    }

    private func clientData(_ type: String, _ challenge: String) -> [UInt8] {
        let json: JSON = [
            "type": .string(type), "challenge": .string(challenge), "origin": .string(origin),
            "crossOrigin": .bool(isCrossOrigin),
        ]
        return json.utf8
    }

    private func head(flags: UInt8) -> [UInt8] {
        var flags = flags
        for (bit, isSet) in [(0, isUserPresent), (2, isUserVerified), (3, isBackupEligible), (4, isBackedUp)] where isSet {
            flags |= 1 << UInt8(bit)
        }
        let count = (0..<4).map { UInt8(truncatingIfNeeded: counter >> UInt32(24 - 8 * $0)) }
        return Digest.sha256(Array(partyID.utf8)) + [flags] + count
    }

    // MARK: The key

    private var coseKey: [UInt8] {
        let json = key.publicJWK?.publicJSON ?? .null
        func bytes(_ name: String) -> [UInt8] {
            let bytes = json[name]?.string.flatMap { Base64URL.decode($0) } ?? []
            return [0x58, UInt8(bytes.count)] + bytes
        }
        return switch key.algorithm {
        case .es256: [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21] + bytes("x") + [0x22] + bytes("y")
        default: [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21] + bytes("x")
        }
    }

    /// ECDSA in DER, as authenticators write it.
    func sign(_ message: [UInt8]) -> [UInt8] {
        let signature = key.sign(message)
        guard key.algorithm == .es256 else { return signature }
        func integer(_ half: ArraySlice<UInt8>) -> [UInt8] {
            var digits = Array(half.drop { $0 == 0 })
            if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
            return [0x02, UInt8(digits.count)] + digits
        }
        let numbers = integer(signature.prefix(32)) + integer(signature.suffix(32))
        return [0x30, UInt8(numbers.count)] + numbers
    }

    private static func text(_ text: String) -> [UInt8] { [0x60 | UInt8(text.utf8.count)] + Array(text.utf8) }
}
