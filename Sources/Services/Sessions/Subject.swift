import Ground
import Store
import Synchronization

/// A person, as the rest of the product sees them: without anything secret.
public struct Person: Sendable {
    public let id: UUID
    public let email: String?
    public let name: String
    public let phone: String?
    public let status: User.Status
    public let roles: [String]
    /// A JSON object.
    public let settings: String
    public let createdAt: Timestamp
    public let lastLoginAt: Timestamp?
    /// The second factors that the person has set up.
    public let factors: [SecondFactor]

    init(_ user: User, roles: [String]) {
        id = user.id
        email = user.email
        name = user.name
        phone = user.phone
        status = user.status
        self.roles = roles
        settings = user.settings
        createdAt = user.createdAt
        lastLoginAt = user.lastLoginAt
        factors = user.factors
    }
}

/// Whom a session stands for: person, company, and what they may do.
public final class Subject: Sendable {
    public let person: Person
    public let company: Company?
    /// What other services keep about the person, a JSON object.
    public let appData: String
    public let session: Session
    public let authority: Authority
    /// When the first of the grants ends, or the access as a whole, or a second factor is due; nil where none does.
    let endsAt: Timestamp?
    /// From when on the person must have a second factor, who has none; nil: never, or they have one.
    public let secondFactorDueAt: Timestamp?
    /// Where the person may come from.
    let gate: AddressGate
    private let rendering = Mutex<[UInt8]?>(nil)

    /// - Parameters:
    ///   - grants: those that have not ended.
    ///   - dueAt: from when on the person must have a second factor, who has none.
    init(user: User, grants: [Grant], company: Company?, session: Session, gate: AddressGate, factorDueAt dueAt: Timestamp?) {
        self.gate = gate
        // A passkey that has verified the person is two, and no factor beside the first.
        secondFactorDueAt = ProvedMethods(session.methods).contains(PasskeyService.verification) ? nil : dueAt
        let isBound = session.isBoundToCompany
        let everywhere = isBound ? [] : grants.filter { $0.company == nil }
        let here = grants.filter { $0.company != nil && $0.company == company?.id }
        var names: [String] = []
        for grant in grants where grant.company == nil ? !isBound : grant.company == company?.id {
            if !names.contains(grant.role) { names.append(grant.role) }
        }
        person = Person(user, roles: names)
        self.company = company
        appData = user.appData
        self.session = session
        authority = Authority(
            user: user.id, everywhere: PermissionSet(everywhere.compactMap(\.permission)),
            here: PermissionSet(here.compactMap(\.permission)), company: company?.id, isBoundToCompany: isBound)
        endsAt = (grants.compactMap(\.expiresAt) + [user.accessEndsAt, secondFactorDueAt].compactMap { $0 }).min()
    }

    /// Whether the person may do this everywhere.
    public func may(_ permission: Permission) -> Bool { authority.everywhere.covers(permission) }

    /// Where the person may do this; nil: nowhere.
    public func scope(of permission: Permission) -> Scope? { authority.scope(of: permission) }

    /// The bytes that `render` makes of this subject, made once: a subject never changes.
    public func rendered(_ render: (Subject) -> [UInt8]) -> [UInt8] {
        rendering.withLock { held in
            if let held { return held }
            let bytes = render(self)
            held = bytes
            return bytes
        }
    }
}

/// Subjects of live sessions, kept until something about them changes.
public final class SubjectCache: Sendable {
    private struct Held {
        var bySession: [UUID: (subject: Subject, until: Timestamp)] = [:]
        var sessionsOfUser: [UUID: Set<UUID>] = [:]
        /// Counts the changes, so that what was read before one is not kept after it.
        var changes = 0
    }

    /// A node that dies between its commit and its telling leaves the others unaware for so long.
    private static let lifetime = Duration.seconds(60)

    private let held = Mutex(Held())
    private let capacity: Int
    private let clock: Clock

    public init(capacity: Int, clock: Clock) {
        self.capacity = capacity
        self.clock = clock
    }

    func find(_ session: UUID) -> Subject? {
        guard let found = held.withLock({ $0.bySession[session] }), found.until > clock.now else { return nil }
        return found.subject
    }

    /// To be taken before reading what will be kept.
    var changes: Int { held.withLock { $0.changes } }

    func keep(_ subject: Subject, ifUnchangedSince changes: Int) {
        let latest = clock.now + Self.lifetime
        let until = subject.endsAt.map { min($0, latest) } ?? latest
        held.withLock { held in
            guard held.changes == changes, capacity > 0 else { return }
            if held.bySession.count >= capacity, held.bySession[subject.session.id] == nil {
                held.bySession = [:]
                held.sessionsOfUser = [:]
            }
            held.bySession[subject.session.id] = (subject, until)
            held.sessionsOfUser[subject.person.id, default: []].insert(subject.session.id)
        }
    }

    func forget(session: UUID) {
        held.withLock { held in
            held.changes += 1
            guard let subject = held.bySession.removeValue(forKey: session)?.subject else { return }
            held.sessionsOfUser[subject.person.id]?.remove(session)
            if held.sessionsOfUser[subject.person.id]?.isEmpty == true { held.sessionsOfUser[subject.person.id] = nil }
        }
    }

    func forget(user: UUID) {
        held.withLock { held in
            held.changes += 1
            for session in held.sessionsOfUser.removeValue(forKey: user) ?? [] { held.bySession[session] = nil }
        }
    }

    func forgetAll() {
        held.withLock { held in
            held.changes += 1
            held.bySession = [:]
            held.sessionsOfUser = [:]
        }
    }
}
