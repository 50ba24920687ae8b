import Ground

/// The fields of a query string or of an `application/x-www-form-urlencoded` body, in order.
public struct Form: Sendable {
    public let fields: [(name: String, value: String)]

    /// nil for a broken escape, bytes that are no UTF-8, or more than 100 fields.
    public init?(_ text: some StringProtocol) {
        var fields: [(String, String)] = []
        for pair in text.split(separator: "&") {
            guard fields.count < 100 else { return nil }
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCoding.decode(parts[0], plusIsSpace: true),
                let value = PercentCoding.decode(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { return nil }
            fields.append((name, value))
        }
        self.fields = fields
    }

    /// The first value under that name.
    public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}
