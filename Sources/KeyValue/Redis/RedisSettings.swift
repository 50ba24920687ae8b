import Ground

/// Where a Redis (or Valkey) is, and how to be let in.
public struct RedisSettings: Sendable {
    public enum Mode: Hashable, Sendable {
        case single
        case cluster
        /// The sentinels that `hosts` names know where the master of that name is.
        case sentinel(master: String, password: String?)
    }

    public enum TLS: Hashable, Sendable {
        case off
        /// TLS 1.2 or newer. The certificate must be good for the host's name or address, and signed by one of
        /// the file's (PEM), or by one that the system trusts where there is no file.
        case on(caFile: String?)
    }

    /// In single mode the first that answers is taken; in the other modes they are where the others are asked for.
    public var hosts: [RedisEndpoint]
    public var mode: Mode = .single
    /// nil is the user `default`.
    public var username: String?
    public var password: String?
    /// What the name of every key and channel starts with, to share a server with other programs.
    public var prefix = ""
    /// A cluster knows only database 0.
    public var database = 0
    public var tls: TLS = .off
    /// For the address, TLS and the greeting together.
    public var connectTimeout: Duration = .seconds(2)
    /// From the asking to the answer, a connect that was under way included.
    public var commandTimeout: Duration = .seconds(2)

    public init(hosts: [RedisEndpoint]) { self.hosts = hosts }
}

/// A host and a port.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16 = 6379) {
        self.host = host
        self.port = port
    }

    /// Reads `host`, `host:port`, `address` or `[address]:port`.
    public init?(_ text: some StringProtocol) {
        var host = text[...]
        var port = "6379"
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":") else { return nil }
                port = String(rest.dropFirst())
            }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = String(text[text.index(after: colon)...])
        }
        guard let port = UInt16(port), port > 0, !host.isEmpty, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        self.init(host: String(host), port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension RedisSettings {
    /// What is wrong with a URL, without a word of it: a password may stand anywhere.
    public struct InvalidURL: Error, Hashable, Sendable {
        public let reason: String
    }

    /// Reads `redis://[[user]:password@]host[:port][,host[:port]…][/database]`; `rediss` is with TLS.
    public static func parse(url: String) throws(InvalidURL) -> RedisSettings {
        guard let scheme = ["redis://", "rediss://"].first(where: { url.lowercased().hasPrefix($0) }) else {
            throw InvalidURL(reason: "it does not start with redis:// or rediss://")
        }
        var rest = url.dropFirst(scheme.count)
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw InvalidURL(reason: "parameters are not known; write ? and # in a password as %3F and %23")
        }
        var settings = RedisSettings(hosts: [])
        if let at = rest.lastIndex(of: "@") {
            try settings.readUser(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let database = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
            if !database.isEmpty {
                guard let number = Int(database), (0...65535).contains(number) else {
                    throw InvalidURL(reason: "the database is no number")
                }
                settings.database = number
            }
        }
        for host in rest.split(separator: ",", omittingEmptySubsequences: false) {
            guard let endpoint = RedisEndpoint(host) else { throw InvalidURL(reason: "a host or port cannot be read") }
            settings.hosts.append(endpoint)
        }
        if scheme == "rediss://" { settings.tls = .on(caFile: nil) }
        return settings
    }

    private mutating func readUser(_ text: Substring) throws(InvalidURL) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let user = PercentCoding.decode(first) else {
            throw InvalidURL(reason: "the user is not percent-encoded as it should be")
        }
        username = user.isEmpty ? nil : user
        guard parts.count == 2 else { return }
        guard let word = PercentCoding.decode(parts[1]) else {
            throw InvalidURL(reason: "the password is not percent-encoded as it should be")
        }
        password = word.isEmpty ? nil : word
    }
}
