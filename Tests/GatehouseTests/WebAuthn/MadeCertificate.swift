import Credentials
import Ground
import JOSE
import WebAuthn

/// A certificate of X.509 for the key of an authenticator, which nobody of name has signed.
struct MadeCertificate {
    private static let modelExtension: [UInt8] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04]

    let bytes: [UInt8]

    /// For the format `packed` (Level 3, section 8.2.1).
    init(ofAuthenticatorsBy holder: SoftwareAuthenticator, model: [UInt8]?) {
        let subject = Self.name([
            ([0x55, 0x04, 0x06], "SE"), ([0x55, 0x04, 0x0a], "Makers"), ([0x55, 0x04, 0x0b], "Authenticator Attestation"),
            ([0x55, 0x04, 0x03], "Key"),
        ])
        self.init(of: holder, subject: subject, [], model: model)
    }

    /// For the format `tpm` (section 8.3.1).
    init(ofModulesBy holder: SoftwareAuthenticator, model: [UInt8]?) {
        let names = Self.name((1...3).map { ([0x67, 0x81, 0x05, 0x02, $0], "id:00") })
        let alternative = Self.element(0x30, Self.element(0xa4, names))
        let use = Self.element(0x30, Self.element(0x06, [0x67, 0x81, 0x05, 0x08, 0x03]))
        self.init(
            of: holder, subject: Self.element(0x30, []),
            [Self.extra([0x55, 0x1d, 0x11], alternative), Self.extra([0x55, 0x1d, 0x25], use)], model: model)
    }

    private init(of holder: SoftwareAuthenticator, subject: [UInt8], _ extras: [[UInt8]], model: [UInt8]?) {
        let algorithm = Self.element(0x30, Self.element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
        let validity = ["240101000000Z", "450101000000Z"].flatMap { Self.element(0x17, Array($0.utf8)) }
        let curve =
            Self.element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01])
            + Self.element(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
        let key = Self.element(0x30, Self.element(0x30, curve) + Self.element(0x03, [0, 4] + holder.point))
        let extensions =
            Self.extra([0x55, 0x1d, 0x13], Self.element(0x30, [])) + extras.flatMap { $0 }
            + (model.map { Self.extra(Self.modelExtension, Self.element(0x04, $0)) } ?? [])
        let content =
            Self.element(0xa0, [0x02, 0x01, 0x02]) + [0x02, 0x01, 0x01] + algorithm
            + Self.name([([0x55, 0x04, 0x03], "Root")]) + Self.element(0x30, validity) + subject + key
            + Self.element(0xa3, Self.element(0x30, extensions))
        let signed = Self.element(0x30, content)
        bytes = Self.element(0x30, signed + algorithm + Self.element(0x03, [0] + holder.sign(signed)))
    }

    private static func name(_ parts: [(identifier: [UInt8], text: String)]) -> [UInt8] {
        element(0x30, parts.flatMap { identifier, text in
            element(0x31, element(0x30, element(0x06, identifier) + element(text == "SE" ? 0x13 : 0x0c, Array(text.utf8))))
        })
    }

    private static func extra(_ identifier: [UInt8], _ value: [UInt8]) -> [UInt8] {
        element(0x30, element(0x06, identifier) + element(0x04, value))
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        switch content.count {
        case ..<128: [tag, UInt8(content.count)] + content
        case ..<256: [tag, 0x81, UInt8(content.count)] + content
        default: [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xff)] + content
        }
    }
}

extension SoftwareAuthenticator {
    /// Both coordinates of the public key.
    var point: [UInt8] {
        let json = key.publicJWK?.publicJSON ?? .null
        return ["x", "y"].flatMap { json[$0]?.string.flatMap { Base64URL.decode($0) } ?? [] }
    }
}

extension CBOR {
    /// As authenticators write it, for what is shorter than 64 KiB.
    var encoded: [UInt8] {
        switch self {
        case .unsigned(let number): Self.head(0, number)
        case .negative(let number): Self.head(1, number)
        case .bytes(let bytes): Self.head(2, UInt64(bytes.count)) + bytes
        case .text(let text): Self.head(3, UInt64(text.utf8.count)) + Array(text.utf8)
        case .array(let values): Self.head(4, UInt64(values.count)) + values.flatMap(\.encoded)
        case .map(let entries): Self.head(5, UInt64(entries.count)) + entries.flatMap { $0.key.encoded + $0.value.encoded }
        case .bool(let value): [value ? 0xf5 : 0xf4]
        case .null: [0xf6]
        }
    }

    private static func head(_ kind: UInt8, _ number: UInt64) -> [UInt8] {
        switch number {
        case ..<24: [kind << 5 | UInt8(number)]
        case ..<256: [kind << 5 | 24, UInt8(number)]
        default: [kind << 5 | 25, UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
        }
    }

    /// The same map with another value under that name.
    func setting(_ name: String, to value: CBOR) -> CBOR {
        guard case .map(let entries) = self else { return self }
        return .map(entries.map { $0.key == .text(name) ? Entry(key: $0.key, value: value) : $0 })
    }
}
