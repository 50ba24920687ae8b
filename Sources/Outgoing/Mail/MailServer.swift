import Ground

/// A server that takes mail by SMTP, and how it is spoken to.
public struct MailServer: Sendable, Equatable {
    public enum Security: String, Sendable {
        /// TLS from the first byte: `smtps`.
        case tls
        /// TLS before anything is said, or nothing is: `smtp`.
        case startTLS
        /// No TLS, and no password: `smtp+plain`, within networks that are not public.
        case none
    }

    public let security: Security
    public let host: String
    public let port: Int
    public let user: String?
    public let password: String?

    /// Reads `smtp://user:password@host:port`; name and password with `%40` for what has a meaning in addresses.
    /// - Returns: nil for anything else, and where a password would be sent in the open.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        switch text[..<colon].lowercased() {
        case "smtps": security = .tls
        case "smtp": security = .startTLS
        case "smtp+plain": security = .none
        default: return nil
        }
        var rest = text[text.index(colon, offsetBy: 3)...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard security != .none, parts.count == 2, let user = Self.decoded(parts[0]), let password = Self.decoded(parts[1]),
                !user.isEmpty
            else { return nil }
            (self.user, self.password) = (user, password)
            rest = rest[rest.index(after: at)...]
        } else {
            (user, password) = (nil, nil)
        }
        guard let (host, port) = Self.place(rest) else { return nil }
        self.host = host
        self.port = port ?? (security == .tls ? 465 : security == .startTLS ? 587 : 25)
    }

    private static func place(_ text: Substring) -> (String, Int?)? {
        var host = text
        var port: Int?
        let bracket = text.lastIndex(of: "]")
        if let colon = text.lastIndex(of: ":"), bracket.map({ $0 < colon }) ?? true {
            guard let number = Int(text[text.index(after: colon)...]), (1...65535).contains(number) else { return nil }
            (host, port) = (text[..<colon], number)
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]") && IPAddress(String(host.dropFirst().dropLast())) != nil
        let isName = !host.isEmpty && host.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95: true
            default: false
            }
        }
        return isAddress || isName ? (String(host), port) : nil
    }

    /// - Returns: nil for a bad `%`, and for what could end a line of SMTP.
    private static func decoded(_ text: Substring) -> String? {
        guard let plain = PercentCoding.decode(text), plain.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
        return plain
    }

    /// Without name and password, with what the server greets as.
    func url(greetingAs name: String) -> String {
        "\(security == .tls ? "smtps" : "smtp")://\(host):\(port)/\(name)"
    }
}

/// A mail on its way to a server.
public struct OutgoingMail: Sendable {
    let server: MailServer
    let sender: String
    let recipient: String
    let text: [UInt8]
    let url: String

    /// - Parameters:
    ///   - name: the host that this server says it is.
    ///   - text: as it goes over the line, with CRLF; dots are doubled on the way.
    /// - Returns: nil where an address or a name could become another command.
    public init?(from sender: String, to recipient: String, text: [UInt8], through server: MailServer, greetingAs name: String) {
        let isWhole = [sender, recipient].allSatisfy { address in
            !address.isEmpty && address.utf8.allSatisfy { (33..<127).contains($0) && $0 != 60 && $0 != 62 }
        }
        let isName = !name.isEmpty && name.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46: true
            default: false
            }
        }
        guard isWhole, isName else { return nil }
        self.server = server
        self.sender = "<\(sender)>"
        self.recipient = "<\(recipient)>"
        self.text = text
        url = server.url(greetingAs: name)
    }
}

extension OutgoingSettings {
    /// For a mail server from the settings. Without TLS it must be in a network that is not public.
    public init(to server: MailServer, caFile: String?, timeout: Duration) {
        self.init(
            policy: server.security == .none ? .notPublic : .any, allowsHTTP: false, caFile: caFile,
            connectTimeout: min(timeout, .seconds(10)), timeout: timeout, answerLimit: 65_536)
    }
}
