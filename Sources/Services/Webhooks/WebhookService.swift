import Credentials
import Ground
import Store

/// What is to be changed about a webhook, or what a new one is made of; nil leaves as it is.
public struct WebhookChange: Sendable {
    public var url: String?
    public var events: [String]?
    public var description: String?
    public var isEnabled: Bool?

    public init(url: String?, events: [String]?, description: String?, isEnabled: Bool?) {
        self.url = url
        self.events = events
        self.description = description
        self.isEnabled = isEnabled
    }
}

/// A webhook with its secret in clear: told once.
public struct RevealedWebhook: Sendable {
    public let webhook: Webhook
    public let secret: String
}

/// The rules of webhooks: who may make and see which, and where they may go.
///
/// Who administers a company makes and sees those of the company. What belongs elsewhere is not there for them.
public struct WebhookService: Sendable {
    /// Of one company, and of everywhere: each event becomes a message to every one of them.
    public static let most = 20
    /// How long the former secret signs beside the new one.
    public static let overlap = Duration.seconds(86400)

    private static let reading: Permission = "webhooks:read"
    private static let managing: Permission = "webhooks:manage"

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let subscriptions: Subscriptions
    let vault: Vault
    let settings: WebhookSettings
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Webhooks

    /// One page, the newest first.
    public func list(by token: AccessToken, after: UUID?, limit: Int) async throws(AuthError) -> Page<Webhook, UUID> {
        let scope = try await sessions.demand(Self.reading, of: token)
        do {
            return try await Page(of: limit, endingAt: \.id) {
                try await store.reading.webhooks.page(within: scope.company, after: after, limit: $0)
            }
        } catch { throw .from(error) }
    }

    /// - Throws: `.notFound`, `.forbidden`.
    public func read(_ id: UUID, by token: AccessToken) async throws(AuthError) -> Webhook {
        let scope = try await sessions.demand(Self.reading, of: token)
        do { return try await Self.find(id, within: scope, in: store.reading) } catch { throw .from(error) }
    }

    /// Makes a webhook.
    /// - Parameter company: whose events it hears; nil: the caller's company, or everywhere for who manages everywhere.
    /// - Throws: `.webhookURLNotAllowed`, `.tooMany`, `.invalid`, `.notFound` for a company that is not the caller's.
    public func create(_ change: WebhookChange, for company: UUID?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> RevealedWebhook
    {
        let now = clock.now
        let id = UUID(at: now, random: random)
        let (events, secret) = (change.events ?? [], WebhookSecret(random: random))
        try check(events)
        let url = try self.url(change.url ?? "")
        let webhook: Webhook
        do {
            let sealed = try secret.sealed(for: id, in: vault)
            webhook = try await store.transaction { repositories in
                let place = try await reach.demand(Self.managing, of: token, in: repositories).narrowed(to: company)
                if let place, try await repositories.companies.find(place) == nil { throw AuthError.notFound }
                guard try await repositories.webhooks.count(ofCompany: place) < Self.most else {
                    throw AuthError.tooMany
                }
                let webhook = Webhook(
                    id: id, companyID: place, url: url, events: events, description: change.description ?? "",
                    isEnabled: change.isEnabled ?? true, secret: sealed, at: now)
                try await repositories.webhooks.insert(webhook)
                try await record(.webhookCreated, webhook, by: token, from: client, in: repositories)
                return webhook
            }
        } catch { throw .from(error) }
        await subscriptions.changed()
        return RevealedWebhook(webhook: webhook, secret: secret.text)
    }

    /// - Throws: `.webhookURLNotAllowed`, `.invalid`, `.notFound`.
    public func update(_ id: UUID, _ change: WebhookChange, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Webhook
    {
        if let events = change.events { try check(events) }
        var url: String?
        if let given = change.url { url = try self.url(given) }
        let checked = url
        return try await changing(id, .webhookUpdated, by: token, from: client) { webhook, _ in
            webhook.url = checked ?? webhook.url
            webhook.events = change.events ?? webhook.events
            webhook.description = change.description ?? webhook.description
            guard let isEnabled = change.isEnabled else { return }
            webhook.isEnabled = isEnabled
            webhook.disabledReason = nil
            if isEnabled { webhook.failingSince = nil }
        }
    }

    /// Gives it a new secret. The former one signs beside it for a day.
    public func rotateSecret(of id: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError) -> RevealedWebhook
    {
        let secret = WebhookSecret(random: random)
        let vault = vault
        let webhook = try await changing(id, .webhookSecretRotated, by: token, from: client) { webhook, now in
            webhook.formerSecret = webhook.secret
            webhook.formerUntil = now + Self.overlap
            webhook.secret = try secret.sealed(for: id, in: vault)
        }
        return RevealedWebhook(webhook: webhook, secret: secret.text)
    }

    /// Deletes it, with what waits to be sent to it.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        do {
            try await store.transaction { repositories in
                let webhook = try await managed(id, by: token, in: repositories)
                try await repositories.outbox.delete(lane: WebhookMessage.lane(id))
                try await repositories.webhooks.delete(id)
                try await record(.webhookDeleted, webhook, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
        await subscriptions.changed()
    }

    private func changing(
        _ id: UUID, _ kind: AuditEvent.Kind, by token: AccessToken, from client: Client,
        _ change: @escaping @Sendable (inout Webhook, Timestamp) throws -> Void
    ) async throws(AuthError) -> Webhook {
        let now = clock.now
        let changed: Webhook
        do {
            changed = try await store.transaction { repositories in
                var webhook = try await managed(id, by: token, in: repositories)
                try change(&webhook, now)
                webhook.updatedAt = now
                try await repositories.webhooks.update(webhook)
                try await record(kind, webhook, by: token, from: client, in: repositories)
                return webhook
            }
        } catch { throw .from(error) }
        await subscriptions.changed()
        return changed
    }

    // MARK: Deliveries

    /// One page of what was sent to a webhook, the newest first.
    public func deliveries(of id: UUID, by token: AccessToken, after: UUID?, limit: Int)
        async throws(AuthError) -> Page<OutboxMessage, UUID>
    {
        let scope = try await sessions.demand(Self.reading, of: token)
        do {
            _ = try await Self.find(id, within: scope, in: store.reading)
            return try await Page(of: limit, endingAt: \.id) {
                try await store.reading.outbox.page(of: WebhookMessage.lane(id), after: after, limit: $0)
            }
        } catch { throw .from(error) }
    }

    /// Sends a message that tells of nothing, to try the webhook.
    /// - Throws: `.webhookDisabled`, `.notFound`.
    public func test(_ id: UUID, by token: AccessToken) async throws(AuthError) -> OutboxMessage {
        try await sending(to: id, by: token) { webhook, _, now in
            let message = UUID(at: now, random: random)
            let body = WebhookMessage.body(id: message, type: WebhookEvents.test, at: now, company: webhook.companyID) {
                $0.member("webhook_id", id.description)
            }
            return (message, WebhookEvents.test, body)
        }
    }

    /// Sends a message once more. The receiver knows it by its id.
    /// - Throws: `.webhookDisabled`, `.notFound`.
    public func replay(_ delivery: UUID, of id: UUID, by token: AccessToken) async throws(AuthError) -> OutboxMessage {
        try await sending(to: id, by: token) { _, repositories, _ in
            guard let former = try await repositories.outbox.find(delivery, in: WebhookMessage.lane(id)) else {
                throw AuthError.notFound
            }
            return (former.messageID, former.topic, former.payload)
        }
    }

    private func sending(
        to id: UUID, by token: AccessToken,
        _ compose: @escaping @Sendable (Webhook, Repositories, Timestamp) async throws -> (id: UUID, topic: String, body: String)
    ) async throws(AuthError) -> OutboxMessage {
        let now = clock.now
        do {
            return try await store.transaction { repositories in
                let webhook = try await managed(id, by: token, in: repositories)
                guard webhook.isEnabled else { throw AuthError.webhookDisabled }
                let content = try await compose(webhook, repositories, now)
                let message = OutboxMessage(
                    id: UUID(at: now, random: random), kind: WebhookMessage.kind, lane: WebhookMessage.lane(id),
                    messageID: content.id, topic: content.topic, payload: content.body, at: now)
                try await repositories.outbox.append(message)
                return message
            }
        } catch { throw .from(error) }
    }

    // MARK: What all of them need

    /// The webhook, for who may change it as this transaction sees it.
    private func managed(_ id: UUID, by token: AccessToken, in repositories: Repositories) async throws -> Webhook {
        let scope = try await reach.demand(Self.managing, of: token, in: repositories)
        return try await Self.find(id, within: scope, in: repositories)
    }

    private static func find(_ id: UUID, within scope: Scope, in repositories: Repositories) async throws -> Webhook {
        guard let webhook = try await repositories.webhooks.find(id, within: scope.company) else {
            throw AuthError.notFound
        }
        return webhook
    }

    private func url(_ text: String) throws(AuthError) -> String {
        do throws(WebhookURL.Fault) { return try WebhookURL(text, settings: settings).text } catch {
            switch error {
            case .notAllowed(let reason): throw .webhookURLNotAllowed(because: reason)
            case .invalid:
                throw .invalid([
                    FieldFault(field: "url", code: "url_invalid", message: "This is no address such as https://example.com/hooks.")
                ])
            }
        }
    }

    private func check(_ events: [String]) throws(AuthError) {
        guard let unknown = events.first(where: { !WebhookEvents.isKnown($0) }) else { return }
        throw .invalid([
            FieldFault(
                field: "events", code: "event_unknown",
                message: "There is no event \(String(unknown.unicodeScalars.prefix(64))).")
        ])
    }

    private func record(
        _ kind: AuditEvent.Kind, _ webhook: Webhook, by token: AccessToken, from client: Client,
        in repositories: Repositories
    ) async throws {
        let facts = [
            JSON.Member("webhook_id", .string(webhook.id.description)), JSON.Member("enabled", .bool(webhook.isEnabled)),
            JSON.Member("events", .array(webhook.events.map { .string($0) })),
        ]
        try await audit.record(
            AuditEvent(kind, actor: token.userID, company: webhook.companyID, session: token.sessionID, facts: facts),
            from: client, in: repositories)
    }
}
