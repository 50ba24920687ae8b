/// Why the vault gives nothing.
public enum VaultError: Error, Hashable, Sendable {
    /// No key, or one that has not 32 bytes.
    case unusableKey
    /// The value was sealed under a key that is not among those given.
    case unknownKey
    /// The value is no sealed one, was changed, or was sealed for another purpose.
    case damaged
    /// The value is longer than 2^31 - 1 bytes, or the machine has no memory left.
    case notSealed
}
