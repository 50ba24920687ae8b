import Ground

/// Who asks: as much of the other end as the rules and the audit log want to know.
public struct Client: Sendable {
    public let address: IPAddress
    /// Cleaned: no control or bidirectional characters, 512 bytes at most.
    public let userAgent: String
    public let requestID: String
    /// What a browser that signed in here before was given to be recognised by.
    public let deviceToken: String?

    public init(address: IPAddress, userAgent: String?, requestID: String, deviceToken: String? = nil) {
        self.address = address
        self.userAgent = CleanText.clean(userAgent ?? "", limit: 512)
        self.requestID = requestID
        self.deviceToken = deviceToken
    }
}

/// Makes text of unknown origin fit to be stored and shown.
enum CleanText {
    /// Replaces what could end a line, move the cursor or turn the direction of writing.
    static func clean(_ text: String, limit: Int) -> String {
        // Most text is this, and asking for the category of each of its characters costs far more.
        if text.utf8.count <= limit, text.utf8.allSatisfy({ (32..<127).contains($0) }) { return text }
        var output = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= limit else { break }
            output.append(isPlain(scalar) ? scalar : "\u{fffd}")
        }
        return String(output)
    }

    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
        default: true
        }
    }
}
