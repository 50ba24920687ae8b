import Ground
import Store

/// How long people have access, and whether they still need it.
public struct AccessService: Sendable {
    /// People whose end is told of at once.
    private static let mostAtOnce = 50

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let users: UserService
    let bots: Bots
    let mail: AccessMail
    let mailBox: MailBox
    let leases: Leases
    let audit: Audit
    let settings: AccessSettings
    let clock: Clock

    // MARK: Ends

    /// Sets when somebody's access ends; what was over goes on. Nobody does that for themselves.
    /// - Parameter end: nil: never.
    /// - Throws: `.forbidden`, `.notFound`, `.invalid`, `.lastSuperAdmin`.
    public func setEnd(of id: UUID, to end: Timestamp?, by token: AccessToken, from client: Client)
        async throws(AuthError) -> User
    {
        let now = clock.now
        if let end, end <= now { throw Self.endedAlready }
        let user: User
        do {
            user = try await store.transaction { repositories in
                try await demand(over: id, by: token, in: repositories)
                if end != nil { try await reach.keepLastSuperAdmin(without: id, in: repositories) }
                guard try await repositories.access.setEnd(of: id, to: end, at: now),
                    let user = try await repositories.users.find(id)
                else { throw AuthError.notFound }
                let facts = [JSON.Member("access_ends_at", JSON(end))]
                try await audit.record(.accessEndChanged, about: id, by: token, facts, from: client, in: repositories)
                return user
            }
        } catch { throw .from(error) }
        try await sessions.subjects.changed(user: id)
        return user
    }

    /// Tells administrators whose access ends soon, once for each end. For every minute.
    public func tellOfEnds() async throws(AuthError) {
        let now = clock.now
        guard settings.endNotice > .zero else { return }
        do {
            let soon = try await store.reading.access.ending(
                after: now, until: now + settings.endNotice, limit: Self.mostAtOnce)
            guard !soon.isEmpty, try await leases.take("access-ends") != nil else { return }
            let bots = try await bots.all()
            for user in soon {
                try await store.transaction { repositories in
                    // Another node may have been here, or the end been moved.
                    guard let current = try await repositories.users.find(user.id),
                        let end = current.accessEndsAt, end == user.accessEndsAt,
                        try await repositories.access.noteTold(user.id)
                    else { return }
                    let facts = [JSON.Member("access_ends_at", JSON(end))]
                    try await audit.record(.accessEnding, about: user.id, by: nil, facts, from: nil, in: repositories)
                    try await mail.tell(ofEnd: end, of: current, through: bots, in: repositories)
                }
            }
        } catch { throw .from(error) }
    }

    // MARK: Reviews

    /// One page of people whose access is to be looked at, the longest first; none where no reviews are set.
    /// - Throws: `.forbidden`.
    public func due(after: AccessReview.Position?, limit: Int, by token: AccessToken)
        async throws(AuthError) -> Page<AccessReview, AccessReview.Position>
    {
        let scope = try await sessions.demand(AccessRequestService.reading, of: token)
        guard let every = settings.reviewEvery else { return Page(items: [], next: nil) }
        do {
            return try await Page(of: limit, endingAt: \.position) {
                try await store.reading.access.due(
                    since: clock.now - every, after: after, within: scope.company, limit: $0)
            }
        } catch { throw .from(error) }
    }

    /// Confirms that the person still needs access.
    /// - Throws: `.forbidden`, `.notFound`.
    public func confirm(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                try await demand(over: id, by: token, in: repositories)
                guard try await repositories.access.noteReview(of: id, at: now) else { throw AuthError.notFound }
                try await audit.record(.accessConfirmed, about: id, by: token, from: client, in: repositories)
                try await closeReview(of: id, confirmed: true, by: token, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Takes the access away: blocks the person, and ends every session.
    /// - Throws: `.forbidden`, `.notFound`, `.lastSuperAdmin`.
    public func withdraw(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let now = clock.now
        try await sessions.endingSessions { repositories in
            try await demand(over: id, by: token, in: repositories)
            guard try await repositories.access.noteReview(of: id, at: now) else { throw AuthError.notFound }
            let ended = try await users.set(.suspended, of: id, because: nil, by: token, from: client, in: repositories)
            let facts: [JSON.Member] = [
                .init("status", .string(User.Status.suspended.rawValue)), UserService.count(ended),
            ]
            try await audit.record(.accessWithdrawn, about: id, by: token, facts, from: client, in: repositories)
            try await closeReview(of: id, confirmed: false, by: token, in: repositories)
            return ended
        }
        try await sessions.subjects.changed(user: id)
    }

    /// Nobody decides about themselves: whose own access ends could else go on for ever.
    private func demand(over id: UUID, by token: AccessToken, in repositories: Repositories) async throws {
        let managing = AccessRequestService.managing
        let authority = try await reach.authority(of: token, in: repositories)
        try await reach.demand(managing, over: id, by: authority, in: repositories)
        guard id != token.userID else { throw AuthError.forbidden(permission: managing.description) }
    }

    static let endedAlready = AuthError.invalid([
        FieldFault(field: "expires_at", code: "in_the_past", message: "This must be in the future.")
    ])
}
