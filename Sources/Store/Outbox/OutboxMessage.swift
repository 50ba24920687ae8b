import Ground
import SQL

/// A message that leaves the server, as stored.
public struct OutboxMessage: Sendable, RowDecodable {
    public enum State: String, Sendable, CaseIterable {
        case pending, sent
        /// Given up.
        case dead
    }

    public let id: UUID
    public let kind: String
    /// Messages of one lane do not hold up those of another.
    public let lane: String
    /// By what the receiver knows it: a message that is sent again has the same.
    public let messageID: UUID
    public let topic: String
    public let payload: String
    public var state = State.pending
    /// How often it was tried, the attempt under way included.
    public var attempts = 0
    public let createdAt: Timestamp
    /// While it is claimed: when the claim ends.
    public var nextAttemptAt: Timestamp
    public var claim: UUID?
    public var lastAttemptAt: Timestamp?
    public var lastStatus: Int?
    public var lastDuration: Duration?
    public var lastError: String?
    public var finishedAt: Timestamp?

    public init(id: UUID, kind: String, lane: String, messageID: UUID, topic: String, payload: String, at now: Timestamp) {
        self.id = id
        self.kind = kind
        self.lane = lane
        self.messageID = messageID
        self.topic = topic
        self.payload = payload
        createdAt = now
        nextAttemptAt = now
    }

    static let columns = """
        id, kind, lane, message_id, topic, payload, state, attempts, created_at, next_attempt_at, claim, \
        last_attempt_at, last_status, last_duration, last_error, finished_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        kind = try row.next()
        lane = try row.next()
        messageID = try row.next()
        topic = try row.next()
        payload = try row.next()
        let state: String = try row.next()
        guard let state = State(rawValue: state) else { throw .unexpected("outbox state \(state)") }
        self.state = state
        attempts = try row.next()
        createdAt = try row.next()
        nextAttemptAt = try row.next()
        claim = try row.next()
        lastAttemptAt = try row.next()
        lastStatus = try row.next()
        let milliseconds: Int64? = try row.next()
        lastDuration = milliseconds.map { .milliseconds($0) }
        lastError = try row.next()
        finishedAt = try row.next()
    }
}
