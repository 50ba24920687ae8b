import Ground
import Store
import Synchronization

/// Puts what bots say into the outbox, in the order in which it is said.
///
/// For all that nobody waits for. A call whose answer matters goes to `BotAPI`.
public final class BotMail: Sendable {
    private struct Last {
        var moment = Timestamp(milliseconds: 0)
        var number: UInt64 = 0
    }

    private static let mostOfMoment: UInt64 = 0xfff

    private let clock: Clock
    private let random: RandomSource
    private let last = Mutex(Last())

    init(clock: Clock, random: RandomSource) {
        self.clock = clock
        self.random = random
    }

    /// Has it sent once the transaction is committed.
    public func post(_ message: TelegramMessage, in repositories: Repositories) async throws {
        let now = clock.now
        try await repositories.outbox.append(message.inOutbox(id(at: now), at: now))
    }

    /// Version 7 with a number where it may have random bits, so that what was added later in the same millisecond
    /// comes later (RFC 9562, 6.2).
    private func id(at now: Timestamp) -> UUID {
        let (moment, number) = last.withLock { last in
            if now > last.moment {
                last = Last(moment: now)
            } else if last.number < Self.mostOfMoment {
                last.number += 1
            } else {
                last = Last(moment: last.moment + .milliseconds(1))
            }
            return (last.moment, last.number)
        }
        let some = UUID(at: moment, random: random)
        return UUID(high: some.high & ~Self.mostOfMoment | number, low: some.low)
    }
}
