import Ground
import Synchronization

/// The keys of this server: one that signs, and those whose tokens are still, or soon, in the world.
///
/// Keys are changed all at once, so that nobody sees a signing key that does not verify. To rotate,
/// hand the former key on with the moment when its last token has expired; to let other servers learn a
/// key before it signs, hand it on without an end.
public final class KeyRing: Sendable {
    private struct State {
        let current: SigningKey
        let header: [UInt8]
        let keys: KeySet
        let jwks: [UInt8]

        init(current: SigningKey, verifying: [TrustedKey], generation: Int) {
            let own = TrustedKey(current.verificationKey)
            self.current = current
            header = own.accessTokenHeader
            keys = KeySet([own] + verifying, generation: generation)
            jwks = keys.jwks
        }
    }

    private let state: Mutex<State>
    private let number = Atomic<Int>(1)

    public init(current: SigningKey, verifying: [TrustedKey] = []) {
        state = Mutex(State(current: current, verifying: verifying, generation: 1))
    }

    public var current: SigningKey { state.withLock { $0.current } }
    public var keys: KeySet { state.withLock { $0.keys } }

    /// The JWK set to publish (RFC 7517, section 5), as JSON text. Made once for each change of keys;
    /// a shared secret is never in it.
    public var jwks: [UInt8] { state.withLock { $0.jwks } }

    /// Counts the changes of keys.
    var generation: Int { number.load(ordering: .acquiring) }

    /// The signing key with the encoded header of its access tokens.
    var signing: (key: SigningKey, accessTokenHeader: [UInt8]) { state.withLock { ($0.current, $0.header) } }

    /// Puts other keys in place of all that were there. What caches kept of the former ones is void.
    public func replace(current: SigningKey, verifying: [TrustedKey]) {
        state.withLock { state in
            let generation = state.keys.generation &+ 1
            state = State(current: current, verifying: verifying, generation: generation)
            number.store(generation, ordering: .releasing)
        }
    }
}
