/// Why a password hash was not made, or not checked.
public enum HashingError: Error, Hashable, Sendable {
    /// The password holds a NUL character, which software written in C takes for the end.
    case containsNUL
    /// The password is longer than ``PasswordHasher/longestPassword`` bytes.
    case tooLong
    /// The configured costs are outside what the algorithm allows or a server can bear.
    case unusableScheme
    /// No pepper, or one shorter than 32 bytes.
    case unusablePepper
    /// The machine had not the memory. Nothing is known about the password: not a failed sign-in.
    case outOfMemory
}
