/// The request target (RFC 9112, section 3.2).
enum Target {
    /// Path and query of an origin-form or absolute-form target; nil for anything else.
    /// - Parameter host: the Host field. An absolute form that names another is refused: which of the two a
    ///   reader obeys must make no difference.
    static func split(_ target: Substring, host: Substring, isOptions: Bool) -> (String, String?)? {
        var rest = target
        if rest.utf8.first != 47 {
            if target == "*" { return isOptions ? ("*", nil) : nil }
            guard let path = pathOfAbsoluteForm(target, host: host) else { return nil }
            rest = path
        }
        guard !rest.utf8.contains(35) else { return nil }
        guard let mark = rest.utf8.firstIndex(of: 63) else { return (String(rest), nil) }
        return (String(rest[..<mark]), String(rest[rest.utf8.index(after: mark)...]))
    }

    private static func pathOfAbsoluteForm(_ target: Substring, host: Substring) -> Substring? {
        let lower = target.prefix(8).lowercased()
        let skipped = lower.hasPrefix("http://") ? 7 : lower.hasPrefix("https://") ? 8 : 0
        guard skipped > 0 else { return nil }
        let rest = target.dropFirst(skipped)
        let end = rest.utf8.firstIndex { $0 == 47 || $0 == 63 } ?? rest.endIndex
        guard end > rest.startIndex, rest[..<end].lowercased() == host.lowercased() else { return nil }
        let path = rest[end...]
        return path.utf8.first == 47 ? path : "/" + path
    }
}
