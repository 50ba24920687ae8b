import Store

/// Names and patterns of events: `user.deleted`, `user.*`, `*`.
enum WebhookEvents {
    /// The message by which a webhook is tried out.
    static let test = "webhook.test"

    /// Whether whoever asked for these names and patterns wants to hear of this event. Refreshes are too many to be
    /// meant by a pattern.
    static func match(_ wanted: [String], _ event: String) -> Bool {
        if wanted.contains(event) { return true }
        guard event != AuditEvent.Kind.sessionRefreshed.rawValue else { return false }
        return wanted.contains { $0 == "*" || $0.hasSuffix(".*") && event.hasPrefix($0.dropLast()) }
    }

    /// Whether the text names an event, or a pattern that fits some.
    static func isKnown(_ text: String) -> Bool {
        AuditEvent.Kind.allCases.contains { $0.rawValue == text || match([text], $0.rawValue) }
    }
}
