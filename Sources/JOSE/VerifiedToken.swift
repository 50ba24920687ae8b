import Ground

/// The claims of a token that was taken, and how long that may be remembered.
struct VerifiedToken: Sendable {
    let claims: Claims
    /// When the token expires, or the trust in its key ends, whichever comes first.
    let validUntil: Timestamp
    /// The state of the key ring that it was verified with.
    let generation: Int
}
