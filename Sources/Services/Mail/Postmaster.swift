import Credentials
import Ground
import Outgoing
import Store

/// What the operator asks of mail: to see it, to try it, and what became of it.
public struct Postmaster: Sendable {
    private static let page = 500

    /// A message that was given up.
    public struct DeadLetter: Sendable {
        public let id: UUID
        public let kind: String
        public let attempts: Int
        public let createdAt: Timestamp
        public let error: String
        public let status: Int?
        /// Whether it is still there to be sent.
        public let isWhole: Bool
    }

    /// What the mail server said to a message.
    public struct Report: Sendable {
        /// nil: it has taken it.
        public let fault: String?
        /// Its last answer.
        public let answer: String
        public let milliseconds: Int64
    }

    let carrier: MailCarrier
    let store: DataStore
    let clock: Clock
    let random: RandomSource

    /// Sends a message now, and tells what the mail server said to it.
    /// - Throws: `.mailNotConfigured`.
    public func test(to address: EmailAddress) async throws(AuthError) -> Report {
        guard case .server(let server) = carrier.settings.route else { throw .mailNotConfigured }
        let now = clock.now
        let language = carrier.settings.language
        let message = MailMessage(.test, [.moment: MailMoment.text(now)], in: language)
        guard let text = carrier.text(of: message, to: address, as: UUID(at: now, random: random)) else {
            throw .unexpected(because: "there is no template for a test")
        }
        let outcome = await carrier.send(text, to: address, through: server)
        return Report(
            fault: outcome.fault?.rawValue, answer: outcome.status.map { "answer \($0)" } ?? "no answer",
            milliseconds: outcome.duration.milliseconds)
    }

    /// The messages that were given up, the newest first, as long as they are kept.
    public func deadLetters() async throws(AuthError) -> [DeadLetter] {
        var letters: [DeadLetter] = []
        var last: UUID?
        do {
            while true {
                let page = try await store.reading.outbox.page(of: Letter.lane, after: last, limit: Self.page)
                letters += page.filter { $0.state == .dead }.map { message in
                    DeadLetter(
                        id: message.id, kind: message.topic, attempts: message.attempts, createdAt: message.createdAt,
                        error: message.lastError ?? "", status: message.lastStatus, isWhole: message.payload.utf8.count > 2)
                }
                guard page.count == Self.page else { return letters }
                last = page.last?.id
            }
        } catch { throw .from(error) }
    }

    /// Has those sent once more that are still there.
    /// - Returns: how many.
    public func retry() async throws(AuthError) -> Int {
        let now = clock.now
        do { return try await store.transaction { try await $0.outbox.revive(lane: Letter.lane, at: now) } } catch {
            throw .from(error)
        }
    }
}
