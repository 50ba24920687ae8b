import Ground
import Store

/// Takes what is personal out of the audit log when a person is erased. What happened, when, and to which id, stays.
public struct AuditRedactor: Sendable {
    private static let page = 5000

    let chain: AuditChain
    let clock: Clock

    /// Blanks address, user agent and metadata of every row about the person or of what they did. Goes through the whole
    /// log, a page at a time; what was done stays done when it is cut short, and it can be run again.
    /// - Returns: how many rows were blanked.
    @discardableResult
    public func redact(user: UUID) async throws(AuthError) -> Int {
        let store = chain.store
        do {
            var count = 0
            var start = UUID(high: 0, low: 0)
            while true {
                let end = try await store.reading.auditChain.row(Self.page, behind: start)
                let upTo = end ?? UUID(high: .max, low: .max)
                let rows = try await store.reading.auditChain.personal(of: user, after: start, upTo: upTo)
                if !rows.isEmpty {
                    let now = clock.now
                    try await store.transaction { repositories in
                        for row in rows {
                            try await repositories.auditChain.redact(
                                chain.code.redaction(of: row.id, commitment: chain.code.commitment(to: row), at: now))
                        }
                    }
                }
                count += rows.count
                guard let end else { return count }
                start = end
            }
        } catch { throw .from(error) }
    }
}
