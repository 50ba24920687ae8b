import COpenSSL

/// A curve of NIST, and signatures over it.
///
/// A passkey is asked for hours or days after its last use, so nothing is gained by keeping its key parsed. OpenSSL's
/// providers take half as long to take a key as to check a signature; the functions beneath them take a fiftieth.
enum EllipticCurve: Hashable, Sendable {
    case p256, p384, p521

    /// Bytes of a coordinate.
    var width: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// As OpenSSL calls it.
    var groupName: String {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }

    /// Reads only: OpenSSL copies it into each key.
    private struct Group: Sendable {
        nonisolated(unsafe) let pointer: OpaquePointer?
        init(_ number: Int32) { pointer = EC_GROUP_new_by_curve_name(number) }
    }

    private static let groups = (Group(NID_X9_62_prime256v1), Group(NID_secp384r1), Group(NID_secp521r1))

    private var group: OpaquePointer? {
        switch self {
        case .p256: Self.groups.0.pointer
        case .p384: Self.groups.1.pointer
        case .p521: Self.groups.2.pointer
        }
    }

    /// Hands over the key of that point, uncompressed; nil where it is not on the curve.
    func withKey<Result>(_ point: [UInt8], _ body: (OpaquePointer) -> Result) -> Result? {
        guard let group, point.count == 1 + 2 * width, point.first == 4, let key = EC_KEY_new() else { return nil }
        defer { EC_KEY_free(key) }
        guard EC_KEY_set_group(key, group) == 1, EC_KEY_oct2key(key, point, point.count, nil) == 1 else {
            ERR_clear_error()
            return nil
        }
        return body(key)
    }

    /// Whether `signature`, in DER, is that of the digest under the point.
    func verify(_ signature: [UInt8], of digest: [UInt8], by point: [UInt8]) -> Bool {
        guard let length = Int32(exactly: signature.count) else { return false }
        let verdict = withKey(point) { ECDSA_verify(0, digest, Int32(digest.count), signature, length, $0) }
        if verdict == 1 { return true }
        ERR_clear_error()
        return false
    }
}
