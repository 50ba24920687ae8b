import Ground
import Store
import Synchronization

/// Seals the rows of the audit log into a chain, signs where it ends, and takes away what is older than is kept.
///
/// Rows come from every node at once, and a transaction that began early may commit late. So a row is not linked when
/// it is written, but soon after by one node, which holds the lease `audit`: whatever is not sealed yet, in whatever
/// order it turned up. Until then only the code of the row protects it.
public final class AuditKeeper: Sendable {
    private struct State {
        /// Rows before this have been gone through; nil where this node has not sealed of late.
        var seen: UUID?
        var passes = 0
        /// One thing at a time is done to the chain by one node.
        var isBusy = false
        /// How far the slow round is that finds what came very late.
        var patrolled = UUID(high: 0, low: 0)
    }

    private static let lease = "audit"
    private static let page = 1000
    private static let patrolPages = 20
    /// Rows of nodes of the former version have no code: for so long after the chain began that is no fault.
    private static let oldNodesLast = Duration.seconds(86400)

    let chain: AuditChain
    private let store: DataStore
    private let leases: Leases
    private let settings: AuditSettings
    private let clock: Clock
    private let log: Log
    private let state = Mutex(State())

    init(chain: AuditChain, store: DataStore, leases: Leases, settings: AuditSettings, clock: Clock, log: Log) {
        self.chain = chain
        self.store = store
        self.leases = leases
        self.settings = settings
        self.clock = clock
        self.log = log
    }

    // MARK: Sealing

    /// Seals what was written since the last time, where no other node does. For every few seconds.
    public func seal() async throws(AuthError) {
        try await alone { [self] lease in
            var start = try await start()
            var last = start
            while true {
                let rows = try await store.reading.auditChain.unsealed(
                    after: start, upTo: UUID(high: .max, low: .max), limit: Self.page)
                try await seal(rows, holding: lease)
                if let end = rows.last?.row.id { (start, last) = (end, end) }
                guard rows.count == Self.page else { break }
                guard try await leases.take(Self.lease) == lease else { return }
            }
            // The clock of another node may be ahead: its rows must not hide those of this one.
            let seen = min(last, UUID.least(at: clock.now))
            state.withLock { $0.seen = max($0.seen ?? seen, seen) }
            try await keepHead(holding: lease)
        }
    }

    /// Runs `body` where this node has the lease, and does nothing else to the chain.
    private func alone(_ body: (Lease) async throws -> Void) async throws(AuthError) {
        let isFree = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard isFree else { return }
        defer { state.withLock { $0.isBusy = false } }
        guard let lease = try await leases.take(Self.lease) else {
            state.withLock { $0.seen = nil }
            return
        }
        do { try await body(lease) } catch { throw .from(error) }
    }

    /// Where to look from: a little before what was seen, and now and then well before, as commits come late.
    private func start() async throws -> UUID {
        let (seen, passes) = state.withLock { state in
            state.passes += 1
            return (state.seen, state.passes)
        }
        if let seen { return UUID.least(at: seen.moment - (passes % 8 == 0 ? .seconds(120) : .seconds(5))) }
        guard let newest = try await store.reading.auditChain.newestSealedRow() else { return UUID(high: 0, low: 0) }
        return UUID.least(at: min(newest.moment, clock.now) - .seconds(3600))
    }

    /// Seals rows that came later than `seal` looks, a part of the log each time. For every minute.
    public func patrol() async throws(AuthError) {
        try await alone { [self] lease in
            for _ in 0..<Self.patrolPages {
                let start = state.withLock { $0.patrolled }
                let end = try await store.reading.auditChain.row(Self.page, behind: start)
                let rows = try await store.reading.auditChain.unsealed(
                    after: start, upTo: end ?? UUID(high: .max, low: .max), limit: Self.page)
                try await seal(rows, holding: lease)
                state.withLock { $0.patrolled = end ?? UUID(high: 0, low: 0) }
                if end == nil { return }
            }
        }
    }

    private func seal(_ rows: [KeptAuditRow], holding lease: Lease) async throws {
        guard let first = rows.first?.row.id, let last = rows.last?.row.id else { return }
        let now = clock.now
        let head = try await chain.end()
        let begun = try await chain.mark(.start) ?? chain.signer.sign(.start, sequence: 0, hash: AuditChain.root, at: now)
        let strangers =
            rows.contains { $0.row.mac?.first == AuditCode.Cover.rowOfSession.rawValue }
            ? try await store.reading.auditChain.refreshesOfStrangers(from: first, to: last) : []
        var place = (sequence: head?.sequence ?? 0, hash: head?.hash ?? AuditChain.root)
        var links: [AuditLink] = []
        for kept in rows {
            let link = chain.seal(
                kept, after: place.hash, sequence: place.sequence + 1, isOfStranger: strangers.contains(kept.row.id),
                mayBeOld: now - begun.at < Self.oldNodesLast)
            links.append(link)
            place = (link.sequence, link.hash)
            if link.evidence == AuditChain.Evidence.none.rawValue { warn(of: kept.row.id) }
        }
        let end = chain.signer.sign(.head, sequence: place.sequence, hash: place.hash, at: now)
        try await leases.transaction(holding: lease) { [links] repositories in
            // Another node may have sealed since, if this one slept.
            guard try await repositories.auditChain.mark(AuditChain.endName) == head?.token else {
                throw AuthError.unavailable(because: "the chain of the audit log has moved on")
            }
            try await repositories.auditChain.insert(links)
            try await repositories.auditChain.put(mark: AuditChain.endName, sequence: end.sequence, token: end.token)
            if head == nil {
                try await repositories.auditChain.put(mark: AuditHead.Kind.start.rawValue, sequence: 0, token: begun.token)
            }
        }
    }

    private func warn(of row: UUID) {
        log.error("audit.row_unproved") { line in
            line.member("row", row.description)
            line.member("reason", "it has not the code of this server: somebody wrote or changed it in the database")
        }
    }

    /// Keeps the end of the chain as it is now, and puts it into the log of the server, which may lead elsewhere.
    private func keepHead(holding lease: Lease) async throws {
        guard let head = try await chain.end() else { return }
        if let kept = try await store.reading.auditChain.newestHead() {
            guard kept.sequence < head.sequence, clock.now - kept.at >= settings.headInterval else { return }
        }
        let now = clock.now
        try await leases.transaction(holding: lease) {
            try await $0.auditChain.insertHead(head.token, sequence: head.sequence, at: now)
        }
        log.info("audit.head") { line in
            line.member("sequence", head.sequence)
            line.member("head", head.token)
        }
    }

    // MARK: Retention

    /// Deletes what is older than is kept, the oldest first, and signs how far. For every hour.
    public func retire() async throws(AuthError) {
        guard let retention = settings.retention else { return }
        let limit = clock.now - retention
        try await alone { [self] lease in
            while true {
                let links = try await chain.links(before: limit, atMost: Self.page / 2)
                guard let last = links.last else { return }
                let anchor = chain.signer.sign(.anchor, sequence: last.sequence, hash: last.hash, at: clock.now)
                try await leases.transaction(holding: lease) { repositories in
                    try await repositories.auditChain.put(
                        mark: AuditHead.Kind.anchor.rawValue, sequence: anchor.sequence, token: anchor.token)
                    try await repositories.auditChain.remove(links)
                }
                guard try await leases.take(Self.lease) == lease else { return }
            }
        }
    }
}
