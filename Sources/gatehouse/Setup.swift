import Glibc
import Ground
import KeyValue
import SQL
import Services
import Store

/// Reads the configuration and opens what it names.
enum Setup {
    static func reader(_ options: Command.Options) -> SettingReader {
        var environment: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { environment[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return SettingReader(
            environment: environment, overrides: options.overrides.mapValues { ($0, .commandLine) })
    }

    /// - Throws: `SettingReader.Faults`.
    static func configuration(_ options: Command.Options) throws -> Configuration {
        var reader = reader(options)
        return try Configuration(reading: &reader)
    }

    /// What one setting says, whatever is wrong with others; nil where it says nothing.
    static func value(of name: String, _ options: Command.Options) -> String? {
        var reader = reader(options)
        _ = try? Configuration(reading: &reader)
        return reader.records.first { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    static func database(_ configuration: Configuration) throws -> any Database {
        let stores = configuration.stores
        guard !stores.isSQLite else {
            let path = String(stores.databaseURL.dropFirst("sqlite:".count))
            if path != ":memory:", let slash = path.lastIndex(of: "/") { try makeFolder(String(path[..<slash])) }
            return try SQLiteDatabase(path: path)
        }
        return try PostgreSQLDatabase(PostgreSQLSettings(stores, threads: configuration.server.threads))
    }

    /// What expires and what nodes tell each other: in Redis where one is configured, else in the database that
    /// nodes share, else in memory.
    static func keyValue(_ configuration: Configuration, beside database: any Database) throws -> any KeyValue {
        if let redis = configuration.stores.redis { return try RedisKeyValue(redis, clock: .system) }
        if let shared = database as? PostgreSQLDatabase {
            return DatabaseKeyValue(shared, line: shared, clock: .system)
        }
        return MemoryKeyValue(clock: .system)
    }

    /// A folder that only this user may look into, with those above it.
    static func makeFolder(_ path: String) throws {
        guard Files.makeFolder(path) else {
            throw DatabaseError.unavailable("cannot make the folder \(path): \(String(cString: strerror(errno)))")
        }
    }
}

/// The encryption key of a development server, in a file that only its user may read.
enum KeyFile {
    static func path(in folder: String) -> String { folder + "/encryption.key" }

    /// The key in the file.
    /// - Parameter mayBeMade: whether one is made where there is none.
    static func key(in folder: String, mayBeMade: Bool) throws -> [UInt8] {
        try Setup.makeFolder(folder)
        let path = path(in: folder)
        guard mayBeMade || access(path, F_OK) == 0 else {
            throw DatabaseError.unavailable(
                "the database is sealed by a key, and there is no \(path): set ENCRYPTION_KEY to that key")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        if descriptor >= 0 {
            defer { close(descriptor) }
            let key = RandomSource.system.bytes(32)
            let text = Array((Hex.encode(key) + "\n").utf8)
            guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
                throw DatabaseError.unavailable("cannot write \(path)")
            }
            return key
        }
        guard let text = read(path), let key = TokenSettings.keyBytes(text) else {
            throw DatabaseError.unavailable("\(path) holds no key that can be read; without it what it sealed is lost")
        }
        return key
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)).filter { $0 > 32 }, as: UTF8.self)
    }
}

extension PostgreSQLSettings {
    init(_ stores: StoreSettings, threads: Int) {
        self.init(url: stores.databaseURL)
        listenURL = stores.listenURL
        connectionsPerLoop = max(1, stores.poolSize / max(1, threads))
        connectTimeout = stores.connectTimeout
        statementTimeout = stores.statementTimeout
        poolTimeout = stores.poolTimeout
        preparesStatements = stores.preparesStatements
    }
}
