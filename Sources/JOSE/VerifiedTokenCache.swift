import Ground

/// Remembers tokens that were verified, as the signature is by far the dearest part of a request.
///
/// A token is found only as long as all its bytes are the same, it has not expired, its key is trusted,
/// and the key ring has not changed. What the cache cannot know (revocation, blocked users) must be asked
/// at every request. Any number of threads may use it at the same time.
public final class VerifiedTokenCache<Payload: Sendable>: Sendable {
    private final class Box: Sendable {
        let payload: Payload
        init(_ payload: Payload) { self.payload = payload }
    }

    private let verifier: TokenVerifier
    private let makePayload: @Sendable (Claims) throws(TokenError) -> Payload
    private let table: TokenTable

    /// - Parameters:
    ///   - capacity: how many tokens are remembered at most; 0 remembers none.
    ///   - payload: what the caller wants kept of a token. May refuse it.
    public init(
        verifier: TokenVerifier, capacity: Int = 16_384,
        payload: @escaping @Sendable (Claims) throws(TokenError) -> Payload
    ) {
        self.verifier = verifier
        makePayload = payload
        table = TokenTable(capacity: capacity)
    }

    /// How many tokens are remembered.
    public var count: Int { table.count }

    /// What was kept of the token, or is made of it now that it was verified.
    ///
    /// - Throws: what `TokenVerifier.verify` throws, and what `payload` does.
    public func verify(_ token: some Collection<UInt8>, at now: Timestamp) throws(TokenError) -> Payload {
        // Neither look at nor copy what no rule would take.
        guard token.count <= verifier.rules.maximumSize else { throw .tooLarge }
        let found = token.withContiguousStorageIfAvailable { token in
            table.find(UnsafeRawBufferPointer(token), generation: verifier.generation, at: now)
        }
        if let box = found as? Box { return box.payload }
        let verified = try verifier.check(token, at: now)
        let payload = try makePayload(verified.claims)
        if now < verified.validUntil {
            let verifier = verifier
            table.insert(Box(payload), for: Array(token), verified) { verifier.generation }
        }
        return payload
    }
}
