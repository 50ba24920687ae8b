import Ground
import JOSE
import Store

/// What has to be done from time to time without anyone asking. Nothing that is refused depends on it: what has
/// expired is refused whether or not it was cleaned up.
public struct Housekeeping: Sendable {
    private static let page = 1000

    let store: DataStore
    let keys: KeyService
    let ring: KeyRing
    let tokens: TokenSettings
    let signIn: SignInSettings
    let clock: Clock

    /// Brings the keys up to date. Cheap; for every minute.
    public func maintainKeys() async throws(AuthError) {
        try await keys.maintain()
        try await keys.refresh(ring)
    }

    /// Deletes sessions that are long over and counters that nobody needs. For every hour.
    public func sweep() async throws(AuthError) {
        let now = clock.now
        // A session stays as long as an access token of it could be shown: the denylist is made of it.
        let limit = now - max(signIn.sessionRetention, tokens.accessLifetime + tokens.clockSkew + .seconds(60))
        do {
            var start: UUID? = UUID(high: 0, low: 0)
            while let from = start {
                start = try await store.transaction {
                    try await $0.sessions.sweep(after: from, limit: Self.page, endedBefore: limit)
                }
            }
            try await store.transaction {
                try await $0.attempts.sweep(
                    unknownBefore: now - signIn.lockout - .seconds(86400), devicesBefore: now - signIn.deviceMemory)
            }
        } catch { throw .from(error) }
    }
}
