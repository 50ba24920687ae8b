import Ground
import SQL

/// The tables of what bots hear: updates that were handled, and the sessions of people who talk with bots.
public struct BotTalkRepository: Sendable {
    let sql: any StatementRunner

    private static let claimUpdate = Statement(
        """
        INSERT INTO telegram_updates (bot_id, update_id, claimed_until) VALUES ($1, $2, $3)
        ON CONFLICT (bot_id, update_id) DO UPDATE SET claimed_until = $3
        WHERE telegram_updates.done_at IS NULL AND telegram_updates.claimed_until <= $4
        RETURNING claimed_until
        """)

    /// Takes an update that nobody handles, or whose claim has ended.
    /// - Returns: whether it is the caller's now.
    public func claim(_ update: Int64, of bot: Int64, until end: Timestamp, at now: Timestamp)
        async throws(DatabaseError) -> Bool
    {
        try await !sql.run(Self.claimUpdate, [bot.sqlValue, update.sqlValue, end.sqlValue, now.sqlValue]).isEmpty
    }

    private static let isDone = Statement(
        "SELECT 1 FROM telegram_updates WHERE bot_id = $1 AND update_id = $2 AND done_at IS NOT NULL")

    public func isDone(_ update: Int64, of bot: Int64) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.isDone, [bot.sqlValue, update.sqlValue]).isEmpty
    }

    private static let finishUpdate = Statement(
        """
        UPDATE telegram_updates SET done_at = $3 WHERE bot_id = $1 AND update_id = $2 AND done_at IS NULL
        RETURNING update_id
        """)

    /// - Returns: false where somebody else was faster.
    public func finish(_ update: Int64, of bot: Int64, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.finishUpdate, [bot.sqlValue, update.sqlValue, now.sqlValue]).isEmpty
    }

    private static let releaseUpdate = Statement(
        "UPDATE telegram_updates SET claimed_until = 0 WHERE bot_id = $1 AND update_id = $2 AND done_at IS NULL")

    /// Lets it be handled again at once.
    public func release(_ update: Int64, of bot: Int64) async throws(DatabaseError) {
        try await sql.run(Self.releaseUpdate, [bot.sqlValue, update.sqlValue])
    }

    private static let sessionOf = Statement(
        "SELECT session_id FROM telegram_talks WHERE bot_id = $1 AND telegram_id = $2")

    /// The session of a person who talks with a bot.
    public func session(bot: Int64, telegramID: Int64) async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.sessionOf, [bot.sqlValue, telegramID.sqlValue]).value()
    }

    private static let holdSession = Statement(
        """
        INSERT INTO telegram_talks (bot_id, telegram_id, session_id, expires_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (bot_id, telegram_id) DO UPDATE SET session_id = $3, expires_at = $4
        """)

    public func hold(_ session: UUID, bot: Int64, telegramID: Int64, until expiry: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.holdSession, [bot.sqlValue, telegramID.sqlValue, session.sqlValue, expiry.sqlValue])
    }

    private static let sweeps = [
        "DELETE FROM telegram_updates WHERE claimed_until < $1", "DELETE FROM telegram_talks WHERE expires_at < $1",
        "DELETE FROM telegram_codes WHERE expires_at < $1", "DELETE FROM telegram_questions WHERE expires_at < $1",
    ].map { Statement($0) }

    /// Forgets what Telegram does not send again, and what has ended.
    public func sweep(endedBefore moment: Timestamp) async throws(DatabaseError) {
        for sweep in Self.sweeps { try await sql.run(sweep, [moment.sqlValue]) }
    }
}
