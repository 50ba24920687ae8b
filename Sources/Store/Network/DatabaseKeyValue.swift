import Ground
import KeyValue
import SQL

/// A `KeyValue` in a table, and publishing through the database's notifications: for several nodes on PostgreSQL
/// without Redis.
public final class DatabaseKeyValue: KeyValue {
    private let database: any Database
    private let line: PostgreSQLDatabase
    private let clock: Clock

    /// - Parameters:
    ///   - database: holds the table; the schema must be up to date.
    ///   - line: carries what is published.
    public init(_ database: any Database, line: PostgreSQLDatabase, clock: Clock) {
        self.database = database
        self.line = line
        self.clock = clock
    }

    /// Its table stands and falls with the database.
    public var isConnected: Bool { true }
    public var provesItsLine: Bool { true }

    /// What a row is, as its column `kind` says.
    private enum Kind {
        static let value = 1
        static let counter = 2
        static let allowance = 3
    }

    private static let find = Statement("SELECT kind, value FROM key_values WHERE key = $1 AND expires_at > $2")

    public func get(_ key: String) async throws(KeyValueError) -> [UInt8]? {
        do {
            guard var row = try await database.read(Self.find, [.text(key), clock.now.sqlValue]).first else { return nil }
            guard try row.next(Int.self) == Kind.value else { throw KeyValueError.wrongKind }
            return try row.next()
        } catch { throw Self.told(error) }
    }

    private static let put = Statement(
        """
        INSERT INTO key_values (key, kind, value, expires_at) VALUES ($1, \(Kind.value), $2, $3)
        ON CONFLICT (key) DO UPDATE SET kind = \(Kind.value), value = $2, number = NULL, expires_at = $3 RETURNING key
        """)
    private static let putIfAbsent = Statement(
        """
        INSERT INTO key_values (key, kind, value, expires_at) VALUES ($1, \(Kind.value), $2, $3)
        ON CONFLICT (key) DO UPDATE SET kind = \(Kind.value), value = $2, number = NULL, expires_at = $3
        WHERE key_values.expires_at <= $4 RETURNING key
        """)

    @discardableResult
    public func set(_ key: String, _ value: [UInt8], for lifetime: Duration, onlyIfAbsent: Bool)
        async throws(KeyValueError) -> Bool
    {
        let now = clock.now
        var values: [SQLValue] = [.text(key), .bytes(value), (now + lifetime).sqlValue]
        if onlyIfAbsent { values.append(now.sqlValue) }
        return try await !run(onlyIfAbsent ? Self.putIfAbsent : Self.put, values).isEmpty
    }

    private static let delete = Statement("DELETE FROM key_values WHERE key = $1")

    public func remove(_ key: String) async throws(KeyValueError) { _ = try await run(Self.delete, [.text(key)]) }

    private static let exchangeValue = Statement(
        """
        UPDATE key_values SET value = $3, expires_at = $4
        WHERE key = $1 AND kind = \(Kind.value) AND substr(value, 1, length($2)) = $2 AND expires_at > $5 RETURNING key
        """)

    public func exchange(_ key: String, startingWith prefix: [UInt8], for new: [UInt8], lasting lifetime: Duration)
        async throws(KeyValueError) -> Exchange
    {
        let now = clock.now
        let values: [SQLValue] = [
            .text(key), .bytes(prefix), .bytes(new), (now + lifetime).sqlValue, now.sqlValue,
        ]
        if try await !run(Self.exchangeValue, values).isEmpty { return .exchanged }
        return .held(try await get(key))
    }

    // A counter stays as it is where the sum has no room in 64 bits. What has expired counts as nothing, whatever it was.
    private static let add = Statement(
        """
        INSERT INTO key_values (key, kind, number, expires_at) VALUES ($1, \(Kind.counter), $2, $3)
        ON CONFLICT (key) DO UPDATE SET
            kind = \(Kind.counter), value = NULL,
            number = CASE WHEN key_values.expires_at <= $4 THEN $2
                WHEN CASE WHEN $2 > 0 THEN key_values.number > 9223372036854775807 - $2
                    ELSE key_values.number < -9223372036854775807 - 1 - $2 END THEN key_values.number
                ELSE key_values.number + $2 END,
            expires_at = CASE WHEN key_values.expires_at <= $4 THEN $3 ELSE key_values.expires_at END
        WHERE key_values.kind = \(Kind.counter) OR key_values.expires_at <= $4
        RETURNING number
        """)

    public func increment(_ key: String, by amount: Int64, for lifetime: Duration) async throws(KeyValueError) -> Int64 {
        let now = clock.now
        let rows = try await run(Self.add, [.text(key), .integer(amount), (now + lifetime).sqlValue, now.sqlValue])
        do {
            guard let sum = try rows.value(Int64.self) else { throw KeyValueError.wrongKind }
            return sum
        } catch { throw Self.told(error) }
    }

    // The rule of `Allowance.decide`, in one atomic step: $2 is now, $3 the step of all
    // that is taken, $4 the whole period.
    private static let takeOne = Statement(
        """
        INSERT INTO key_values (key, kind, number, expires_at) VALUES ($1, \(Kind.allowance), $2 + $3, $2 + $3)
        ON CONFLICT (key) DO UPDATE SET
            kind = \(Kind.allowance), value = NULL,
            number = CASE WHEN key_values.expires_at > $2 THEN key_values.number ELSE $2 END + $3,
            expires_at = CASE WHEN key_values.expires_at > $2 THEN key_values.number ELSE $2 END + $3
        WHERE key_values.expires_at <= $2
            OR key_values.kind = \(Kind.allowance) AND key_values.number + $3 - $2 - $4 <= 0
        RETURNING number
        """)
    private static let wholeAt = Statement("SELECT kind, number FROM key_values WHERE key = $1 AND expires_at > $2")

    public func take(_ count: Int, of key: String, from allowance: Allowance) async throws(KeyValueError) -> Verdict {
        let now = clock.now
        let values: [SQLValue] = [
            .text(key), now.sqlValue, .integer(allowance.step * Int64(count)),
            .integer(allowance.step * Int64(allowance.count)),
        ]
        if try await !run(Self.takeOne, values).isEmpty { return .allowed }
        var held: Timestamp?
        do {
            if var row = try await database.read(Self.wholeAt, [.text(key), now.sqlValue]).first {
                guard try row.next(Int.self) == Kind.allowance else { throw KeyValueError.wrongKind }
                held = try row.next(Timestamp.self)
            }
        } catch { throw Self.told(error) }
        // Where it has become whole meanwhile, the next attempt will see it.
        let (verdict, _) = allowance.decide(count, wholeAt: held, now: now)
        return verdict == .allowed ? .wait(.milliseconds(1)) : verdict
    }

    public func publish(_ channel: String, _ message: [UInt8]) async throws(KeyValueError) {
        do { try await line.notify(channel, Base64URL.encode(message)) } catch { throw .unavailable("\(error)") }
    }

    public func subscribe(_ channel: String, _ handler: @escaping @Sendable (Heard) -> Void)
        async throws(KeyValueError) -> Subscription
    {
        let number = await line.listen(channel) { notice in
            switch notice {
            case .message(let words): if let bytes = Base64URL.decode(words) { handler(.message(bytes)) }
            case .interrupted: handler(.interrupted)
            case .proven: handler(.proven)
            case .resumed: handler(.resumed)
            }
        }
        return Subscription { [line] in line.ignore(channel, number) }
    }

    public func close() {}

    private static func told(_ error: any Error) -> KeyValueError { error as? KeyValueError ?? .unavailable("\(error)") }

    private func run(_ statement: Statement, _ values: [SQLValue]) async throws(KeyValueError) -> [Row] {
        do { return try await database.write(statement, values) } catch { throw .unavailable("\(error)") }
    }
}

/// The table behind ``DatabaseKeyValue``, for its upkeep.
public struct KeyValueRepository: Sendable {
    let sql: any StatementRunner

    private static let sweepExpired = Statement("DELETE FROM key_values WHERE expires_at <= $1")

    /// Deletes what has expired; it is found no more in any case.
    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepExpired, [moment.sqlValue])
    }
}
