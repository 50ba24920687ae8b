import Ground
import JOSE

/// The moment at which these tests take place.
let testTime = Timestamp(seconds: 1_800_000_000)

/// One key for each algorithm, made once, as RSA takes its time.
enum TestKeys {
    private static let keys = SignatureAlgorithm.allCases.map { algorithm in
        Result { try SigningKey.generate(algorithm, random: .system) }
    }

    static func key(_ algorithm: SignatureAlgorithm) throws -> SigningKey {
        for key in keys where try key.get().algorithm == algorithm { return try key.get() }
        throw KeyError.unsupported("alg")
    }
}

extension JSON {
    /// The object with that member set, or taken out.
    func with(_ name: String, _ value: JSON?) -> JSON {
        let others = (members ?? []).filter { $0.name != name }
        return .object(others + (value.map { [Member(name, $0)] } ?? []))
    }

    static func parse(_ text: String) throws -> JSON { try parse(Array(text.utf8)) }
}
