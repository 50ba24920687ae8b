import Ground
import KeyValue
import Store
import Synchronization

/// Which webhooks want to hear of what: remembered, so that an event that nobody wants costs nothing.
///
/// While other nodes are not heard, or a change has not been read yet, each event asks in its own transaction.
final class Subscriptions: Sendable {
    private struct Lists: Sendable {
        var everywhere: [WebhookSubscription] = []
        var byCompany: [UUID: [WebhookSubscription]] = [:]
        /// The events that any of them wants.
        let events: Set<String>

        init(_ all: [WebhookSubscription]) {
            for subscription in all {
                if let company = subscription.company {
                    byCompany[company, default: []].append(subscription)
                } else {
                    everywhere.append(subscription)
                }
            }
            events = Set(
                AuditEvent.Kind.allCases.map(\.rawValue).filter { event in
                    all.contains { WebhookEvents.match($0.events, event) }
                })
        }

        func wanting(_ event: String, in company: UUID?) -> [UUID] {
            let heard = everywhere + (company.flatMap { byCompany[$0] } ?? [])
            return heard.filter { WebhookEvents.match($0.events, event) }.map(\.webhook)
        }
    }

    private struct Held {
        var lists: Lists?
        /// Counts the changes, so that what was read before one is not kept after it.
        var changes = 0
    }

    private static let channel = "webhooks.changed"

    private let store: DataStore
    private let line: NodeLine
    private let clock: Clock
    private let random: RandomSource
    private let held = Mutex(Held())

    init(store: DataStore, keyValue: any KeyValue, clock: Clock, random: RandomSource) {
        self.store = store
        line = NodeLine(Self.channel, on: keyValue)
        self.clock = clock
        self.random = random
    }

    /// Listens for changes that other nodes make. Call it before the first request.
    func start() async throws {
        try await line.open(hear: { [weak self] _ in
            guard let self else { return }
            forget()
            Task { await self.load() }
        }, catchUp: { [weak self] in
            guard let self else { return true }
            forget()
            return await load()
        })
    }

    /// Webhooks have changed: the next event goes by what they are now, on other nodes too as soon as they hear of it,
    /// or within a minute.
    func changed() async {
        forget()
        await load()
        try? await line.tell([])
    }

    private func forget() {
        held.withLock { held in
            held.lists = nil
            held.changes += 1
        }
    }

    /// Reads what is committed.
    /// - Returns: whether it could.
    @discardableResult
    func load() async -> Bool {
        let changes = held.withLock { $0.changes }
        guard let all = try? await store.reading.webhooks.subscriptions() else { return false }
        held.withLock { if $0.changes == changes { $0.lists = Lists(all) } }
        return true
    }

    private var known: Lists? { line.isOpen ? held.withLock { $0.lists } : nil }

    /// Whether an event of this kind may have to be announced.
    func mayWant(_ kind: AuditEvent.Kind) -> Bool {
        known?.events.contains(kind.rawValue) ?? true
    }

    /// Puts what is to be told of an event into the outbox, in the transaction of the event.
    func announce(_ row: AuditRow, in repositories: Repositories) async throws {
        var lists = known
        if lists == nil { lists = Lists(try await repositories.webhooks.subscriptions()) }
        guard let lists, lists.events.contains(row.event) else { return }
        let webhooks = lists.wanting(row.event, in: row.companyID)
        guard !webhooks.isEmpty else { return }
        let body = WebhookMessage.body(row)
        for webhook in webhooks {
            let message = OutboxMessage(
                id: UUID(at: row.at, random: random), kind: WebhookMessage.kind, lane: WebhookMessage.lane(webhook),
                messageID: row.id, topic: row.event, payload: body, at: clock.now)
            try await repositories.outbox.append(message)
        }
    }
}
