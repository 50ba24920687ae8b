import Ground

/// A permission, `resource:action`; `resource:*` and `*` permit more at once.
public struct Permission: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let description: String
    /// `resource:*` of the same resource; nil for `*`.
    let wildcard: String?

    /// A name that is known to be well-formed.
    public init(stringLiteral name: String) {
        description = name
        wildcard = name.firstIndex(of: ":").map { name[..<$0] + ":*" }
    }

    /// - Returns: nil for what is neither `*` nor `resource:action` of lower-case letters, digits and underscores.
    public init?(_ name: String) {
        guard name == "*" || Self.isWellFormed(name), name.utf8.count <= 100 else { return nil }
        self.init(stringLiteral: name)
    }

    private static func isWellFormed(_ name: String) -> Bool {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && isWord(parts[0]) && (parts[1] == "*" || isWord(parts[1]))
    }

    private static func isWord(_ word: Substring) -> Bool {
        guard let first = word.utf8.first, (97...122).contains(first) else { return false }
        return word.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
    }
}

/// Permissions as they were granted, wildcards among them.
public struct PermissionSet: Sendable, Hashable {
    private var granted: Set<String>

    public init(_ granted: some Sequence<String>) { self.granted = Set(granted) }

    /// Whether it permits this, or all of this where this is a wildcard itself.
    public func covers(_ permission: Permission) -> Bool {
        granted.contains("*") || granted.contains(permission.description)
            || permission.wildcard.map(granted.contains) == true
    }

    /// The first in order of the alphabet that it does not cover.
    public func firstMissing(of permissions: some Sequence<String>) -> String? {
        permissions.sorted().first { !covers(Permission(stringLiteral: $0)) }
    }

    public func union(_ other: PermissionSet) -> PermissionSet { PermissionSet(granted.union(other.granted)) }

    /// In order of the alphabet.
    public var names: [String] { granted.sorted() }
}

/// Where somebody may do something.
public enum Scope: Hashable, Sendable {
    case everywhere
    case company(UUID)

    /// The company that a query is bound to; nil: none.
    public var company: UUID? {
        switch self {
        case .everywhere: nil
        case .company(let id): id
        }
    }
}

/// What somebody may do, and where.
public struct Authority: Sendable {
    /// Whose it is.
    public let user: UUID
    public let everywhere: PermissionSet
    /// In `company`, what is granted everywhere not counted.
    public let here: PermissionSet
    /// The company that the session stands in.
    public let company: UUID?
    /// Whether what is had elsewhere counts for nothing.
    var isBoundToCompany = false

    public func scope(of permission: Permission) -> Scope? {
        if everywhere.covers(permission) { return .everywhere }
        guard let company, here.covers(permission) else { return nil }
        return .company(company)
    }

    /// - Parameter place: a company; nil: everywhere.
    public func may(_ permission: Permission, in place: UUID?) -> Bool {
        everywhere.covers(permission) || (place != nil && place == company && here.covers(permission))
    }

    /// The first of the permissions that is not had in that place.
    func firstMissing(of permissions: some Sequence<String>, in place: UUID?) -> String? {
        let had = place != nil && place == company ? everywhere.union(here) : everywhere
        return had.firstMissing(of: permissions)
    }
}
