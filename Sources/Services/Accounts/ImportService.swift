import Credentials
import Ground
import SQL
import Store

/// Brings many people in from a file: all of its lines, or none; or, if that is wanted, those that are in order.
public struct ImportService: Sendable {
    /// What one request may bring.
    public static let mostLinesOfRequest = 20_000
    public static let mostBytesOfRequest = 64 << 20
    /// What one file on the machine may hold: the lines are in memory while they are checked.
    public static let mostLines = 1_000_000

    /// In one transaction, where good lines are written although others are refused.
    private static let linesAtOnce = 500

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let passwords: PasswordService
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    // MARK: Taking in

    /// What takes in the file of a caller.
    /// - Throws: `.forbidden`.
    public func intake(_ format: ImportFormat, by token: AccessToken) async throws(AuthError) -> ImportIntake {
        let scope = try await sessions.demand("users:import", of: token)
        return intake(format, from: ImportMapping(), mostLines: Self.mostLinesOfRequest, scope: scope)
    }

    /// What takes in a file on the machine.
    public func intake(_ format: ImportFormat, from mapping: ImportMapping) -> ImportIntake {
        intake(format, from: mapping, mostLines: Self.mostLines, scope: .everywhere)
    }

    private func intake(_ format: ImportFormat, from mapping: ImportMapping, mostLines: Int, scope: Scope) -> ImportIntake {
        let people = ImportedPersonReader(scope: scope, clock: clock, random: random) {
            [passwords] hash throws(HashFault) in try passwords.adopt(hash)
        }
        return ImportIntake(format, from: mapping, mostLines: mostLines, people: people)
    }

    // MARK: Writing

    /// Writes what a caller's file said.
    /// - Throws: `.importRefused` where lines are refused and nothing was written, `.forbidden`, `.unavailable`.
    public func run(_ intake: ImportIntake, _ options: ImportOptions, by token: AccessToken, from client: Client)
        async throws(AuthError) -> ImportReport
    {
        try await run(intake, options, token, client) { _ in }
    }

    /// Writes what a file on the machine said.
    /// - Parameter progress: is told how many lines are written, each time again from the beginning where the
    ///   transaction has to be run again.
    public func run(
        _ intake: ImportIntake, _ options: ImportOptions, progress: @escaping @Sendable (Int) -> Void
    ) async throws(AuthError) -> ImportReport {
        try await run(intake, options, nil, nil, progress)
    }

    private func run(
        _ intake: ImportIntake, _ options: ImportOptions, _ token: AccessToken?, _ client: Client?,
        _ progress: @escaping @Sendable (Int) -> Void
    ) async throws(AuthError) -> ImportReport {
        let run = ImportRun(
            service: self, intake: intake, options: options, token: token, client: client, progress: progress)
        do {
            if options.isDryRun { return try await run.check() }
            return options.skipsRefused ? try await run.writeGood() : try await run.writeAll()
        } catch { throw .from(error) }
    }

    static var batch: Int { linesAtOnce }
}

/// One import under way.
struct ImportRun: Sendable {
    let service: ImportService
    let intake: ImportIntake
    let options: ImportOptions
    let token: AccessToken?
    let client: Client?
    let progress: @Sendable (Int) -> Void

    /// The lines of a file that are in order, and what is wrong with the others.
    private struct Checked {
        var companies: [Company] = []
        var people: [ResolvedPerson] = []
        var faults: [ImportFault] = []
    }

    private func report(_ imported: Int, _ faults: [ImportFault], isDryRun: Bool = false) -> ImportReport {
        let faults = (intake.faults + faults).sorted { $0.line < $1.line }
        return ImportReport(lines: intake.lines, imported: imported, faults: faults, isDryRun: isDryRun)
    }

    /// Writes nothing.
    func check() async throws -> ImportReport {
        let checked = try await check(intake.accepted[...], in: service.store.reading, yields: true)
        return report(checked.people.count, checked.faults, isDryRun: true)
    }

    /// Writes every line, or none.
    func writeAll() async throws -> ImportReport {
        // First without a transaction: what is refused keeps no writer waiting.
        let faults = try await check(intake.accepted[...], in: service.store.reading, yields: true).faults
        guard intake.faults.isEmpty, faults.isEmpty else { throw AuthError.importRefused(report(0, faults)) }
        try await retrying {
            try await service.store.transaction { repositories in
                let checked = try await check(intake.accepted[...], in: repositories)
                guard checked.faults.isEmpty else { throw AuthError.importRefused(report(0, checked.faults)) }
                try await write(checked, before: 0, in: repositories)
            }
        }
        return report(intake.accepted.count, [])
    }

    /// Writes the lines that are in order, some at a time.
    func writeGood() async throws -> ImportReport {
        // Before anything is written: a permission that is missing further down refuses the whole file.
        _ = try await check(intake.accepted[...], in: service.store.reading, yields: true)
        var written = 0
        var faults: [ImportFault] = []
        var rest = intake.accepted[...]
        while !rest.isEmpty {
            let part = rest.prefix(ImportService.batch)
            rest = rest.dropFirst(part.count)
            let before = written
            let checked = try await retrying {
                try await service.store.transaction { repositories in
                    let checked = try await check(part, in: repositories)
                    try await write(checked, before: before, in: repositories)
                    return checked
                }
            }
            written += checked.people.count
            faults += checked.faults
        }
        return report(written, faults)
    }

    /// Who came to be meanwhile is found when it is looked for again.
    private func retrying<T>(_ body: () async throws -> T) async throws -> T {
        for _ in 0..<3 {
            do { return try await body() } catch DatabaseError.duplicate(_) { continue }
        }
        return try await body()
    }

    // MARK: Checking against what is there

    /// - Parameter yields: lets others have their turn between two questions; never in a transaction.
    private func check(
        _ people: ArraySlice<ImportedPerson>, in repositories: Repositories, yields: Bool = false
    ) async throws -> Checked {
        var places = try await ImportPlaces(
            for: try await importer(in: repositories), scope: intake.scope, createsCompanies: options.createsCompanies,
            at: service.clock.now, random: service.random, in: repositories)
        var checked = Checked()
        checked.people.reserveCapacity(people.count)
        var rest = people
        while !rest.isEmpty {
            let part = rest.prefix(ImportRepository.soughtAtOnce)
            rest = rest.dropFirst(part.count)
            if yields { await Task.yield() }
            let keys = try await repositories.imports.taken(emailKeys: part.map(\.emailKey), at: service.clock.now)
            let ids = try await repositories.imports.taken(ids: part.filter(\.hasOwnID).map(\.user.id))
            for person in part {
                if keys.contains(person.emailKey) {
                    checked.faults.append(
                        ImportFault(person.line, .email, "email_taken", "The e-mail address has an account."))
                } else if ids.contains(person.user.id) {
                    checked.faults.append(ImportFault(person.line, .id, "id_taken", "Somebody has this id."))
                } else if let resolved = try await places.resolve(person, faults: &checked.faults) {
                    checked.people.append(resolved)
                }
            }
        }
        let used = Set(checked.people.flatMap(\.companies))
        checked.companies = places.missing.filter { used.contains($0.id) }
        return checked
    }

    /// - Throws: `.forbidden` where the caller may not import any more.
    private func importer(in repositories: Repositories) async throws -> Importer {
        guard let token else { return .machine }
        let authority = try await service.reach.authority(of: token, in: repositories)
        guard let scope = authority.scope(of: "users:import"), scope == .everywhere || scope == intake.scope else {
            throw AuthError.forbidden(permission: "users:import")
        }
        return .caller(authority, token)
    }

    // MARK: Writing

    private func write(_ checked: Checked, before: Int, in repositories: Repositories) async throws {
        guard !checked.people.isEmpty else { return }
        let now = service.clock.now
        for company in checked.companies { try await repositories.companies.insert(company, at: now) }
        var done = before
        var rest = checked.people[...]
        while !rest.isEmpty {
            let part = rest.prefix(ImportService.batch)
            rest = rest.dropFirst(part.count)
            try await repositories.imports.insert(part.map { ($0.person.user, $0.person.emailKey) }, at: now)
            try await repositories.imports.insert(
                members: part.flatMap { resolved in resolved.companies.map { (resolved.person.user.id, $0) } }, at: now)
            let moment = service.clock.now
            let grants = part.flatMap { resolved in
                resolved.grants.map {
                    BulkGrant(
                        id: UUID(at: moment, random: service.random), user: resolved.person.user.id, role: $0.role,
                        company: $0.company)
                }
            }
            try await repositories.imports.insert(grants, by: token?.userID, at: now)
            done += part.count
            progress(done)
        }
        try await record(checked, in: repositories)
    }

    private func record(_ checked: Checked, in repositories: Repositories) async throws {
        let hashes = checked.people.filter { $0.person.user.passwordHash != nil }.count
        let facts: [JSON.Member] = [
            .init("people", .integer(Int64(checked.people.count))), .init("hashes", .integer(Int64(hashes))),
            .init("companies_made", .integer(Int64(checked.companies.count))),
        ]
        let event = AuditEvent(
            .usersImported, actor: token?.userID, company: intake.scope.company, session: token?.sessionID, facts: facts)
        try await service.audit.record(event, from: client, in: repositories)
    }
}
