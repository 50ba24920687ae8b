import Ground

extension Scope {
    /// The company that is meant: the one that was named or, for who stands in one, that one. What belongs to others is
    /// not there for them.
    /// - Throws: `.notFound`.
    func narrowed(to named: UUID?) throws(AuthError) -> UUID? {
        guard let own = company else { return named }
        guard named == nil || named == own else { throw .notFound }
        return own
    }
}

extension Authority {
    /// Where this may be done.
    /// - Throws: `.forbidden` where it is nowhere.
    func demand(_ permission: Permission) throws(AuthError) -> Scope {
        guard let scope = scope(of: permission) else { throw .forbidden(permission: permission.description) }
        return scope
    }

    /// - Throws: `.forbidden` also where it may be done in one company only.
    func demandEverywhere(_ permission: Permission) throws(AuthError) {
        guard everywhere.covers(permission) else { throw .forbidden(permission: permission.description) }
    }
}
