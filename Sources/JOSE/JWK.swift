import Ground

/// A key for signatures in JSON form (RFC 7517), read strictly: what is not understood in full, or could
/// be read in two ways, is refused.
public struct JWK: Sendable {
    /// The one algorithm the key is for: what `alg` says, or else what its type leaves.
    public let algorithm: SignatureAlgorithm
    /// `kid`; nil where it has none.
    public let id: String?
    let material: KeyMaterial
    private let operations: [String]?

    /// - Throws: `KeyError` with the name of the member that is at fault.
    public init(_ json: JSON) throws(KeyError) {
        material = try KeyMaterial(json)
        algorithm = material.algorithm
        id = try Self.id(in: json)
        operations = try Self.operations(in: json)
        if let name = json["alg"] {
            guard let name = name.string else { throw .malformed("alg") }
            guard name == algorithm.rawValue else { throw .unsupported("alg") }
        }
    }

    /// The public key of `material` under that id.
    init(publicPart material: KeyMaterial, id: String) {
        self.material = material
        self.id = id
        algorithm = material.algorithm
        operations = nil
    }

    /// The public key as it is published: never a private member; nil for a shared secret.
    public var publicJSON: JSON? {
        material.publicMembers.map { members in
            .object(
                members + [
                    .init("use", "sig"), .init("alg", .string(algorithm.rawValue)),
                    .init("kid", .string(id ?? material.ownID)),
                ])
        }
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638); nil for a shared secret, whose hash would help to
    /// guess it (section 7).
    public var thumbprint: String? { material.publicPart?.ownID }

    /// Whether `key_ops` lets the key do that, or leaves it open.
    func allows(_ operation: String) -> Bool { operations?.contains(operation) ?? true }

    private static func id(in json: JSON) throws(KeyError) -> String? {
        guard let value = json["kid"] else { return nil }
        guard let id = value.string, (1...256).contains(id.utf8.count) else { throw .malformed("kid") }
        return id
    }

    /// `use` and `key_ops` (RFC 7517, sections 4.2 and 4.3). A key for anything but signatures is refused,
    /// one that is also for something else too.
    private static func operations(in json: JSON) throws(KeyError) -> [String]? {
        if let use = json["use"] {
            guard let use = use.string else { throw .malformed("use") }
            guard use == "sig" else { throw .unsupported("use") }
        }
        guard let value = json["key_ops"] else { return nil }
        guard let items = value.array, !items.isEmpty else { throw .malformed("key_ops") }
        var operations: [String] = []
        for item in items {
            guard let name = item.string, !operations.contains(name) else { throw .malformed("key_ops") }
            guard name == "sign" || name == "verify" else { throw .unsupported("key_ops") }
            operations.append(name)
        }
        return operations
    }
}

extension JWK: CustomStringConvertible, CustomReflectable {
    /// Names the key. Its members stay out of logs, as they may be private.
    public var description: String { "JWK(\(algorithm.rawValue), \(id ?? "without kid"))" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
