import Ground

/// How people get access by asking for it, and how it is looked after.
public struct AccessSettings: Sendable {
    /// How long a request waits for an answer.
    public let requestLifetime: Duration
    /// How long one that is over is kept.
    public let requestRetention: Duration
    /// The roles that an approval in the bot gives.
    public let roles: [String]
    /// How long before access ends administrators are told; zero: never.
    public let endNotice: Duration
    /// How often somebody has to confirm that a person still needs access; nil: never.
    public let reviewEvery: Duration?

    init(reading reader: inout SettingReader) {
        requestLifetime = reader.duration(
            "ACCESS_REQUEST_LIFETIME", default: "14d", from: .seconds(60), to: .seconds(365 * 86400),
            "How long a request for access waits for an answer.")
        requestRetention = reader.duration(
            "ACCESS_REQUEST_RETENTION", default: "90d", from: .seconds(86400), to: .seconds(3650 * 86400),
            "How long a request that was decided, or has expired, is kept.")
        roles = reader.read(
            "ACCESS_REQUEST_ROLES", "a list of names of roles, separated by commas", default: [], shownAs: "",
            "The roles that an approval in the bot gives, where it names none; who approves must have what they permit."
        ) { text in
            text.split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty }
        }
        endNotice = reader.duration(
            "ACCESS_END_NOTICE", default: "3d", from: .zero, to: .seconds(90 * 86400),
            "How long before somebody's access ends administrators are told; 0 tells nobody.")
        let every = reader.duration(
            "ACCESS_REVIEW_EVERY", default: "0", from: .zero, to: .seconds(3650 * 86400),
            "How often an administrator must confirm that a person still needs access; 0: never.")
        reviewEvery = every > .zero ? every : nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
