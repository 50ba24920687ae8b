import Ground
import SQL

/// The table of leases: which node does the work that one at a time must do.
public struct LeaseRepository: Sendable {
    let sql: any StatementRunner

    private static let takeLease = Statement(
        """
        INSERT INTO leases (name, owner, fence, expires_at) VALUES ($1, $2, 1, $3)
        ON CONFLICT (name) DO UPDATE SET owner = $2, expires_at = $3,
            fence = CASE WHEN leases.owner = $2 THEN leases.fence ELSE leases.fence + 1 END
        WHERE leases.owner = $2 OR leases.expires_at <= $4
        RETURNING fence
        """)

    /// Takes a lease that nobody holds, or holds one's own for longer.
    /// - Returns: its fence, which rises whenever the lease changes hands; nil when another holds it.
    public func take(_ name: String, for owner: String, until: Timestamp, at now: Timestamp)
        async throws(DatabaseError) -> Int64?
    {
        try await sql.run(Self.takeLease, [.text(name), .text(owner), until.sqlValue, now.sqlValue]).value()
    }

    private static let findLease = Statement("SELECT fence FROM leases WHERE name = $1 AND owner = $2")

    /// Whether the lease has not changed hands since that fence.
    public func holds(_ name: String, owner: String, fence: Int64) async throws(DatabaseError) -> Bool {
        try await sql.run(Self.findLease, [.text(name), .text(owner)]).value(Int64.self) == fence
    }

    private static let dropLease = Statement("UPDATE leases SET expires_at = 0 WHERE name = $1 AND owner = $2")

    /// Lets another node have it at once.
    public func release(_ name: String, owner: String) async throws(DatabaseError) {
        try await sql.run(Self.dropLease, [.text(name), .text(owner)])
    }
}
