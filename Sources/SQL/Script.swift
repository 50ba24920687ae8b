import Ground

/// Scripts that both databases read: what stands between `/*sqlite:` or `/*postgres:` and `*/` is for one of them.
enum Script {
    /// Uncovers what is for one database.
    static func adapted(_ script: String, to database: String) -> String {
        var output = ""
        var rest = script[...]
        while let mark = rest.firstRange(of: "/*\(database):") {
            output += rest[..<mark.lowerBound]
            rest = rest[mark.upperBound...]
            guard let end = rest.firstRange(of: "*/") else { break }
            output += rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
        }
        return output + rest
    }

    /// The statements one by one. Semicolons in comments and quoted text separate nothing.
    static func statements(of script: String) -> [String] {
        var statements: [String] = []
        var current = ""
        var ending: String?
        var rest = script[...]
        while let character = rest.first {
            if let mark = ending, rest.hasPrefix(mark) {
                current += mark
                rest = rest.dropFirst(mark.count)
                ending = nil
                continue
            }
            if ending == nil {
                ending = quotes.first { rest.hasPrefix($0.opening) }?.closing
                if character == ";" {
                    statements.append(current)
                    current = ""
                    rest = rest.dropFirst()
                    continue
                }
            }
            current.append(character)
            rest = rest.dropFirst()
        }
        statements.append(current)
        return statements.filter { $0.contains { !$0.isWhitespace } }
    }

    private static let quotes = [("--", "\n"), ("/*", "*/"), ("'", "'"), ("\"", "\""), ("$$", "$$")]
        .map { (opening: $0.0, closing: $0.1) }
}
