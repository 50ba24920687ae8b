import Ground
import Store

public typealias AuditRow = Store.AuditRow
public typealias AuditFilter = Store.AuditFilter

/// The audit log, for those who may read it.
public struct AuditLog: Sendable {
    /// What people see of their own.
    static let history: [AuditEvent.Kind] = [
        .registered, .signInSucceeded, .signInFailed, .accountLocked, .passwordChanged, .passwordChangeFailed,
        .sessionEnded, .loggedOut, .allSessionsRevoked, .tokenReused,
    ]
    /// Rows that an export reads at once.
    private static let exportPage = 500

    let store: DataStore
    let sessions: SessionService
    let audit: Audit
    let chain: AuditChain

    /// The newest rows first that meet the filter and that the caller may see.
    /// - Throws: `.forbidden`, `.unavailable`.
    public func page(_ filter: AuditFilter, after: UUID?, limit: Int, by token: AccessToken) async throws(AuthError)
        -> Page<AuditRow, UUID>
    {
        try await read(filter, after: after, limit: limit, within: try await sessions.demand("audit:read", of: token))
    }

    /// - Throws: `.notFound` too for the rows of other companies.
    public func entry(_ id: UUID, by token: AccessToken) async throws(AuthError) -> AuditRow {
        let scope = try await sessions.demand("audit:read", of: token)
        do {
            guard let row = try await store.reading.audit.find(id, within: scope.company) else { throw AuthError.notFound }
            return row
        } catch { throw .from(error) }
    }

    /// Begins an export, which is recorded: the log leaves the house.
    /// - Throws: `.forbidden`, `.unavailable`.
    public func beginExport(_ facts: [JSON.Member], by token: AccessToken, from client: Client) async throws(AuthError) {
        let scope = try await sessions.demand("audit:export", of: token)
        let event = AuditEvent(
            .auditExported, actor: token.userID, company: scope.company, session: token.sessionID, facts: facts)
        do { try await store.transaction { try await audit.record(event, from: client, in: $0) } } catch {
            throw .from(error)
        }
    }

    /// One page of an export. Whether the caller may still have it is asked for each.
    /// - Throws: `.sessionEnded`, `.forbidden`, `.unavailable`.
    public func exportPage(_ filter: AuditFilter, after: UUID?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Page<AuditRow, UUID>
    {
        _ = try await sessions.admit(token, from: client.address, as: client)
        let scope = try await sessions.demand("audit:export", of: token)
        return try await read(filter, after: after, limit: Self.exportPage, within: scope)
    }

    /// What happened to the caller's own account: sign-ins, failures, locks, passwords, the end of sessions.
    public func history(of token: AccessToken, after: UUID?, limit: Int) async throws(AuthError)
        -> Page<HistoryItem, UUID>
    {
        var filter = AuditFilter()
        filter.user = token.userID
        filter.events = Self.history.map(\.rawValue)
        return try await read(filter, after: after, limit: limit, within: .everywhere).map { $0.map(HistoryItem.init) }
    }

    /// How far the log is sealed, signed; nil while nothing is.
    /// - Throws: `.forbidden` for whoever may read the log of one company only.
    public func head(by token: AccessToken) async throws(AuthError) -> AuditHead? {
        guard try await sessions.demand("audit:read", of: token) == .everywhere else {
            throw .forbidden(permission: "audit:read")
        }
        return try await newestHead()
    }

    /// The same for who stands at the machine.
    public func newestHead() async throws(AuthError) -> AuditHead? {
        do { return try await chain.end() } catch { throw .from(error) }
    }

    /// What others verify heads with: a JWK (RFC 8037).
    public var publicKey: JSON { chain.signer.publicKey }

    private func read(_ filter: AuditFilter, after: UUID?, limit: Int, within scope: Scope) async throws(AuthError)
        -> Page<AuditRow, UUID>
    {
        var filter = filter
        filter.bound = scope.company
        do {
            let (rows, next) = try await store.reading.audit.page(filter, after: after, limit: limit)
            return Page(items: rows, next: next)
        } catch { throw .from(error) }
    }
}

/// How grave an event is.
public enum AuditSeverity: String, Sendable, CaseIterable { case info, warning, critical }

/// How what was tried went.
public enum AuditOutcome: String, Sendable, CaseIterable { case success, failure }

/// One event of the caller's own account, with the device that it came from.
public struct HistoryItem: Sendable {
    public let row: AuditRow
    public let device: Session.Device

    init(_ row: AuditRow) {
        self.row = row
        device = DeviceParser.device(of: row.userAgent ?? "")
    }
}
