import Ground
import Store

/// What other services keep about a person: a JSON object under the name of each. Whoever may write `app_data:balance`
/// writes what stands under `balance`, and nothing else. `GET /auth/validate` shows all of it.
public struct AppDataService: Sendable {
    /// In bytes, for one name and for all of a person.
    public static let mostOfOne = 16_384
    static let mostOfAll = 65_536

    let store: DataStore
    let subjects: Subjects
    let reach: Reach
    let audit: Audit
    let clock: Clock

    /// - Throws: `.forbidden`, `.notFound` where there is nothing, or the person is of another company.
    public func read(_ name: String, of user: UUID, by caller: ServiceCaller) async throws(AuthError) -> JSON {
        do {
            let object = try await object(of: user, name, caller, in: store.reading)
            guard let value = object[name] else { throw AuthError.notFound }
            return value
        } catch { throw .from(error) }
    }

    /// Puts the value in the place of what is there; nil removes it. The next request of the person shows it.
    /// - Throws: `.forbidden`, `.notFound`, `.invalid` where it is too large.
    public func write(_ value: JSON?, as name: String, of user: UUID, by caller: ServiceCaller, from client: Client)
        async throws(AuthError)
    {
        let now = clock.now
        do {
            try await store.transaction { repositories in
                var members = try await object(of: user, name, caller, in: repositories).members ?? []
                if value == nil, !members.contains(where: { $0.name == name }) { throw AuthError.notFound }
                members.removeAll { $0.name == name }
                if let value { members.append(.init(name, value)) }
                let text = JSON.object(members).text
                guard text.utf8.count <= Self.mostOfAll else { throw Self.tooLarge }
                try await repositories.users.setAppData(of: user, to: text, at: now)
                let facts: [JSON.Member] = [
                    .init("name", .string(name)), .init("service_account_id", JSON(caller.account.id)),
                    .init("removed", .bool(value == nil)),
                ]
                var company = caller.account.company
                if company == nil { company = try await audit.company(ofEventAbout: user, in: repositories) }
                try await audit.record(
                    AuditEvent(.appDataWritten, user: user, actor: caller.account.id, company: company, facts: facts),
                    from: client, in: repositories)
            }
        } catch { throw .from(error) }
        try await subjects.changed(user: user)
    }

    private func object(of user: UUID, _ name: String, _ caller: ServiceCaller, in repositories: Repositories)
        async throws -> JSON
    {
        guard let permission = Permission("app_data:\(name)") else { throw AuthError.notFound }
        let scope = try caller.authority.demand(permission)
        guard let person = try await repositories.users.find(user) else { throw AuthError.notFound }
        try await reach.demandSight(of: user, from: scope, in: repositories)
        return try JSON.parse(Array(person.appData.utf8))
    }

    private static let tooLarge = AuthError.invalid([
        FieldFault(field: "data", code: "too_long", message: "All data of a person must have at most \(mostOfAll) bytes.")
    ])
}
