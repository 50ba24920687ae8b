/// More passwords wait to be hashed than the server takes on: 503 for the client.
public struct Overloaded: Error, Hashable, Sendable {
    /// Seconds until the present queue is worked off, at least 1: the value of `Retry-After`.
    public let retryAfter: Int
}
