/// The request target (RFC 9112, section 3.2).
enum Target {
    /// Path and query of an origin-form or absolute-form target; nil for anything else.
    static func split(_ target: Substring, isOptions: Bool) -> (String, String?)? {
        var rest = target
        if rest.utf8.first != 47 {
            if target == "*" { return isOptions ? ("*", nil) : nil }
            guard let path = pathOfAbsoluteForm(target) else { return nil }
            rest = path
        }
        guard !rest.utf8.contains(35) else { return nil }
        guard let mark = rest.utf8.firstIndex(of: 63) else { return (String(rest), nil) }
        return (String(rest[..<mark]), String(rest[rest.utf8.index(after: mark)...]))
    }

    private static func pathOfAbsoluteForm(_ target: Substring) -> Substring? {
        let lower = target.prefix(8).lowercased()
        let skipped = lower.hasPrefix("http://") ? 7 : lower.hasPrefix("https://") ? 8 : 0
        guard skipped > 0 else { return nil }
        let authority = target.dropFirst(skipped)
        guard let first = authority.utf8.first, first != 47, first != 63 else { return nil }
        if let slash = authority.utf8.firstIndex(where: { $0 == 47 || $0 == 63 }) {
            let path = authority[slash...]
            return path.utf8.first == 47 ? path : "/" + path
        }
        return "/"
    }
}
