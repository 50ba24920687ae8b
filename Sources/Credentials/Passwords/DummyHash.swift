import Ground

/// The hash that stands in where there is no account, so that an unknown address costs what a wrong password
/// costs. Made at start by the hasher itself, with the algorithm and cost of the setting.
public struct DummyHash: Sendable {
    private let hasher: PasswordHasher
    private let stored: String

    /// Takes as long as one hash.
    /// - Throws: `.outOfMemory`.
    public init(for hasher: PasswordHasher, random: RandomSource = .system) throws(HashingError) {
        self.hasher = hasher
        stored = try hasher.hash(Base64URL.encode(random.bytes(32)))
    }

    /// Does the work of checking `password`, and never matches.
    /// - Throws: what ``PasswordHasher/verify(_:against:)`` throws.
    public func verify(_ password: String) throws(HashingError) -> Verification {
        _ = try hasher.verify(password, against: stored)
        return .mismatch
    }
}
