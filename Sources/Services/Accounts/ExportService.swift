import Ground
import SQL
import Store

/// A person as an export tells of them.
public struct ExportedPerson: Sendable {
    public struct Membership: Sendable {
        public let id: UUID
        public let name: String
        public let domain: String?
        public var roles: [String]
    }

    public let id: UUID
    public let email: String?
    public let name: String
    public let phone: String?
    public let status: User.Status
    /// nil also where hashes were not asked for.
    public let passwordHash: String?
    public let requiresPasswordChange: Bool
    public let isEmailVerified: Bool
    public let externalID: String?
    public let createdAt: Timestamp
    /// Those for everywhere.
    public var roles: [String] = []
    public var companies: [Membership] = []
    /// JSON objects.
    public let settings: String
    public let appData: String

    init(_ user: BulkUser, includesHash: Bool) {
        id = user.id
        email = user.email
        name = user.name
        phone = user.phone
        status = user.status
        passwordHash = includesHash ? user.passwordHash : nil
        requiresPasswordChange = user.requiresPasswordChange
        isEmailVerified = user.emailVerifiedAt != nil
        externalID = user.externalID
        createdAt = user.createdAt
        settings = user.settings
        appData = user.appData
    }
}

/// An export that was allowed.
public struct Export: Sendable {
    public let includesHashes: Bool
    let scope: Scope
    let token: AccessToken
}

/// Takes people out, page by page.
public struct ExportService: Sendable {
    private static let pageSize = 500

    let store: DataStore
    let sessions: SessionService
    let audit: Audit

    /// Allows an export and records it. Hashes of passwords are for those alone who may do everything, everywhere.
    /// - Throws: `.forbidden`, `.unavailable`.
    public func begin(includesHashes: Bool, by token: AccessToken, from client: Client) async throws(AuthError) -> Export {
        let scope = try await scope(of: token, includesHashes: includesHashes)
        let event = AuditEvent(
            .usersExported, actor: token.userID, company: scope.company, session: token.sessionID,
            facts: [.init("with_hashes", .bool(includesHashes))])
        do {
            try await store.transaction { try await audit.record(event, from: client, in: $0) }
        } catch { throw .from(error) }
        return Export(includesHashes: includesHashes, scope: scope, token: token)
    }

    private func scope(of token: AccessToken, includesHashes: Bool) async throws(AuthError) -> Scope {
        let scope = try await sessions.demand("users:export", of: token)
        if includesHashes, try await sessions.subject(of: token).scope(of: "*") != .everywhere {
            throw .forbidden(permission: "*")
        }
        return scope
    }

    /// The people whose ids come next.
    /// - Parameter last: the last of the page before.
    /// - Returns: nothing when all have been given.
    /// - Throws: `.sessionEnded`, `.forbidden` where that has come to be since the beginning; `.unavailable`.
    public func page(of export: Export, after last: UUID?) async throws(AuthError) -> [ExportedPerson] {
        guard try await scope(of: export.token, includesHashes: export.includesHashes) == export.scope else {
            throw .forbidden(permission: "users:export")
        }
        let company = export.scope.company
        let reading = store.reading.exports
        do {
            let users = try await reading.page(after: last, limit: Self.pageSize, within: company)
            guard let first = users.first?.id, let last = users.last?.id else { return [] }
            var people: [UUID: ExportedPerson] = [:]
            for user in users { people[user.id] = ExportedPerson(user, includesHash: export.includesHashes) }
            for membership in try await reading.memberships(from: first, to: last, within: company) {
                people[membership.user]?.companies.append(
                    ExportedPerson.Membership(
                        id: membership.company, name: membership.name, domain: membership.domain, roles: []))
            }
            // One that ends is left out: where it comes in again it would stay.
            for grant in try await reading.grants(from: first, to: last, within: company) {
                people[grant.user]?.add(grant)
            }
            return users.compactMap { people[$0.id] }
        } catch { throw .from(error) }
    }
}

extension ExportedPerson {
    fileprivate mutating func add(_ grant: ExportedGrant) {
        guard let company = grant.company else { return roles.append(grant.role) }
        // A role in a company that one has left counts for nothing.
        guard let index = companies.firstIndex(where: { $0.id == company }) else { return }
        companies[index].roles.append(grant.role)
    }
}
