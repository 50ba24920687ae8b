import Ground
import KeyValue

/// Where what must last is kept, and what expires.
public struct StoreSettings: Sendable {
    /// Where the state of refresh tokens lives.
    public enum TokenStore: String, Sendable, CaseIterable { case sql, redis }

    /// `sqlite:PATH` or `postgres://…`.
    public let databaseURL: String
    public let listenURL: String?
    public let poolSize: Int
    public let connectTimeout: Duration
    public let statementTimeout: Duration
    public let poolTimeout: Duration
    public let preparesStatements: Bool
    public let redis: RedisSettings?
    public let tokenStore: TokenStore
    public let leaseTime: Duration

    public var isSQLite: Bool { databaseURL.hasPrefix("sqlite:") }

    init(reading reader: inout SettingReader, dataDirectory: String) {
        databaseURL = reader.read(
            "DATABASE_URL", "sqlite:PATH or postgres://user:password@host/database",
            default: "sqlite:\(dataDirectory)/gatehouse.db", shownAs: "sqlite:DATA_DIR/gatehouse.db",
            "Where everything that lasts is kept.", masks: Self.masked
        ) { text in
            let isKnown = ["sqlite:", "postgres://", "postgresql://"].contains { text.hasPrefix($0) && text != $0 }
            return isKnown ? text : nil
        }
        listenURL = reader.readOptional(
            "DATABASE_LISTEN_URL", "postgres://user:password@host/database", isSecret: true,
            "PostgreSQL without a pooler before it, for hearing of other nodes; needed where DATABASE_URL is a pooler's."
        ) { $0.hasPrefix("postgres://") || $0.hasPrefix("postgresql://") ? $0 : nil }
        poolSize = reader.integer(
            "DATABASE_POOL", default: 16, in: 1...1000, "Connections to PostgreSQL, shared among the event loops.")
        connectTimeout = reader.duration(
            "DATABASE_CONNECT_TIMEOUT", default: "2s", from: .seconds(2), to: .seconds(60),
            "For a connection to PostgreSQL to open.")
        statementTimeout = reader.duration(
            "DATABASE_STATEMENT_TIMEOUT", default: "5s", from: .milliseconds(100), to: .seconds(300),
            "For PostgreSQL to answer one statement.")
        poolTimeout = reader.duration(
            "DATABASE_POOL_TIMEOUT", default: "2s", from: .milliseconds(100), to: .seconds(60),
            "For a connection to PostgreSQL to become free; after that the answer is 503.")
        preparesStatements = reader.flag(
            "DATABASE_PREPARED", default: true,
            "Whether statements are prepared; off behind a pooler in transaction mode.")
        redis = reader.redis()
        tokenStore = reader.choice(
            "TOKEN_STORE", default: .sql, "Where the state of refresh tokens lives; redis needs Redis.")
        if tokenStore == .redis, redis == nil { reader.fault("TOKEN_STORE", "is redis, and no Redis is configured") }
        leaseTime = reader.duration(
            "LEASE_TIME", default: "15s", from: .seconds(1), to: .seconds(600),
            "How long a node that does the work of all may be silent before another takes over.")
    }

    /// An address without its password.
    public static func masked(_ url: String) -> String {
        let url = withoutPasswords(inParametersOf: url)
        guard let scheme = url.firstRange(of: "://"), let at = url[scheme.upperBound...].lastIndex(of: "@"),
            let colon = url[scheme.upperBound..<at].firstIndex(of: ":")
        else { return url }
        return url[...colon] + "***" + url[at...]
    }

    private static func withoutPasswords(inParametersOf url: String) -> String {
        guard let mark = url.firstIndex(of: "?") else { return url }
        let parameters = url[url.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false).map {
            parameter -> String in
            let name = parameter.prefix { $0 != "=" }
            return name.lowercased().contains("password") ? name + "=***" : String(parameter)
        }
        return url[...mark] + parameters.joined(separator: "&")
    }
}

extension SettingReader {
    /// Redis, in one of the ways that it comes in; nil where none is configured.
    mutating func redis() -> RedisSettings? {
        let url = readOptional(
            "REDIS_URL", "redis://user:password@host:port/database, or rediss:// for TLS", isSecret: true,
            "A single Redis or Valkey in one setting, instead of REDIS_HOST and what belongs to it."
        ) { try? RedisSettings.parse(url: $0) }
        let host = optionalText("REDIS_HOST", "The host of a single Redis or Valkey.")
        let port = integer("REDIS_PORT", default: 6379, in: 1...65535, "Its port.")
        let username = optionalText("REDIS_USERNAME", "The user of an access list; the default user without it.")
        let password = optionalText("REDIS_PASSWORD", isSecret: true, "The password.")
        let database = integer("REDIS_DB", default: 0, in: 0...65535, "The number of the database; a cluster has only 0.")
        let cluster = list("REDIS_CLUSTER", of: "host:port", "Some nodes of a Redis Cluster.") { RedisEndpoint($0) }
        let sentinels = list("REDIS_SENTINELS", of: "host:port", "Sentinels that know the master.") { RedisEndpoint($0) }
        let master = text("REDIS_SENTINEL_MASTER", default: "mymaster", "What the sentinels call the master.")
        let sentinelPassword = optionalText(
            "REDIS_SENTINEL_PASSWORD", isSecret: true, "The password of the sentinels themselves.")
        let prefix = text(
            "REDIS_PREFIX", default: "gatehouse:", "What the name of every key and channel in Redis starts with.")
        let usesTLS = flag("REDIS_TLS", default: false, "Whether Redis is spoken to through TLS.")
        let caFile = optionalText("REDIS_CA_FILE", "Certificates that Redis is checked against; the system's without it.")

        if [!cluster.isEmpty, !sentinels.isEmpty, url != nil, host != nil].count(where: { $0 }) > 1 {
            fault("REDIS_HOST, REDIS_URL, REDIS_CLUSTER, REDIS_SENTINELS", "say where Redis is in more than one way")
        }
        if cluster.isEmpty, sentinels.isEmpty, var settings = url {
            if usesTLS || settings.tls != .off { settings.tls = .on(caFile: caFile) }
            settings.prefix = prefix
            return settings
        }
        var settings = RedisSettings(hosts: cluster)
        if !cluster.isEmpty {
            settings.mode = .cluster
        } else if !sentinels.isEmpty {
            settings.hosts = sentinels
            settings.mode = .sentinel(master: master, password: sentinelPassword)
        } else if let host {
            settings.hosts = [RedisEndpoint(host: host, port: UInt16(clamping: port))]
        } else {
            return nil
        }
        settings.username = username
        settings.password = password
        settings.database = database
        settings.prefix = prefix
        if usesTLS { settings.tls = .on(caFile: caFile) }
        return settings
    }
}
