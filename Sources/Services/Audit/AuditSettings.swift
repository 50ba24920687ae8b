import Ground

/// How long the audit log is kept, and how often its end is signed for keeping.
public struct AuditSettings: Sendable {
    /// nil: for ever.
    public let retention: Duration?
    public let headInterval: Duration

    init(reading reader: inout SettingReader) {
        retention = reader.read(
            "AUDIT_RETENTION", "a time of at least a day, such as 365d, or off", default: .seconds(365 * 86400),
            shownAs: "365d", "How long the audit log is kept; off keeps all of it."
        ) { text -> Duration?? in
            if text == "off" { return .some(nil) }
            guard let time = SettingReader.duration(text), time >= .seconds(86400) else { return nil }
            return .some(time)
        }
        headInterval = reader.duration(
            "AUDIT_HEAD_INTERVAL", default: "1h", from: .seconds(10), to: .seconds(30 * 86400),
            "How often the signed end of the audit log is kept, and written to the server's log.")
    }
}
