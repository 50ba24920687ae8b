import Credentials
import Ground
import Outgoing
import Store

/// Sends messages to webhooks, signed as Standard Webhooks has it.
struct WebhookCarrier: OutboxCarrier {
    let store: DataStore
    let vault: Vault
    let courier: Courier
    let subscriptions: Subscriptions
    let audit: Audit
    let disableAfter: Duration
    let clock: Clock

    func carry(_ message: OutboxMessage) async throws -> Carried {
        guard let id = WebhookMessage.webhook(ofLane: message.lane),
            let webhook = try await store.reading.webhooks.find(id, within: nil)
        else { return Carried(verdict: .hopeless, error: "webhook_deleted") }
        guard webhook.isEnabled else { return Carried(verdict: .hopeless, error: "webhook_disabled") }
        let outcome = await courier.send(try request(message, to: webhook))
        if outcome.fault == .stopped { return Carried(verdict: .notTried) }
        return carried(outcome, webhook)
    }

    private func request(_ message: OutboxMessage, to webhook: Webhook) throws -> OutgoingRequest {
        let now = clock.now
        let content = Array("\(message.messageID).\(now.seconds).\(message.payload)".utf8)
        var signatures = [try WebhookSecret(sealed: webhook.secret, of: webhook.id, in: vault).signature(of: content)]
        if let former = webhook.formerSecret, let until = webhook.formerUntil, until > now {
            signatures.append(try WebhookSecret(sealed: former, of: webhook.id, in: vault).signature(of: content))
        }
        let headers = [
            "Content-Type: application/json", "User-Agent: Gatehouse", "Expect:",
            "webhook-id: \(message.messageID)", "webhook-timestamp: \(now.seconds)",
            "webhook-signature: \(signatures.joined(separator: " "))",
        ]
        return OutgoingRequest(url: webhook.url, headers: headers, body: message.payload)
    }

    private func carried(_ outcome: OutgoingOutcome, _ webhook: Webhook) -> Carried {
        let status = outcome.status
        let error: String?
        switch (outcome.fault, status) {
        case (let fault?, _): error = fault.rawValue
        case (nil, let status?) where (200...299).contains(status): error = nil
        case (nil, let status?) where (300...399).contains(status): error = "redirect_not_followed"
        default: error = "status_refused"
        }
        var carried = Carried(
            verdict: error == nil ? .sent : .failed, status: status, duration: outcome.duration, error: error)
        guard error != nil else {
            if webhook.failingSince != nil {
                carried.alongside = { try await $0.webhooks.markWorking(webhook.id) }
            }
            return carried
        }
        let now = clock.now
        let since = webhook.failingSince ?? now
        if outcome.fault == nil, status == 410 {
            return disabling(webhook, because: .gone, Carried(
                verdict: .hopeless, status: status, duration: outcome.duration, error: "gone"))
        }
        if now - since >= disableAfter { return disabling(webhook, because: .failing, carried) }
        if webhook.failingSince == nil {
            carried.alongside = { try await $0.webhooks.markFailing(webhook.id, since: now) }
        }
        return carried
    }

    private func disabling(_ webhook: Webhook, because reason: Webhook.DisabledReason, _ carried: Carried) -> Carried {
        let now = clock.now
        var carried = carried
        carried.alongside = { repositories in
            guard try await repositories.webhooks.disable(webhook.id, because: reason, at: now) else { return }
            let facts = [
                JSON.Member("webhook_id", .string(webhook.id.description)),
                JSON.Member("reason", .string(reason.rawValue)),
            ]
            try await audit.record(
                AuditEvent(.webhookDisabled, company: webhook.companyID, facts: facts), from: nil, in: repositories)
        }
        carried.afterwards = { await subscriptions.changed() }
        return carried
    }
}
