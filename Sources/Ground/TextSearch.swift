extension StringProtocol {
    /// Where `part` first stands, compared byte by byte; nil where it does not.
    public func firstRange(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if utf8[start...].starts(with: part.utf8) { return start..<utf8.index(start, offsetBy: part.utf8.count) }
            utf8.formIndex(after: &start)
        }
        return nil
    }

    /// Whether `part` stands somewhere within, compared byte by byte.
    public func contains(_ part: String) -> Bool { firstRange(of: part) != nil }
}
