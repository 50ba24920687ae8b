import Ground
import SQL

/// The table of messages that leave the server.
public struct OutboxRepository: Sendable {
    let sql: any StatementRunner
    let letters: OutboxLetters?

    private static let insertMessage = Statement(
        """
        INSERT INTO outbox (id, kind, lane, message_id, topic, payload, created_at, next_attempt_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)

    /// Adds a message, to be sent once the transaction is committed.
    public func append(_ message: OutboxMessage) async throws(DatabaseError) {
        let values: [SQLValue] = [
            message.id.sqlValue, .text(message.kind), .text(message.lane), message.messageID.sqlValue,
            .text(message.topic), .text(message.payload), message.createdAt.sqlValue, message.nextAttemptAt.sqlValue,
        ]
        try await sql.run(Self.insertMessage, values)
        letters?.note()
    }

    // From lane to lane by the index: lanes are few, messages may be many.
    private static let dueLanes = Statement(
        """
        WITH RECURSIVE lanes (lane) AS (
            SELECT min(lane) FROM outbox WHERE state = 'pending'
            UNION ALL
            SELECT (SELECT min(o.lane) FROM outbox o WHERE o.state = 'pending' AND o.lane > lanes.lane)
            FROM lanes WHERE lanes.lane IS NOT NULL)
        SELECT lane FROM lanes WHERE lane IS NOT NULL AND EXISTS (
            SELECT 1 FROM outbox d WHERE d.state = 'pending' AND d.lane = lanes.lane AND d.next_attempt_at <= $1)
        """)

    /// The lanes in which something waits to be sent now, in their order.
    public func dueLanes(at now: Timestamp) async throws(DatabaseError) -> [String] {
        var lanes: [String] = []
        for var row in try await sql.run(Self.dueLanes, [now.sqlValue]) { lanes.append(try row.next()) }
        return lanes
    }

    private static func claimText(_ condition: String = "", locking: String) -> String {
        // The conditions stand twice: what another node has claimed while this one waited for the row is left to it.
        // Materialized, for a subquery that locks and skips may be run more than once, and then takes more than asked.
        """
        WITH due (due_id) AS MATERIALIZED (
            SELECT id FROM outbox o WHERE state = 'pending' AND lane = $1 AND next_attempt_at <= $2\(condition)
            ORDER BY next_attempt_at, id LIMIT $3\(locking))
        UPDATE outbox SET claim = $4, next_attempt_at = $5, attempts = attempts + 1
        FROM due WHERE id = due_id AND state = 'pending' AND next_attempt_at <= $2
        RETURNING \(OutboxMessage.columns)
        """
    }

    private static let claimMessages = Statement(
        sqlite: claimText(locking: ""), postgres: claimText(locking: " FOR UPDATE SKIP LOCKED"))

    private static let isFirstOfTopic = """
         AND NOT EXISTS (
            SELECT 1 FROM outbox e WHERE e.state = 'pending' AND e.lane = $1 AND e.topic = o.topic AND e.id < o.id)
        """
    private static let claimFirstMessages = Statement(
        sqlite: claimText(isFirstOfTopic, locking: ""),
        postgres: claimText(isFirstOfTopic, locking: " FOR UPDATE SKIP LOCKED"))

    /// Takes messages that are due, for this claim and until then alone.
    /// - Parameter inOrder: whether a message waits for those of its topic that were added before it.
    public func claim(
        _ count: Int, in lane: String, inOrder: Bool = false, as claim: UUID, until: Timestamp, at now: Timestamp
    ) async throws(DatabaseError) -> [OutboxMessage] {
        let values: [SQLValue] = [.text(lane), now.sqlValue, count.sqlValue, claim.sqlValue, until.sqlValue]
        return try await sql.run(inOrder ? Self.claimFirstMessages : Self.claimMessages, values).all()
    }

    private static let settleMessage = Statement(
        """
        UPDATE outbox SET state = $3, next_attempt_at = $4, last_attempt_at = $5, last_status = $6, last_duration = $7,
            last_error = $8, finished_at = $9, attempts = $10, claim = NULL
        WHERE id = $1 AND claim = $2 RETURNING id
        """)

    /// Writes what came of an attempt.
    /// - Returns: whether the claim still held; nothing has changed where it did not.
    public func settle(_ message: OutboxMessage) async throws(DatabaseError) -> Bool {
        let values: [SQLValue] = [
            message.id.sqlValue, message.claim.sqlValue, .text(message.state.rawValue), message.nextAttemptAt.sqlValue,
            message.lastAttemptAt.sqlValue, message.lastStatus.sqlValue,
            (message.lastDuration?.milliseconds).sqlValue, message.lastError.sqlValue, message.finishedAt.sqlValue,
            message.attempts.sqlValue,
        ]
        return try await !sql.run(Self.settleMessage, values).isEmpty
    }

    private static let forgetMessage = Statement("UPDATE outbox SET payload = '{}' WHERE id = $1")

    /// Forgets what a message said.
    public func forget(_ id: UUID) async throws(DatabaseError) { try await sql.run(Self.forgetMessage, [id.sqlValue]) }

    private static let reviveMessages = Statement(
        """
        UPDATE outbox SET state = 'pending', attempts = 0, next_attempt_at = $2, finished_at = NULL
        WHERE lane = $1 AND state = 'dead' AND payload <> '{}' RETURNING id
        """)

    /// Has the messages of a lane sent once more that were given up, but are not forgotten.
    /// - Returns: how many.
    public func revive(lane: String, at now: Timestamp) async throws(DatabaseError) -> Int {
        let count = try await sql.run(Self.reviveMessages, [.text(lane), now.sqlValue]).count
        if count > 0 { letters?.note() }
        return count
    }

    private static let releaseMessage = Statement(
        """
        UPDATE outbox SET claim = NULL, next_attempt_at = $3, attempts = attempts - 1 WHERE id = $1 AND claim = $2
        """)

    /// Gives a message back that was claimed and not tried.
    public func release(_ message: OutboxMessage, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.releaseMessage, [message.id.sqlValue, message.claim.sqlValue, now.sqlValue])
    }

    private static let page = Statement(
        """
        SELECT \(OutboxMessage.columns) FROM outbox WHERE lane = $1 AND (id < $2 OR $2 IS NULL)
        ORDER BY id DESC LIMIT $3
        """)

    /// The messages of a lane, the newest first.
    /// - Parameter after: the last of the page before.
    public func page(of lane: String, after: UUID?, limit: Int) async throws(DatabaseError) -> [OutboxMessage] {
        try await sql.run(Self.page, [.text(lane), after.sqlValue, limit.sqlValue]).all()
    }

    private static let byID = Statement("SELECT \(OutboxMessage.columns) FROM outbox WHERE id = $1 AND lane = $2")

    public func find(_ id: UUID, in lane: String) async throws(DatabaseError) -> OutboxMessage? {
        try await sql.run(Self.byID, [id.sqlValue, .text(lane)]).first()
    }

    private static let deleteLane = Statement("DELETE FROM outbox WHERE lane = $1")

    public func delete(lane: String) async throws(DatabaseError) { try await sql.run(Self.deleteLane, [.text(lane)]) }

    private static let sweepMessages = Statement(
        """
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)
        RETURNING id
        """)

    /// Deletes messages that were sent or given up long ago.
    /// - Returns: how many; as many as the limit when there may be more.
    public func sweep(finishedBefore limit: Timestamp, atMost count: Int) async throws(DatabaseError) -> Int {
        try await sql.run(Self.sweepMessages, [limit.sqlValue, count.sqlValue]).count
    }
}
