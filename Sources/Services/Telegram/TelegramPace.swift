import Ground
import Synchronization

/// How fast Telegram wants to be spoken to: thirty messages a second of a bot, and one a second to a chat, of which a few
/// may come at once. Each node keeps to it by itself; where several together are too fast, Telegram says so.
public final class TelegramPace: Sendable {
    /// Of a chat: one message of it is under way at a time.
    static let longestWait = Duration.seconds(2)

    private struct Key: Hashable {
        let bot: Int64
        /// Empty for the bot as a whole.
        let chat: String
    }

    private static let mostRemembered = 10_000
    private static let bot = (interval: Int64(33), burst: Int64(30))
    private static let chat = (interval: Int64(1000), burst: Int64(3))

    /// When each may be spoken to at the earliest, were there no bursts; in milliseconds of uptime.
    private let times = Mutex<[Key: Int64]>([:])

    public init() {}

    /// Waits until it is this message's turn.
    func wait(bot: Int64, chat: String) async {
        let milliseconds = reserve(bot: bot, chat: chat, at: Uptime.milliseconds)
        guard milliseconds > 0 else { return }
        // Whoever is cancelled goes on at once, to hear that it is over.
        try? await Task.sleep(for: .milliseconds(milliseconds))
    }

    /// Takes the next turn.
    /// - Returns: milliseconds until it comes.
    public func reserve(bot: Int64, chat: String, at now: Int64) -> Int64 {
        times.withLock { times in
            if times.count > Self.mostRemembered { times = times.filter { $0.value > now } }
            var wait = Self.take(&times[Key(bot: bot, chat: ""), default: now], Self.bot, now)
            if !chat.isEmpty { wait = max(wait, Self.take(&times[Key(bot: bot, chat: chat), default: now], Self.chat, now)) }
            return min(wait, Self.longestWait.milliseconds)
        }
    }

    private static func take(_ time: inout Int64, _ rate: (interval: Int64, burst: Int64), _ now: Int64) -> Int64 {
        let turn = max(time, now)
        time = turn + rate.interval
        return max(0, turn - now - rate.interval * (rate.burst - 1))
    }
}
