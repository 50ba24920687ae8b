import Ground

/// The rules of second factors, and of proving oneself again.
public struct SecondFactorSettings: Sendable {
    /// How long whoever must have a second factor may do without.
    public let grace: Duration
    /// For how long a browser may be remembered; zero: not at all.
    public let deviceMemory: Duration
    /// How long ago somebody may have proved who they are who does what is sensitive.
    public let stepUpMaximumAge: Duration

    init(reading reader: inout SettingReader) {
        grace = reader.duration(
            "SECOND_FACTOR_GRACE", default: "7d", from: .zero, to: .seconds(365 * 86400),
            "How long whoever must have a second factor, by a role or a company, may do without; then it is set up at sign-in.")
        deviceMemory = reader.duration(
            "REMEMBER_DEVICE_FOR", default: "30d", from: .zero, to: .seconds(365 * 86400),
            "How long no second factor is asked for in a browser that somebody has had remembered; 0 remembers none.")
        stepUpMaximumAge = reader.duration(
            "STEP_UP_MAX_AGE", default: "10m", from: .seconds(60), to: .seconds(86400),
            "How long ago a person may have proved who they are who does what is sensitive.")
    }
}
