import Ground
import SQL

/// The table of webhooks. Where a method takes `within`, webhooks of other companies are not there for it; nil is
/// everywhere.
public struct WebhookRepository: Sendable {
    let sql: any StatementRunner

    private static let insertWebhook = Statement(
        """
        INSERT INTO webhooks (id, company_id, url, events, description, enabled, secret, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
        """)

    public func insert(_ webhook: Webhook) async throws(DatabaseError) {
        let values: [SQLValue] = [
            webhook.id.sqlValue, webhook.companyID.sqlValue, .text(webhook.url), Self.text(of: webhook.events),
            .text(webhook.description), webhook.isEnabled.sqlValue, .bytes(webhook.secret), webhook.createdAt.sqlValue,
        ]
        try await sql.run(Self.insertWebhook, values)
    }

    private static func text(of events: [String]) -> SQLValue { .text(events.joined(separator: " ")) }

    private static let countWebhooks = Statement(
        sqlite: "SELECT count(*) FROM webhooks WHERE company_id IS $1",
        postgres: "SELECT count(*) FROM webhooks WHERE company_id IS NOT DISTINCT FROM $1")

    /// How many a company has; nil: how many there are for everywhere.
    public func count(ofCompany company: UUID?) async throws(DatabaseError) -> Int {
        try await sql.run(Self.countWebhooks, [company.sqlValue]).value() ?? 0
    }

    private static let byID = Statement(
        "SELECT \(Webhook.columns) FROM webhooks WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)")

    public func find(_ id: UUID, within company: UUID?) async throws(DatabaseError) -> Webhook? {
        try await sql.run(Self.byID, [id.sqlValue, company.sqlValue]).first()
    }

    private static let page = Statement(
        """
        SELECT \(Webhook.columns) FROM webhooks
        WHERE (company_id = $1 OR $1 IS NULL) AND (id < $2 OR $2 IS NULL) ORDER BY id DESC LIMIT $3
        """)

    /// The newest first.
    public func page(within company: UUID?, after: UUID?, limit: Int) async throws(DatabaseError) -> [Webhook] {
        try await sql.run(Self.page, [company.sqlValue, after.sqlValue, limit.sqlValue]).all()
    }

    private static let updateWebhook = Statement(
        """
        UPDATE webhooks SET url = $2, events = $3, description = $4, enabled = $5, disabled_reason = $6, secret = $7,
            former_secret = $8, former_until = $9, failing_since = $10, updated_at = $11
        WHERE id = $1
        """)

    /// Writes all that can change.
    public func update(_ webhook: Webhook) async throws(DatabaseError) {
        let values: [SQLValue] = [
            webhook.id.sqlValue, .text(webhook.url), Self.text(of: webhook.events), .text(webhook.description),
            webhook.isEnabled.sqlValue, (webhook.disabledReason?.rawValue).sqlValue, .bytes(webhook.secret),
            webhook.formerSecret.sqlValue, webhook.formerUntil.sqlValue, webhook.failingSince.sqlValue,
            webhook.updatedAt.sqlValue,
        ]
        try await sql.run(Self.updateWebhook, values)
    }

    private static let deleteWebhook = Statement("DELETE FROM webhooks WHERE id = $1")

    public func delete(_ id: UUID) async throws(DatabaseError) { try await sql.run(Self.deleteWebhook, [id.sqlValue]) }

    private static let allSubscriptions = Statement(
        """
        SELECT id, company_id, events FROM webhooks w WHERE enabled = 1 AND (company_id IS NULL OR EXISTS (
            SELECT 1 FROM companies c WHERE c.id = w.company_id AND c.deleted_at IS NULL))
        """)

    /// What the enabled webhooks want to hear of.
    public func subscriptions() async throws(DatabaseError) -> [WebhookSubscription] {
        try await sql.run(Self.allSubscriptions, []).all()
    }

    private static let markFailing = Statement(
        "UPDATE webhooks SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL")

    /// Notes that an attempt failed, where the one before had not.
    public func markFailing(_ id: UUID, since: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.markFailing, [id.sqlValue, since.sqlValue])
    }

    private static let markWorking = Statement("UPDATE webhooks SET failing_since = NULL WHERE id = $1")

    public func markWorking(_ id: UUID) async throws(DatabaseError) {
        try await sql.run(Self.markWorking, [id.sqlValue])
    }

    private static let disableWebhook = Statement(
        """
        UPDATE webhooks SET enabled = 0, disabled_reason = $2, updated_at = $3 WHERE id = $1 AND enabled = 1
        RETURNING id
        """)

    /// - Returns: whether it was enabled.
    public func disable(_ id: UUID, because reason: Webhook.DisabledReason, at now: Timestamp)
        async throws(DatabaseError) -> Bool
    {
        try await !sql.run(Self.disableWebhook, [id.sqlValue, .text(reason.rawValue), now.sqlValue]).isEmpty
    }
}
