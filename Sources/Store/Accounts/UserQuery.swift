import Ground

/// What a list of people is asked for.
public struct UserQuery: Sendable {
    public enum Sort: String, Sendable, CaseIterable {
        case created = "created_at"
        case name
        case email
        case lastLogin = "last_login_at"
    }

    /// Where a page ends: what it is sorted by, and whose it is.
    public struct Position: Sendable, Hashable {
        public let key: String
        public let id: UUID
        public init(key: String, id: UUID) {
            self.key = key
            self.id = id
        }
    }

    /// The beginnings of words, each of which a person must have. Then the order is that of the longest.
    public var words: [String] = []
    public var status: User.Status?
    public var company: UUID?
    public var role: UUID?
    public var lastLoginAfter: Timestamp?
    public var lastLoginBefore: Timestamp?
    public var isDeleted = false
    public var sort = Sort.created
    public var isDescending = false
    public var after: Position?
    public var limit: Int

    public init(limit: Int) { self.limit = limit }
}
