/// What checking a password against a stored hash showed.
public struct Verification: Sendable, Hashable {
    public let matches: Bool
    /// The password is right, and its hash should be made anew, because the setting asks for more by now.
    public let needsRehash: Bool

    public init(matches: Bool, needsRehash: Bool) {
        self.matches = matches
        self.needsRehash = matches && needsRehash
    }

    static let mismatch = Verification(matches: false, needsRehash: false)
}
