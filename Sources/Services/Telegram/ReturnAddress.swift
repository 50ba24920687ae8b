import Ground

/// Where a browser is sent when it has signed in: a path of this server, or something of an origin that the settings
/// name. Anything else would make the server a signpost to wherever a link says.
public struct ReturnAddress: Sendable, Equatable {
    /// A path that begins with `/`, or an address that begins with an origin of the settings.
    public let text: String

    /// - Parameter origins: scheme, host and port of each, in lower case.
    public init?(_ text: String, origins: [String]) {
        guard text.utf8.count <= 2048, text.utf8.allSatisfy(Self.isPlain) else { return nil }
        if text.hasPrefix("/") {
            guard !text.hasPrefix("//") else { return nil }
        } else {
            // Compared whole, up to the first character that can stand behind a port: not by how it begins.
            guard origins.contains(where: { text == $0 || text.hasPrefix($0 + "/") || text.hasPrefix($0 + "?") }) else {
                return nil
            }
        }
        self.text = text
    }

    /// The first page.
    public static let home = ReturnAddress(path: "/")

    private init(path: String) { text = path }

    /// No space, no control character, and nothing that browsers read as something else: `\` as `/`.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 34, 35, 60, 62, 92, 94, 96, 123, 124, 125: false
        default: (33...126).contains(byte)
        }
    }

    /// The whole address.
    /// - Parameters:
    ///   - publicURL: of this server.
    ///   - error: a code that is told to whatever stands there.
    ///   - factors: the second factors that may be shown; nil where none is asked for.
    public func url(publicURL: String, error: String? = nil, asksFor factors: [SecondFactor]? = nil) -> String {
        var base = text.hasPrefix("/") ? publicURL + text : text
        let values = [("error", error), ("second_factor", factors.map { $0.map(\.rawValue).joined(separator: ",") })]
        for (name, value) in values {
            guard let value else { continue }
            base += (base.contains("?") ? "&" : "?") + name + "=" + PercentCoding.encode(value)
        }
        return base
    }
}
