import Credentials
import Ground

/// The address of a receiver, in its one spelling: scheme and host in lower case, the host as an address or as the
/// A-labels of a domain. Stricter than URLs are, so that no two readers understand it differently.
struct WebhookURL: Sendable {
    enum Fault: Error, Hashable, Sendable {
        /// This is no such address at all.
        case invalid
        /// It is one that a setting, or a rule of the server, does not allow. With the reason, for people.
        case notAllowed(String)
    }

    static let longest = 2048

    let text: String

    init(_ given: String, settings: WebhookSettings) throws(Fault) {
        guard (1...Self.longest).contains(given.utf8.count), given.utf8.allSatisfy({ $0 > 32 && $0 != 127 }),
            let colon = given.firstRange(of: "://")
        else { throw .invalid }
        let scheme = given[..<colon.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { throw .invalid }
        guard scheme == "https" || settings.allowsHTTP else { throw .notAllowed("Only https addresses are allowed.") }
        let rest = given[colon.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
        let path = rest[authority.endIndex...]
        guard !authority.contains("@") else { throw .notAllowed("Names and passwords do not belong into the address.") }
        guard path.utf8.allSatisfy({ $0 < 127 && $0 != 35 && $0 != 92 && $0 != 34 && $0 != 60 && $0 != 62 }) else { throw .invalid }
        let (host, port) = try Self.split(authority)
        if let port, port != (scheme == "https" ? 443 : 80), !settings.allowsAnyPort {
            throw .notAllowed("Only the ports 443 and 80 are allowed.")
        }
        let suffix = port.map { ":\($0)" } ?? ""
        text = "\(scheme)://\(try Self.host(host, settings))\(suffix)\(path.hasPrefix("/") ? "" : "/")\(path)"
    }

    private static func split(_ authority: Substring) throws(Fault) -> (host: Substring, port: Int?) {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .invalid }
            host = authority[...end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw .invalid }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard let port else { return (host, nil) }
        guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(port),
            (1...65535).contains(number)
        else { throw .invalid }
        return (host, number)
    }

    private static func host(_ text: Substring, _ settings: WebhookSettings) throws(Fault) -> String {
        let isBracketed = text.hasPrefix("[")
        if let address = IPAddress(isBracketed ? text.dropFirst().dropLast() : text) {
            guard isBracketed == text.contains(":") else { throw .invalid }
            guard settings.policy.admits(address) else {
                throw .notAllowed("Addresses of networks that are not public are not allowed.")
            }
            return address.isIPv4 ? address.description : "[\(address)]"
        }
        guard !isBracketed else { throw .invalid }
        do throws(DomainFault) { return try DomainName(String(text)).ascii } catch {
            if error == .isAddress { throw .notAllowed("An address must be written in its usual form.") }
            throw error == .notQualified ? .notAllowed("The host must have a full name.") : .invalid
        }
    }
}
