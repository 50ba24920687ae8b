import Ground

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
    public let redis: RedisAddress?
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
        redis = RedisAddress(reading: &reader)
        tokenStore = reader.choice(
            "TOKEN_STORE", default: .sql, "Where the state of refresh tokens lives; redis needs Redis.")
        if tokenStore == .redis, redis == nil { reader.fault("TOKEN_STORE", "is redis, and no Redis is configured") }
        leaseTime = reader.duration(
            "LEASE_TIME", default: "15s", from: .seconds(1), to: .seconds(600),
            "How long a node that does the work of all may be silent before another takes over.")
    }

    /// An address without its password.
    public static func masked(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://"), let at = url[scheme.upperBound...].lastIndex(of: "@"),
            let colon = url[scheme.upperBound..<at].firstIndex(of: ":")
        else { return url }
        return url[...colon] + "***" + url[at...]
    }
}

/// Where Redis is, in one of the three ways that it comes in.
public struct RedisAddress: Sendable {
    public enum Place: Sendable {
        case single(host: String, port: Int)
        case url(String)
        case cluster([String])
        case sentinels([String], master: String)
    }

    public let place: Place
    public let username: String?
    public let password: String?
    public let database: Int
    public let usesTLS: Bool
    public let caFile: String?

    /// nil where none is configured.
    init?(reading reader: inout SettingReader) {
        let url = reader.readOptional(
            "REDIS_URL", "redis://user:password@host:port/database, or rediss:// for TLS", isSecret: true,
            "Redis or Valkey, in one setting; goes before those below."
        ) { $0.hasPrefix("redis://") || $0.hasPrefix("rediss://") ? $0 : nil }
        let host = reader.optionalText("REDIS_HOST", "The host of a single Redis or Valkey.")
        let port = reader.integer("REDIS_PORT", default: 6379, in: 1...65535, "Its port.")
        username = reader.optionalText("REDIS_USERNAME", "The user of an access list; the default user without it.")
        password = reader.optionalText("REDIS_PASSWORD", isSecret: true, "The password.")
        database = reader.integer("REDIS_DB", default: 0, in: 0...1_000_000, "The number of the database; a cluster has only 0.")
        let cluster = reader.list("REDIS_CLUSTER", of: "host:port", "Some nodes of a Redis Cluster.") { Self.node($0) }
        let sentinels = reader.list("REDIS_SENTINELS", of: "host:port", "Sentinels that know the master.") { Self.node($0) }
        let master = reader.text("REDIS_SENTINEL_MASTER", default: "mymaster", "What the sentinels call the master.")
        usesTLS = reader.flag("REDIS_TLS", default: false, "Whether Redis is spoken to through TLS.")
        caFile = reader.optionalText("REDIS_CA_FILE", "Certificates that Redis is checked against; the system's without it.")
        if !cluster.isEmpty {
            place = .cluster(cluster)
        } else if !sentinels.isEmpty {
            place = .sentinels(sentinels, master: master)
        } else if let url {
            place = .url(url)
        } else if let host {
            place = .single(host: host, port: port)
        } else {
            return nil
        }
    }

    private static func node(_ text: String) -> String? {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port)
        else { return nil }
        return text
    }
}
