import CSodium

/// Chooses libsodium's fast code paths for this machine; without it everything works, but slowly.
enum Sodium {
    private static let started = sodium_init() >= 0

    static func start() { precondition(started, "libsodium does not start") }
}
