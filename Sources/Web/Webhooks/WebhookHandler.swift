import Ground
import HTTP
import Services

/// Who is told of events, and how that went.
enum WebhookHandler {
    static let list = Operation(
        "listWebhooks", "Lists webhooks, the newest first",
        detail: "Who has the permission in a company sees those of the company.", asks: PageQuery.self,
        answers: .json(PageAnswer<WebhookAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.webhooks.list(by: try call.caller, after: query.after, limit: query.limit)
        return .answer(PageAnswer(page, of: WebhookAnswer.init))
    }

    static let create = Operation(
        "createWebhook", "Makes a webhook",
        detail: """
            Each event that it wants is sent to the address as a POST, signed as Standard Webhooks has it. The answer \
            has the secret, which is told once. A webhook hears of one company, or of everywhere where `company_id` is \
            null; who has the permission in a company makes webhooks of that company.
            """,
        takes: NewWebhookInput.self, answers: .json(WebhookSecretAnswer.self, status: .created, "Made."),
        problems: [.webhookURLNotAllowed, .tooMany, .notFound]
    ) { input, call in
        let made = try await call.services.webhooks.create(
            input.change, for: input.company, by: try call.caller, from: call.client)
        return .answer(WebhookSecretAnswer(webhook: made.webhook, secret: made.secret), status: .created)
    }

    static let read = Operation(
        "readWebhook", "Shows a webhook", answers: .json(WebhookAnswer.self, "The webhook.")
    ) { call in
        .answer(WebhookAnswer(webhook: try await call.services.webhooks.read(try call.request.uuid(), by: try call.caller)))
    }

    static let update = Operation(
        "updateWebhook", "Changes a webhook",
        detail: "Enabling it again forgets that it failed. What waits to be sent goes to the new address.",
        takes: WebhookInput.self, answers: .json(WebhookAnswer.self, "The webhook as it is now."),
        problems: [.webhookURLNotAllowed]
    ) { input, call in
        let webhook = try await call.services.webhooks.update(
            try call.request.uuid(), input.change, by: try call.caller, from: call.client)
        return .answer(WebhookAnswer(webhook: webhook))
    }

    static let delete = Operation(
        "deleteWebhook", "Deletes a webhook", detail: "What waits to be sent to it, and its deliveries, go with it.",
        answers: .json(DoneAnswer.self, "Deleted.")
    ) { call in
        try await call.services.webhooks.delete(try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(DoneAnswer())
    }

    static let rotateSecret = Operation(
        "rotateWebhookSecret", "Gives a webhook a new secret",
        detail: "The answer has the new secret, which is told once. For a day messages are signed with the former too.",
        answers: .json(WebhookSecretAnswer.self, "The webhook, and its new secret.")
    ) { call in
        let made = try await call.services.webhooks.rotateSecret(
            of: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(WebhookSecretAnswer(webhook: made.webhook, secret: made.secret))
    }

    static let test = Operation(
        "testWebhook", "Sends a message that tells of nothing",
        detail: "Its type is `webhook.test`. What came of it is in the list of deliveries.",
        answers: .json(DeliveryAnswer.self, status: .accepted, "The message waits to be sent."),
        problems: [.webhookDisabled]
    ) { call in
        let message = try await call.services.webhooks.test(try call.request.uuid(), by: try call.caller)
        return .answer(DeliveryAnswer(message: message), status: .accepted)
    }

    static let deliveries = Operation(
        "listWebhookDeliveries", "Lists what was sent to a webhook, the newest first",
        detail: "Messages that were sent or given up are kept for `OUTBOX_RETENTION`, a week unless set otherwise.",
        asks: PageQuery.self, answers: .json(PageAnswer<DeliveryAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.webhooks.deliveries(
            of: try call.request.uuid(), by: try call.caller, after: query.after, limit: query.limit)
        return .answer(PageAnswer(page, of: DeliveryAnswer.init))
    }

    static let replay = Operation(
        "replayWebhookDelivery", "Sends a message once more",
        detail: "As a delivery of its own, with the same `message_id`, by which the receiver knows it.",
        answers: .json(DeliveryAnswer.self, status: .accepted, "The message waits to be sent."),
        problems: [.webhookDisabled]
    ) { call in
        let message = try await call.services.webhooks.replay(
            try call.request.uuid(1), of: try call.request.uuid(), by: try call.caller)
        return .answer(DeliveryAnswer(message: message), status: .accepted)
    }
}
