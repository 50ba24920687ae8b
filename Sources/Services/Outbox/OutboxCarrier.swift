import Ground
import Store

/// Sends the messages of one kind.
protocol OutboxCarrier: Sendable {
    /// Sends a message.
    /// - Throws: where it could not even be tried.
    func carry(_ message: OutboxMessage) async throws -> Carried
}

/// What came of an attempt to send a message.
struct Carried: Sendable {
    enum Verdict: Sendable {
        case sent
        case failed
        /// It will never be taken.
        case hopeless
        case notTried
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
