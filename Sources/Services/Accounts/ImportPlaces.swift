import Ground
import Store

/// Who imports.
enum Importer: Sendable {
    /// Somebody who holds the machine, and may do everything.
    case machine
    case caller(Authority, AccessToken)

    var userID: UUID? {
        if case .caller(let authority, _) = self { authority.user } else { nil }
    }

    /// - Throws: `.forbidden`.
    func demand(_ permission: Permission, in place: UUID?) throws(AuthError) {
        guard case .caller(let authority, _) = self else { return }
        guard authority.may(permission, in: place) else { throw .forbidden(permission: permission.description) }
    }

    /// Nobody grants what they do not have themselves.
    /// - Throws: `.forbidden`.
    func demandGranting(_ permissions: [String], in place: UUID?) throws(AuthError) {
        try demand("roles:grant", in: place)
        guard case .caller(let authority, _) = self else { return }
        if let missing = authority.firstMissing(of: permissions, in: place) { throw .forbidden(permission: missing) }
    }
}

/// A person with the rows that an import writes of them.
struct ResolvedPerson: Sendable {
    let person: ImportedPerson
    var companies: [UUID] = []
    var grants: [(role: UUID, company: UUID?)] = []
}

/// The roles and companies that a file names, as they are in one transaction.
struct ImportPlaces {
    private struct Role {
        let id: UUID
        var permissions: [String]
        /// Where the importer was found to be allowed to grant it.
        var checked: Set<UUID?> = []
    }

    private let importer: Importer
    private let scope: Scope
    private let createsCompanies: Bool
    private let repositories: Repositories
    private let now: Timestamp
    private let random: RandomSource
    private var roles: [String: Role] = [:]
    private var companies: [ImportedPerson.Membership.Reference: UUID?] = [:]
    /// How many members more each may have.
    private var room: [UUID: Int] = [:]
    /// Those that have to be made.
    private(set) var missing: [Company] = []

    init(
        for importer: Importer, scope: Scope, createsCompanies: Bool, at now: Timestamp, random: RandomSource,
        in repositories: Repositories
    ) async throws {
        self.importer = importer
        self.scope = scope
        self.createsCompanies = createsCompanies
        self.repositories = repositories
        self.now = now
        self.random = random
        for row in try await repositories.imports.rolePermissions() {
            roles[row.nameKey, default: Role(id: row.role, permissions: [])].permissions += [row.permission].compactMap { $0 }
        }
    }

    /// - Parameter faults: gets what the file names and is not here.
    /// - Throws: `.forbidden`.
    mutating func resolve(_ person: ImportedPerson, faults: inout [ImportFault]) async throws -> ResolvedPerson? {
        var resolved = ResolvedPerson(person: person)
        let before = faults.count
        for key in person.roles { try grant(key, in: nil, to: &resolved, faults: &faults) }
        for membership in person.memberships {
            guard let company = try await company(of: membership) else {
                faults.append(ImportFault(person.line, .company, "company_unknown", "There is no such company."))
                continue
            }
            if !resolved.companies.contains(company) { resolved.companies.append(company) }
            for key in membership.roles { try grant(key, in: company, to: &resolved, faults: &faults) }
        }
        guard faults.count == before else { return nil }
        guard resolved.companies.allSatisfy({ room[$0].map { $0 > 0 } ?? true }) else {
            faults.append(ImportFault(person.line, .company, "company_full", "The company has as many members as it may have."))
            return nil
        }
        for company in resolved.companies { room[company]? -= 1 }
        return resolved
    }

    private mutating func grant(
        _ key: String, in place: UUID?, to resolved: inout ResolvedPerson, faults: inout [ImportFault]
    ) throws(AuthError) {
        guard let role = roles[key] else {
            faults.append(ImportFault(resolved.person.line, .roles, "no_such_role", "There is no such role."))
            return
        }
        if !role.checked.contains(place) {
            try importer.demandGranting(role.permissions, in: place)
            roles[key]?.checked.insert(place)
        }
        guard !resolved.grants.contains(where: { $0.role == role.id && $0.company == place }) else { return }
        resolved.grants.append((role.id, place))
    }

    private mutating func company(of membership: ImportedPerson.Membership) async throws -> UUID? {
        if let known = companies[membership.company] { return known }
        let found = try await find(membership)
        if let found, room[found] == nil { room[found] = try await repositories.imports.room(in: found) }
        companies[membership.company] = .some(found)
        return found
    }

    private mutating func find(_ membership: ImportedPerson.Membership) async throws -> UUID? {
        let found: UUID? =
            switch membership.company {
            case .id(let id): try await repositories.companies.find(id)?.id
            case .domain(let domain): try await repositories.imports.company(ofDomain: domain)
            }
        // What belongs to other companies is not there for who stands in one.
        if case .company(let own) = scope { return found == own ? own : nil }
        if let found { return found }
        guard createsCompanies, let name = membership.name else { return nil }
        return try await made(membership, name: name)
    }

    private mutating func made(_ membership: ImportedPerson.Membership, name: String) async throws -> UUID? {
        if let domain = membership.domain {
            if let other = try await repositories.imports.company(ofDomain: domain) { return other }
            if let other = missing.first(where: { $0.domain == domain }) { return other.id }
        }
        var id = UUID(at: now, random: random)
        if case .id(let given) = membership.company {
            guard try await !repositories.imports.hasCompany(given) else { return nil }
            id = given
        }
        try importer.demand("companies:create", in: nil)
        missing.append(Company(id: id, name: name, domain: membership.domain))
        return id
    }
}
