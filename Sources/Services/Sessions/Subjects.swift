import Ground
import KeyValue
import Store

/// Finds the subject of a session, from memory where nothing has changed.
public struct Subjects: Sendable {
    private static let channel = "users.changed"

    private let store: DataStore
    private let cache: SubjectCache
    private let gates: AddressGates
    private let clock: Clock
    private let line: NodeLine
    /// How long whoever must have a second factor may do without.
    let grace: Duration

    init(
        store: DataStore, cache: SubjectCache, gates: AddressGates, grace: Duration, keyValue: any KeyValue, clock: Clock
    ) {
        self.grace = grace
        self.store = store
        self.cache = cache
        self.gates = gates
        self.clock = clock
        line = NodeLine(Self.channel, on: keyValue)
    }

    /// Listens for changes that other nodes make. Call it before the first request.
    public func start() async throws {
        let cache = cache
        try await line.open(hear: { message in
            if let user = UUID(bytes: message) { cache.forget(user: user) } else { cache.forgetAll() }
        }, catchUp: {
            cache.forgetAll()
            return true
        })
    }

    /// - Throws: `.sessionEnded` when session or person is gone; `.accessEnded`, `.secondFactorRequired`.
    func subject(ofSession id: UUID) async throws(AuthError) -> Subject {
        if let subject = known(ofSession: id) { return subject }
        let changes = cache.changes
        do {
            guard let session = try await store.reading.sessions.find(id), session.endedAt == nil else {
                throw AuthError.sessionEnded
            }
            let subject = try await load(session, in: store.reading)
            cache.keep(subject, ifUnchangedSince: changes)
            return subject
        } catch { throw .from(error) }
    }

    /// The subject as it is in one transaction. Here, where every way to act as somebody comes by, the clock ends access.
    /// - Throws: `.sessionEnded`, `.accessEnded`, `.secondFactorRequired`.
    func load(_ session: Session, in repositories: Repositories) async throws -> Subject {
        guard let user = try await repositories.users.find(session.userID) else { throw AuthError.sessionEnded }
        let now = clock.now
        guard !user.hasEnded(at: now) else { throw AuthError.accessEnded }
        let grants = try await repositories.grants.current(of: user.id, at: now)
        let company = try await session.companyID.asyncFlatMap { try await repositories.companies.find($0) }
        let since = try await SecondFactorRule.since(of: user, grants, in: company, repositories)
        let subject = Subject(
            user: user, grants: grants, company: company, session: session,
            gate: gates.gate(of: user, grants, in: session.companyID), factorDueAt: since.map { $0 + grace })
        if let due = subject.secondFactorDueAt, due <= now { throw AuthError.secondFactorRequired }
        return subject
    }

    /// The subject, where it is in memory and every change of it would have been heard of.
    func known(ofSession id: UUID) -> Subject? { line.isOpen ? cache.find(id) : nil }

    /// Keeps a subject that was just loaded.
    func keep(_ subject: Subject, ifUnchangedSince changes: Int) { cache.keep(subject, ifUnchangedSince: changes) }

    /// To be taken before loading what will be kept.
    var changes: Int { cache.changes }

    /// Something about the person has changed: the next request sees it, on every node.
    /// - Throws: `.unavailable` when the other nodes could not be told.
    func changed(user: UUID) async throws(AuthError) {
        cache.forget(user: user)
        try await line.tell(user.bytes)
    }

    /// Something has changed that many subjects share: a company, a role.
    func manyChanged() async throws(AuthError) {
        cache.forgetAll()
        try await line.tell([])
    }
}

extension Optional where Wrapped: Sendable {
    func asyncFlatMap<T>(_ transform: (Wrapped) async throws -> T?) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
