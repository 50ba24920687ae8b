import Ground
import Services

/// A new webhook.
struct NewWebhookInput: Input {
    static let url = Field<String>.webhookURL("url", "Where messages go: an https address with the name of a host.")
    static let events = Field<[String]>.eventNames(
        "events", "Which events: their names, `user.*` for all that begin so, or `*`. Refreshes only by their own name.")
    static let description = Field<String>.text("description", 0...200, example: "The billing service", "For people.").optional
    static let enabled = Field<Bool>.flag("enabled", example: true, "Whether messages are sent.").optional
    static let company = Field<UUID>.id("company_id", "Whose events; null for everywhere.").nullable.optional
    static let fields: [any AnyField] = [url, events, description, enabled, company]

    let change: WebhookChange
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        change = WebhookChange(
            url: try values[Self.url], events: try values[Self.events],
            description: try values[optional: Self.description], isEnabled: try values[optional: Self.enabled])
        company = try values[optional: Self.company] ?? nil
    }
}

/// What is to be changed about a webhook.
struct WebhookInput: Input {
    static let url = NewWebhookInput.url.optional
    static let events = NewWebhookInput.events.optional
    static let fields: [any AnyField] = [url, events, NewWebhookInput.description, NewWebhookInput.enabled]

    let change: WebhookChange

    init(_ values: InputValues) throws(AuthError) {
        change = WebhookChange(
            url: try values[optional: Self.url], events: try values[optional: Self.events],
            description: try values[optional: NewWebhookInput.description],
            isEnabled: try values[optional: NewWebhookInput.enabled])
    }
}

extension Field where Value == String {
    /// An address that webhooks may go to, as far as its form tells.
    static func webhookURL(_ name: String, _ summary: String) -> Field {
        Field(
            name,
            schema: [
                .init("type", "string"), .init("minLength", 8), .init("maxLength", 2048),
                .init("pattern", #"^[Hh][Tt][Tt][Pp][Ss]?://[^#\\"<>\x00-\x20\x7f]+$"#),
            ], example: "https://example.com/hooks/gatehouse", summary
        ) { value in
            guard let text = value.string else { return .failure(Refusal("not_text", "This must be text.")) }
            guard (8...2048).contains(text.unicodeScalars.count) else {
                return .failure(Refusal("too_long", "This must have 8 to 2048 characters."))
            }
            return .success(text)
        }
    }
}

extension Field where Value == [String] {
    /// Names and patterns of events.
    static func eventNames(_ name: String, _ summary: String) -> Field {
        let pattern = #"^(\*|[a-z_]+\.(\*|[a-z_]+))$"#
        return Field(
            name,
            schema: [
                .init("type", "array"), .init("minItems", 1), .init("maxItems", 50), .init("uniqueItems", true),
                .init("items", ["type": "string", "maxLength": 64, "pattern": .string(pattern)]),
            ], example: ["user.*", "sign_in.failed"], summary
        ) { value in
            guard let items = value.array else { return .failure(Refusal("not_list", "This must be a list.")) }
            let names = items.compactMap(\.string)
            guard names.count == items.count else { return .failure(Refusal("not_text", "These must be texts.")) }
            guard (1...50).contains(names.count), Set(names).count == names.count else {
                return .failure(Refusal("out_of_range", "This must have 1 to 50 entries, each once."))
            }
            guard names.allSatisfy(isEventName) else {
                return .failure(Refusal("event_unknown", "These must be names such as user.deleted, user.* or *."))
            }
            return .success(names)
        }
    }

    private static func isEventName(_ text: String) -> Bool {
        func isWord(_ word: Substring) -> Bool {
            !word.isEmpty && word.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 }
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 64, let first = parts.first, let last = parts.last else { return false }
        return text == "*" || parts.count == 2 && isWord(first) && (last == "*" || isWord(last))
    }
}
