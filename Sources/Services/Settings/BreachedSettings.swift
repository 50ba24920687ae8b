import Credentials

/// Where passwords are looked up that have been stolen somewhere.
public struct BreachedSettings: Sendable {
    /// What the file held when the settings were read; nil: there is none.
    public let filter: BreachedFilter?
    /// Without a slash at its end; nil: nobody is asked.
    public let apiURL: String?
    public let apiTimeout: Duration

    init(reading reader: inout SettingReader) {
        filter = reader.breachedFilter()
        apiURL = reader.readOptional(
            "BREACHED_PASSWORDS_API", "an https address such as https://api.pwnedpasswords.com", isSecret: false,
            "A range API, which is told the first five digits of the SHA-1 of each new password. While it does not answer, nothing is refused for its sake."
        ) { Self.address($0) }
        apiTimeout = reader.duration(
            "BREACHED_PASSWORDS_API_TIMEOUT", default: "2s", from: .milliseconds(100), to: .seconds(30),
            "For the range API to answer.")
    }

    private static func address(_ text: String) -> String? {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        let isPlain = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        // Over http only into networks that are not public, which is asked when the connection is made.
        let host = text.hasPrefix("https://") ? text.dropFirst(8) : text.hasPrefix("http://") ? text.dropFirst(7) : ""
        return isPlain && !host.isEmpty && host.first != "/" ? text : nil
    }
}

extension SettingReader {
    /// The filter, opened: a server that was given one must not go without.
    mutating func breachedFilter() -> BreachedFilter? {
        let name = "BREACHED_PASSWORDS"
        let path = optionalText(
            name, "A file of breached passwords that `gatehouse breached import` has made; nobody may choose one of them.")
        guard let path else { return nil }
        do throws(BreachedFault) { return try BreachedFilter(path: path) } catch {
            fault(name, "names \"\(path)\", which \(error)")
            return nil
        }
    }
}
