import Ground
import SQL

/// A key of the server, sealed.
public struct StoredKey: Sendable, RowDecodable {
    public let id: String
    public let purpose: String
    public let algorithm: String
    public let sealed: [UInt8]
    public let createdAt: Timestamp
    /// From when it signs.
    public let activatesAt: Timestamp

    public init(
        id: String, purpose: String, algorithm: String, sealed: [UInt8], createdAt: Timestamp, activatesAt: Timestamp
    ) {
        self.id = id
        self.purpose = purpose
        self.algorithm = algorithm
        self.sealed = sealed
        self.createdAt = createdAt
        self.activatesAt = activatesAt
    }

    static let columns = "id, purpose, algorithm, sealed, created_at, activates_at"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        purpose = try row.next()
        algorithm = try row.next()
        sealed = try row.next()
        createdAt = try row.next()
        activatesAt = try row.next()
    }
}

/// The table of the server's keys.
public struct KeyRepository: Sendable {
    let sql: any StatementRunner

    private static let insertKey = Statement(
        "INSERT INTO server_keys (\(StoredKey.columns)) VALUES ($1, $2, $3, $4, $5, $6)")

    public func insert(_ key: StoredKey) async throws(DatabaseError) {
        let values: [SQLValue] = [
            key.id.sqlValue, key.purpose.sqlValue, key.algorithm.sqlValue, key.sealed.sqlValue,
            key.createdAt.sqlValue, key.activatesAt.sqlValue,
        ]
        try await sql.run(Self.insertKey, values)
    }

    private static let ofPurpose = Statement(
        "SELECT \(StoredKey.columns) FROM server_keys WHERE purpose = $1 ORDER BY activates_at, id")

    /// Those for one purpose, the one that signs last at the end.
    public func all(for purpose: String) async throws(DatabaseError) -> [StoredKey] {
        try await sql.run(Self.ofPurpose, [purpose.sqlValue]).all()
    }

    private static let anyKey = Statement("SELECT 1 FROM server_keys LIMIT 1")

    public func isEmpty() async throws(DatabaseError) -> Bool { try await sql.run(Self.anyKey, []).isEmpty }

    private static let removeKey = Statement("DELETE FROM server_keys WHERE id = $1")

    public func remove(_ id: String) async throws(DatabaseError) {
        try await sql.run(Self.removeKey, [id.sqlValue])
    }
}
