import Ground

/// Reads the members of a JWK that hold the key itself (RFC 7518, section 6; RFC 8037, section 2).
extension KeyMaterial {
    init(_ json: JSON) throws(KeyError) {
        guard let type = json["kty"]?.string else { throw .malformed("kty") }
        switch type {
        case "OKP": self = try Self.octetKeyPair(json)
        case "EC": self = try Self.ellipticCurve(json)
        case "RSA": self = try Self.rsa(json)
        case "oct": self = try KeyMaterial(restoring: Self.bytes("k", in: json), algorithm: .hs256)
        default: throw .unsupported("kty")
        }
    }

    private static func octetKeyPair(_ json: JSON) throws(KeyError) -> KeyMaterial {
        guard let curve = json["crv"]?.string else { throw .malformed("crv") }
        guard curve == "Ed25519" else { throw .unsupported("crv") }
        let publicKey = try bytes("x", count: 32, in: json)
        guard isEd25519Point(publicKey) else { throw .malformed("x") }
        guard json["d"] != nil else { return .ed25519(publicKey: publicKey, seed: nil) }
        let seed = try bytes("d", count: 32, in: json)
        guard ed25519Pair(seed: seed).publicKey == publicKey else { throw .inconsistent }
        return .ed25519(publicKey: publicKey, seed: seed)
    }

    private static func ellipticCurve(_ json: JSON) throws(KeyError) -> KeyMaterial {
        guard let curve = json["crv"]?.string else { throw .malformed("crv") }
        guard curve == "P-256" else { throw .unsupported("crv") }
        let x = try bytes("x", count: 32, in: json)
        let y = try bytes("y", count: 32, in: json)
        guard OpenSSLKey(p256X: x, y: y) != nil else { throw .malformed("x") }
        guard json["d"] != nil else { return .p256(x: x, y: y, number: nil) }
        let number = try bytes("d", count: 32, in: json)
        guard let key = OpenSSLKey(p256Number: number) else { throw .malformed("d") }
        guard let own = key.coordinates, own == (x, y) else { throw .inconsistent }
        return .p256(x: x, y: y, number: number)
    }

    private static func rsa(_ json: JSON) throws(KeyError) -> KeyMaterial {
        guard json["oth"] == nil else { throw .unsupported("oth") }
        var secrets: [[UInt8]] = []
        if RSANumbers.secretNames.contains(where: { json[$0] != nil }) {
            for name in RSANumbers.secretNames { secrets.append(try integer(name, in: json)) }
        }
        let numbers = RSANumbers(
            modulus: try integer("n", in: json), exponent: try integer("e", in: json), secrets: secrets)
        try numbers.check()
        return .rsa(numbers)
    }

    private static func bytes(_ name: String, count: Int? = nil, in json: JSON) throws(KeyError) -> [UInt8] {
        guard let text = json[name]?.string, text.utf8.count <= 4096, let bytes = Base64URL.decode(text),
            count == nil || bytes.count == count
        else { throw .malformed(name) }
        return bytes
    }

    /// A Base64urlUInt (RFC 7518, section 2): no leading zero octet. Zero itself is no member of a key.
    private static func integer(_ name: String, in json: JSON) throws(KeyError) -> [UInt8] {
        let bytes = try bytes(name, in: json)
        guard let head = bytes.first, head != 0 else { throw .malformed(name) }
        return bytes
    }
}
