import Ground
import Synchronization

/// Something of another server that is fetched when it is wanted, by one at a time, and remembered for a while.
final class Fetched<Value: Sendable>: Sendable {
    /// A value and for how long it may be remembered; nil: nothing was said of that.
    typealias Fetch = @Sendable () async throws(AuthError) -> (Value, Duration?)

    private struct Held {
        var value: Value?
        var until = Timestamp(milliseconds: 0)
        var failedAt: Timestamp?
        var renewedAt: Timestamp?
        var fetching: Task<Result<Value, AuthError>, Never>?
    }

    private static var lifetimes: (least: Duration, most: Duration, standard: Duration) {
        (.seconds(60), .seconds(86400), .seconds(3600))
    }
    /// How long nothing is asked for again that could not be fetched.
    private static var patience: Duration { .seconds(2) }
    /// How often it is fetched anew before its time.
    private static var renewal: Duration { .seconds(30) }

    private let clock: Clock
    private let fetch: Fetch
    private let held = Mutex(Held())

    init(clock: Clock, _ fetch: @escaping Fetch) {
        self.clock = clock
        self.fetch = fetch
    }

    /// What is remembered, or fetched now.
    /// - Throws: `.telegramUnreachable`.
    func value() async throws(AuthError) -> Value {
        let now = clock.now
        let known = held.withLock { held in held.until > now ? held.value : nil }
        if let known { return known }
        let task = held.withLock { held -> Task<Result<Value, AuthError>, Never>? in
            if let failed = held.failedAt, now - failed < Self.patience { return nil }
            return begin(&held)
        }
        guard let task else { throw .telegramUnreachable }
        return try await task.value.get()
    }

    /// What is there now, where what is remembered may be behind.
    /// - Returns: nil where that was done a moment ago.
    func renewed() async throws(AuthError) -> Value? {
        let now = clock.now
        let task = held.withLock { held -> Task<Result<Value, AuthError>, Never>? in
            if let renewed = held.renewedAt, now - renewed < Self.renewal { return nil }
            held.renewedAt = now
            return begin(&held)
        }
        return try await task?.value.get()
    }

    private func begin(_ held: inout Held) -> Task<Result<Value, AuthError>, Never> {
        if let task = held.fetching { return task }
        let task = Task { await self.load() }
        held.fetching = task
        return task
    }

    private func load() async -> Result<Value, AuthError> {
        let result: Result<Value, AuthError>
        do throws(AuthError) {
            let (value, lifetime) = try await fetch()
            let kept = min(max(lifetime ?? Self.lifetimes.standard, Self.lifetimes.least), Self.lifetimes.most)
            held.withLock { held in
                held.value = value
                held.until = clock.now + kept
                held.failedAt = nil
            }
            result = .success(value)
        } catch {
            held.withLock { $0.failedAt = clock.now }
            result = .failure(error)
        }
        held.withLock { $0.fetching = nil }
        return result
    }
}
