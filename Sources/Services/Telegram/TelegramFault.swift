/// Why what is said to come from Telegram proves nothing.
public enum TelegramFault: Error, Sendable, Equatable {
    /// It has not the form that Telegram gives it; with what is wrong, for whoever built the client.
    case malformed(String)
    /// It is not signed by Telegram for a bot of this server.
    case notSigned
    case expired
    /// It is dated later than clocks differ.
    case inFuture
    /// Somebody has signed in with it already.
    case replayed
}
