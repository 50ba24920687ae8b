import COpenSSL
import Credentials

/// Keys of a trusted platform module (Level 3, section 8.3; TPM 2.0, part 2).
enum TPMAttestation {
    static func check(_ statement: CBOR, of data: AttestedData) throws(WebAuthnFault) -> [[UInt8]] {
        let chain = try AttestationFormat.chain(in: statement)
        let algorithm = try AttestationFormat.algorithm(in: statement)
        guard statement.entries?.count == 6, statement["ver"] == .text("2.0"), let signature = statement["sig"]?.bytes,
            let certificate = Certificate(chain[0]), let info = statement["certInfo"]?.bytes,
            let area = statement["pubArea"]?.bytes, let certified = CertifyInfo(info), let key = PublicArea(area),
            key.isSame(as: data.credential.key)
        else { throw .attestationInvalid }
        guard let expected = hash(data.signed, of: algorithm), Digest.equal(certified.extraData, expected),
            let name = key.name, Digest.equal(certified.name, name),
            certificate.verify(signature, over: info, by: algorithm), isOfModules(certificate),
            AttestationFormat.namesModel(certificate, data.credential.aaguid)
        else { throw .attestationInvalid }
        return chain
    }

    private static func hash(_ message: [UInt8], of algorithm: COSEAlgorithm) -> [UInt8]? {
        switch algorithm {
        case .es256, .rs256, .ps256: Digest.sha256(message)
        case .es384: Signatures.hash(message, with: EVP_sha384())
        case .es512: Signatures.hash(message, with: EVP_sha512())
        case .edDSA, .ed448: nil
        }
    }

    /// Section 8.3.1.
    private static func isOfModules(_ certificate: borrowing Certificate) -> Bool {
        guard certificate.isVersion3, certificate.isLeaf, certificate.hasEmptySubject,
            let names = certificate.extensionValue("2.5.29.17"),
            let uses = certificate.extensionValue("2.5.29.37"),
            let named = try? objects(in: names.bytes), let used = try? objects(in: uses.bytes)
        else { return false }
        // tcg-kp-AIKCertificate; manufacturer, model and version of the module.
        let isAttestationKey = used.contains([0x67, 0x81, 0x05, 0x08, 0x03])
        return isAttestationKey && (1...3).allSatisfy { named.contains([0x67, 0x81, 0x05, 0x02, $0]) }
    }

    /// Every object identifier that stands in the element, however deep.
    private static func objects(in bytes: some Collection<UInt8>, depth: Int = 0) throws(DERReader.Fault) -> Set<[UInt8]> {
        guard depth < 8 else { throw DERReader.Fault() }
        var found: Set<[UInt8]> = []
        var reader = DERReader(bytes)
        while !reader.isAtEnd {
            let element = try reader.next()
            if element.head == DERReader.Element.object { found.insert(Array(element.contents)) }
            if element.head & 0x20 != 0 { found.formUnion(try objects(in: element.contents, depth: depth + 1)) }
        }
        return found
    }
}

/// Numbers and sized fields of the structures of a TPM, big-endian.
private struct TPMReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number(_ width: Int) -> Int? {
        guard rest.count >= width else { return nil }
        defer { rest = rest.dropFirst(width) }
        return rest.prefix(width).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func take(_ count: Int) -> [UInt8]? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func sized() -> [UInt8]? { number(2).flatMap { take($0) } }
}

/// `TPMS_ATTEST` of `TPM2_Certify`.
private struct CertifyInfo {
    let extraData: [UInt8]
    /// Of the key that is certified.
    let name: [UInt8]

    init?(_ bytes: [UInt8]) {
        var reader = TPMReader(bytes)
        guard reader.number(4) == 0xff54_4347, reader.number(2) == 0x8017, reader.sized() != nil,
            let extraData = reader.sized(),
            // Clock, counts of resets and restarts, whether they are safe; the version of the firmware.
            reader.take(17) != nil, reader.take(8) != nil,
            let name = reader.sized(), reader.sized() != nil, reader.isAtEnd
        else { return nil }
        self.extraData = extraData
        self.name = name
    }
}

/// `TPMT_PUBLIC`: a key as the TPM describes it.
private struct PublicArea {
    private enum Key {
        case elliptic(EllipticCurve, x: [UInt8], y: [UInt8])
        case rsa(modulus: [UInt8], exponent: Int)
    }

    private static let noAlgorithm = 0x0010

    private let bytes: [UInt8]
    private let nameAlgorithm: Int
    private let key: Key

    init?(_ bytes: [UInt8]) {
        var reader = TPMReader(bytes)
        guard let type = reader.number(2), let nameAlgorithm = reader.number(2), reader.number(4) != nil,
            // The policy that guards the key.
            reader.sized() != nil, let key = Self.key(type, &reader), reader.isAtEnd
        else { return nil }
        self.bytes = bytes
        self.nameAlgorithm = nameAlgorithm
        self.key = key
    }

    private static func key(_ type: Int, _ reader: inout TPMReader) -> Key? {
        // A key that signs is bound to no cipher; a scheme brings its hash.
        guard reader.number(2) == noAlgorithm, let scheme = reader.number(2) else { return nil }
        if scheme != noAlgorithm { guard reader.number(2) != nil else { return nil } }
        switch type {
        case 0x0001:
            guard reader.number(2) != nil, let exponent = reader.number(4), let modulus = reader.sized() else { return nil }
            return .rsa(modulus: modulus, exponent: exponent == 0 ? 65537 : exponent)
        case 0x0023:
            guard let number = reader.number(2), reader.number(2) == noAlgorithm, let x = reader.sized(),
                let y = reader.sized(), let curve: EllipticCurve = [3: .p256, 4: .p384, 5: .p521][number]
            else { return nil }
            return .elliptic(curve, x: x, y: y)
        default: return nil
        }
    }

    func isSame(as credential: CredentialKey) -> Bool {
        switch (key, credential.material) {
        case (.elliptic(let curve, let x, let y), .elliptic(let other, let point)):
            curve == other && [4] + padded(x, to: curve.width) + padded(y, to: curve.width) == point
        case (.rsa(let modulus, let exponent), .rsa(let other)):
            modulus == other.modulus && other.exponent.reduce(0) { $0 << 8 | Int($1) } == exponent
        default: false
        }
    }

    private func padded(_ number: [UInt8], to width: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: max(0, width - number.count)) + number
    }

    /// The name by which the TPM certifies the key: its hash, and by which algorithm.
    var name: [UInt8]? {
        let algorithm = [UInt8(truncatingIfNeeded: nameAlgorithm >> 8), UInt8(truncatingIfNeeded: nameAlgorithm)]
        return switch nameAlgorithm {
        case 0x000b: algorithm + Digest.sha256(bytes)
        case 0x000c: algorithm + Signatures.hash(bytes, with: EVP_sha384())
        case 0x000d: algorithm + Signatures.hash(bytes, with: EVP_sha512())
        default: nil
        }
    }
}
