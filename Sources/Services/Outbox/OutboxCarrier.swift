import Ground
import Store

/// Sends the messages of one kind.
protocol OutboxCarrier: Sendable {
    /// Whether messages of one lane and one topic go one after the other, in the order in which they were added.
    var keepsOrder: Bool { get }
    /// How many messages of a lane may be under way.
    var mostAtOnce: Int { get }
    /// Sends a message.
    /// - Throws: where it could not even be tried.
    func carry(_ message: OutboxMessage) async throws -> Carried
}

extension OutboxCarrier {
    var keepsOrder: Bool { false }
    var mostAtOnce: Int { 4 }
}

/// What came of an attempt to send a message.
struct Carried: Sendable {
    enum Verdict: Hashable, Sendable {
        case sent
        case failed
        /// It will never be taken.
        case hopeless
        case notTried
        /// The receiver wants to be left alone for so long, by the whole lane. It does not count as an attempt.
        case postponed(Duration)
    }

    let verdict: Verdict
    var status: Int?
    var duration: Duration?
    /// A stable name for what went wrong.
    var error: String?
    /// What else is written in the transaction of the outcome.
    var alongside: (@Sendable (Repositories) async throws -> Void)?
    /// What is done once that is committed.
    var afterwards: (@Sendable () async -> Void)?
}
