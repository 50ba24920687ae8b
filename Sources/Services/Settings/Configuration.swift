import Countries
import Credentials
import Ground
import JOSE
import KeyValue

/// Every setting of the server, each declared once.
public struct Configuration: Sendable {
    public enum Environment: String, Sendable, CaseIterable { case development, production }
    public enum Registration: String, Sendable, CaseIterable { case open, closed }
    public enum HashAlgorithm: String, Sendable, CaseIterable { case argon2id, bcrypt }
    public enum SigningAlgorithm: String, Sendable, CaseIterable {
        case edDSA = "EdDSA"
        case es256 = "ES256"
        case rs256 = "RS256"
    }

    public let environment: Environment
    public let server: ServerSettings
    public let stores: StoreSettings
    public let tokens: TokenSettings
    public let passwords: PasswordSettings
    public let signIn: SignInSettings
    public let secondFactor: SecondFactorSettings
    public let audit: AuditSettings
    public let limits: LimitSettings
    public let webhooks: WebhookSettings
    public let telegram: TelegramSettings
    public let access: AccessSettings
    public let mail: MailSettings
    public let passkeys: PasskeySettings

    /// Reads every setting.
    /// - Throws: all that is wrong with them at once. A server must not start with a setting that it cannot read.
    public init(reading reader: inout SettingReader) throws(SettingReader.Faults) {
        reader.begin("Server")
        environment = reader.choice(
            "GATEHOUSE_ENV", default: .development, "In production the server makes no key of its own.")
        server = ServerSettings(reading: &reader)
        reader.begin("Stores")
        stores = StoreSettings(reading: &reader, dataDirectory: server.dataDirectory)
        reader.begin("Tokens and keys")
        tokens = TokenSettings(reading: &reader, publicURL: server.publicURL)
        reader.begin("Passwords")
        passwords = PasswordSettings(reading: &reader)
        reader.begin("Signing in")
        signIn = SignInSettings(reading: &reader)
        reader.begin("Second factors")
        secondFactor = SecondFactorSettings(reading: &reader)
        reader.begin("Audit log")
        audit = AuditSettings(reading: &reader)
        reader.begin("Rate limits")
        limits = LimitSettings(reading: &reader)
        reader.begin("Webhooks")
        webhooks = WebhookSettings(reading: &reader)
        reader.begin("Telegram")
        telegram = TelegramSettings(reading: &reader)
        reader.begin("Access")
        access = AccessSettings(reading: &reader)
        reader.begin("Mail")
        mail = MailSettings(reading: &reader, server: server, environment: environment)
        reader.begin("Passkeys")
        passkeys = PasskeySettings(reading: &reader, publicURL: server.publicURL)
        if environment == .production { demandSecurity(&reader) }
        guard reader.faults.isEmpty else { throw SettingReader.Faults(all: reader.faults) }
    }

    private func demandSecurity(_ reader: inout SettingReader) {
        if tokens.encryptionKey == nil { reader.fault("ENCRYPTION_KEY", "must be set in production") }
        if let secret = tokens.jwtSecret, let weakness = SecretText.weakness(ofSecret: secret) {
            reader.fault("JWT_SECRET", "is refused: \(weakness.message)")
        }
        if !server.publicURL.hasPrefix("https://") {
            reader.fault("PUBLIC_URL", "must be set in production, to the https address that people open")
        }
        if telegram.registersDirectly {
            reader.fault("TELEGRAM_DIRECT_REGISTRATION", "is refused in production: it lets anybody in as anybody")
        }
        if !passwords.scheme.isSufficient {
            reader.fault("PASSWORD_HASH", "is refused in production: the cost is below what OWASP asks for")
        }
    }
}

/// Where the server listens and keeps its data.
public struct ServerSettings: Sendable {
    public let host: String
    public let port: Int
    public let publicURL: String
    public let dataDirectory: String
    public let threads: Int
    public let trustedProxies: [AddressBlock]
    public let corsOrigins: [String]
    /// Whither browsers may go back that have signed in, besides this server itself.
    public let returnOrigins: [String]
    public let logLevel: LogLevel
    public let logsAccess: Bool
    public let metricsToken: String?
    public let bodyLimit: Int
    public let connections: Int
    public let connectionsPerAddress: Int
    public let headTime: Duration
    public let bodyTime: Duration
    public let idleTime: Duration
    public let drainTime: Duration

    public enum LogLevel: String, Sendable, CaseIterable { case debug, info, warning, error }

    init(reading reader: inout SettingReader) {
        host = reader.text("HOST", default: "127.0.0.1", "The address to listen on; 0.0.0.0 or :: for every one.")
        port = reader.integer("PORT", default: 8080, in: 0...65535, "The TCP port; 0 lets the system choose one.")
        let local = "http://localhost:\(port)"
        publicURL = reader.read(
            "PUBLIC_URL", "an http or https address without a path", default: local,
            shownAs: "http://localhost:PORT", "The address that people open. Links and the issuer are made of it."
        ) { Self.origin($0) }
        dataDirectory = reader.text("DATA_DIR", default: "./data", "The folder of the database and of keys.")
        threads = reader.integer("THREADS", default: 1, in: 1...64, "Event loops; one serves tens of thousands a second.")
        trustedProxies = reader.list(
            "TRUSTED_PROXIES", of: "addresses and CIDR blocks",
            "Reverse proxies whose X-Forwarded-For or Forwarded header is believed; nobody else's is."
        ) { AddressBlock($0) }
        corsOrigins = reader.list(
            "CORS_ORIGINS", of: "origins such as https://app.example.com",
            "Origins whose scripts may call with credentials and read the answers."
        ) { Self.origin($0) }
        returnOrigins = reader.list(
            "RETURN_ORIGINS", of: "origins such as https://app.example.com",
            "Origins that a browser may be sent back to when it has signed in elsewhere; this server is always one."
        ) { Self.origin($0) }
        logLevel = reader.choice("LOG_LEVEL", default: .info, "The least level that is written.")
        logsAccess = reader.flag("LOG_ACCESS", default: true, "Whether every request is logged.")
        metricsToken = reader.optionalText(
            "METRICS_TOKEN", isSecret: true,
            "The bearer token for /metrics. Without one, only programs on this machine may read it.")
        bodyLimit = reader.integer("MAX_BODY_BYTES", default: 65536, in: 1024...16_777_216, "The largest request body.")
        connections = reader.integer("MAX_CONNECTIONS", default: 10_000, in: 1...1_000_000, "Open connections in all.")
        connectionsPerAddress = reader.integer(
            "MAX_CONNECTIONS_PER_ADDRESS", default: 256, in: 1...1_000_000,
            "Open connections of one IPv4 address or IPv6 /64 network; trusted proxies are exempt.")
        headTime = reader.duration(
            "HEAD_TIMEOUT", default: "10s", from: .seconds(1), to: .seconds(300), "For a request's head to arrive.")
        bodyTime = reader.duration(
            "BODY_TIMEOUT", default: "20s", from: .seconds(1), to: .seconds(3600), "For a request's body to arrive.")
        idleTime = reader.duration(
            "IDLE_TIMEOUT", default: "60s", from: .seconds(1), to: .seconds(3600), "Between two requests of a connection.")
        drainTime = reader.duration(
            "DRAIN_TIMEOUT", default: "10s", from: .seconds(0), to: .seconds(300),
            "How long a stop waits for requests under way.")
    }

    /// What authenticator apps show beside a code: the host of `PUBLIC_URL`.
    public var issuerName: String {
        let host = publicURL.split(separator: "/").last.map(String.init) ?? publicURL
        return host.hasPrefix("[") ? host : String(host.prefix { $0 != ":" })
    }

    /// `https://host[:port]`, without a trailing slash; nil for anything else.
    static func origin(_ text: String) -> String? {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        let rest = text.hasPrefix("https://") ? text.dropFirst(8) : text.hasPrefix("http://") ? text.dropFirst(7) : ""
        let allowed = rest.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 58, 91, 93: true
            default: false
            }
        }
        return rest.isEmpty || !allowed ? nil : text.lowercased()
    }
}

/// Tokens and the keys that they are made with.
public struct TokenSettings: Sendable {
    public let jwtSecret: String?
    public let algorithm: Configuration.SigningAlgorithm
    public let accessLifetime: Duration
    public let refreshLifetime: Duration
    public let refreshGrace: Duration
    public let issuer: String
    public let audience: String
    public let clockSkew: Duration
    public let keyRotation: Duration
    public let encryptionKey: String?
    public let formerEncryptionKeys: [String]
    public let cacheCapacity: Int

    init(reading reader: inout SettingReader, publicURL: String) {
        jwtSecret = reader.readOptional(
            "JWT_SECRET", "a secret of 32 bytes or more", isSecret: true,
            "Signs access tokens with HS256 instead of a key pair. Whoever checks them needs it too."
        ) { $0.utf8.count >= 32 ? $0 : nil }
        algorithm = reader.choice(
            "JWT_ALGORITHM", default: .edDSA, "How access tokens are signed where JWT_SECRET is not set.")
        accessLifetime = reader.duration(
            "JWT_EXPIRES_IN", default: "15m", from: .seconds(10), to: .seconds(86400), "The life of an access token.")
        refreshLifetime = reader.duration(
            "JWT_REFRESH_EXPIRES_IN", default: "7d", from: .seconds(60), to: .seconds(365 * 86400),
            "The life of a refresh token, from its last rotation.")
        refreshGrace = reader.duration(
            "JWT_REFRESH_GRACE", default: "10s", from: .zero, to: .seconds(300),
            "How long a used refresh token still gets the same successor: several tabs, lost answers.")
        issuer = reader.read(
            "JWT_ISSUER", "text", default: publicURL, shownAs: "PUBLIC_URL", "The issuer that tokens name.") { $0 }
        audience = reader.text("JWT_AUDIENCE", default: "gatehouse", "The audience that tokens name.")
        clockSkew = reader.duration(
            "JWT_CLOCK_SKEW", default: "0s", from: .zero, to: .seconds(300),
            "How far the clocks of several nodes may differ.")
        keyRotation = reader.duration(
            "KEY_ROTATION", default: "90d", from: .seconds(86400), to: .seconds(3650 * 86400),
            "The life of a signing key; the former verifies until its last token has expired.")
        encryptionKey = reader.readOptional(
            "ENCRYPTION_KEY", "32 bytes as 64 hexadecimal digits or base64", isSecret: true,
            "Seals the secrets in the database. In development the server makes one under DATA_DIR."
        ) { Self.keyBytes($0) == nil ? nil : $0 }
        formerEncryptionKeys = reader.read(
            "ENCRYPTION_KEY_FORMER", "such keys, separated by commas", default: [], shownAs: "", isSecret: true,
            "Former encryption keys, which still open what they sealed."
        ) { text in
            let keys = text.split(separator: ",").map { String($0) }
            return keys.allSatisfy { Self.keyBytes($0) != nil } ? keys : nil
        }
        cacheCapacity = reader.integer(
            "TOKEN_CACHE", default: 16_384, in: 0...1_000_000, "Verified access tokens that are remembered.")
    }

    /// The 32 bytes that a key stands for; nil for anything else, or for a key that repeats one byte.
    public static func keyBytes(_ text: String) -> [UInt8]? {
        let base64 = String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" })
        guard let bytes = text.utf8.count == 64 ? Hex.decode(text) : Base64URL.decode(base64),
            bytes.count == 32, Set(bytes).count > 8
        else { return nil }
        return bytes
    }
}

/// What passwords must be like, and how they are hashed.
public struct PasswordSettings: Sendable {
    public let policy: PasswordPolicy
    public let scheme: PasswordScheme
    public let hashThreads: Int
    public let hashQueue: Int
    public let breached: BreachedSettings
    /// How many former passwords may not be chosen again.
    public let history: Int
    /// How long a password serves; nil: for ever.
    public let maximumAge: Duration?

    init(reading reader: inout SettingReader) {
        let minimum = reader.integer("PASSWORD_MIN_LENGTH", default: 8, in: 8...128, "The fewest characters.")
        let maximum = reader.integer("PASSWORD_MAX_LENGTH", default: 128, in: 8...128, "The most characters.")
        let upper = reader.flag("PASSWORD_REQUIRE_UPPERCASE", default: false, "Whether an upper-case letter is needed.")
        let lower = reader.flag("PASSWORD_REQUIRE_LOWERCASE", default: false, "Whether a lower-case letter is needed.")
        let digit = reader.flag("PASSWORD_REQUIRE_DIGIT", default: false, "Whether a digit is needed.")
        let special = reader.flag(
            "PASSWORD_REQUIRE_SPECIAL_CHAR", default: false, "Whether a character that is no letter or digit is needed.")
        let common = reader.flag("PASSWORD_BLOCK_COMMON", default: true, "Whether the passwords tried first are refused.")
        let score = reader.integer(
            "PASSWORD_MIN_SCORE", default: 2, in: 0...4, "The least zxcvbn score; 0 asks for none.")
        let policy = PasswordPolicy(
            minimumLength: minimum, maximumLength: maximum, requireUppercase: upper, requireLowercase: lower,
            requireDigit: digit, requireSpecialCharacter: special, blockCommon: common, minimumScore: score)
        if policy == nil { reader.fault("PASSWORD_MAX_LENGTH", "must not be less than PASSWORD_MIN_LENGTH") }
        self.policy = policy ?? PasswordPolicy.standard
        let algorithm = reader.choice("PASSWORD_HASH", default: Configuration.HashAlgorithm.argon2id, "How new passwords are hashed.")
        let memory = reader.integer("ARGON2_MEMORY", default: 19_456, in: 8...1_048_576, "Memory of one hash, in KiB.")
        let passes = reader.integer("ARGON2_PASSES", default: 2, in: 1...20, "Passes over that memory.")
        let cost = reader.integer("BCRYPT_COST", default: 12, in: 8...16, "The logarithm of bcrypt's rounds.")
        scheme = algorithm == .argon2id ? .argon2id(memoryKiB: memory, passes: passes) : .bcrypt(cost: cost)
        hashThreads = reader.integer(
            "HASH_THREADS", default: HashingPool.defaultThreads, shownAs: "processors - 1", in: 1...64,
            "Threads that hash passwords; at least one.")
        hashQueue = reader.integer(
            "HASH_QUEUE", default: 128, in: 0...10_000, "Hashes that may wait; above it the answer is 503.")
        breached = BreachedSettings(reading: &reader)
        history = reader.integer(
            "PASSWORD_HISTORY", default: 0, in: 0...24,
            "How many former passwords of a person may not be chosen again; their hashes are kept for it.")
        let age = reader.duration(
            "PASSWORD_MAX_AGE", default: "0", from: .zero, to: .seconds(3650 * 86400),
            "How long a password serves before signing in with it asks for another; 0: for ever.")
        maximumAge = age > .zero ? age : nil
    }
}

/// The rules of signing in.
public struct SignInSettings: Sendable {
    public let registration: Configuration.Registration
    public let maximumSessions: Int
    public let maximumAttempts: Int
    public let lockout: Duration
    public let deviceMemory: Duration
    public let logoutEverywhere: Bool
    public let sessionRetention: Duration
    /// nil: address lists know no countries.
    public let countries: CountryDatabase?

    init(reading reader: inout SettingReader) {
        registration = reader.choice("REGISTRATION", default: .open, "Whether anybody may register a company.")
        maximumSessions = reader.integer(
            "MAX_SESSIONS_PER_USER", default: 5, in: 1...1000, "Live sessions of one person; the oldest is ended.")
        maximumAttempts = reader.integer(
            "MAX_LOGIN_ATTEMPTS", default: 5, in: 1...100, "Failures in a row that lock an account.")
        lockout = reader.duration(
            "LOCKOUT_DURATION", default: "15m", from: .seconds(1), to: .seconds(86400), "How long an account stays locked.")
        deviceMemory = reader.duration(
            "KNOWN_DEVICE_MEMORY", default: "90d", from: .seconds(60), to: .seconds(3650 * 86400),
            "How long a device or address that signed in keeps its own way in while the account is locked.")
        logoutEverywhere = reader.flag("LOGOUT_EVERYWHERE", default: false, "Whether every logout ends all sessions.")
        sessionRetention = reader.duration(
            "SESSION_RETENTION", default: "30d", from: .seconds(86400), to: .seconds(3650 * 86400),
            "How long ended sessions stay in the list.")
        countries = reader.countries()
    }
}
