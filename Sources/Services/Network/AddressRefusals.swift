import Ground
import KeyValue
import Store

/// Records requests that an address list refused: once an hour for each session, as whoever is refused may ask again
/// at once and for as long as the token lives.
struct AddressRefusals: Sendable {
    private static let once = Allowance(count: 1, period: .seconds(3600))

    private let store: DataStore
    private let keyValue: any KeyValue
    /// What this node knows to have been recorded. It keeps a flood from the store, and counts while that is away.
    private let ownCounts: MemoryKeyValue
    private let audit: Audit

    init(store: DataStore, keyValue: any KeyValue, audit: Audit, clock: Clock) {
        self.store = store
        self.keyValue = keyValue
        self.audit = audit
        ownCounts = MemoryKeyValue(clock: clock, maximumEntries: 10_000)
    }

    /// - Throws: `.unavailable` when it could not be written; the next refusal is recorded then.
    func record(_ session: Session, from client: Client) async throws(AuthError) {
        let key = "address-refused:\(session.id)"
        guard await isFirst(key) else { return }
        do {
            try await store.transaction { [audit] repositories in
                try await audit.record(
                    AuditEvent(.addressRefused, user: session.userID, company: session.companyID, session: session.id),
                    from: client, in: repositories)
            }
        } catch {
            try? await ownCounts.remove(key)
            try? await keyValue.remove(key)
            throw .from(error)
        }
    }

    /// Where neither the node nor the store can count, nothing is recorded: a log that anybody can fill hides more.
    private func isFirst(_ key: String) async -> Bool {
        let own = try? await ownCounts.take(key, from: Self.once)
        if let own, own != .allowed { return false }
        let shared = try? await keyValue.take(key, from: Self.once)
        return (shared ?? own) == .allowed
    }
}
