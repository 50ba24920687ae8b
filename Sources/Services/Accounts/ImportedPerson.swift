import Credentials
import Ground
import Store

/// A person as a line of a file describes them, checked by itself: what else is here was not looked at yet.
struct ImportedPerson: Sendable {
    /// A company that somebody is to belong to, and the roles there.
    struct Membership: Sendable {
        enum Reference: Hashable, Sendable {
            case id(UUID)
            case domain(String)
        }

        let company: Reference
        /// For a company that is to be made.
        var name: String?
        var domain: String?
        var roles: [String] = []
    }

    let line: Int
    var user: BulkUser
    /// Whether the file chose the id.
    let hasOwnID: Bool
    let emailKey: String
    /// By their keys; those for everywhere.
    var roles: [String] = []
    var memberships: [Membership] = []
}

/// Checks what a line says, value by value.
struct ImportedPersonReader: Sendable {
    /// What only those may set who import for everywhere: it reaches beyond one company.
    private static let beyondCompany: [ImportField] = [.id, .emailVerified, .appData]

    let scope: Scope
    let clock: Clock
    let random: RandomSource
    let adoptHash: @Sendable (String) throws(HashFault) -> String

    /// - Parameter faults: gets everything that is wrong.
    /// - Returns: nil where something is.
    func person(_ values: ImportValues, line: Int, faults: inout [ImportFault]) -> ImportedPerson? {
        var check = ImportCheck(values: values, line: line)
        if case .company = scope {
            for field in Self.beyondCompany where values[field] != nil {
                check.refuse(field, "not_allowed", "Only an import for everywhere may set this.")
            }
        }
        let id = check.id()
        let email = check.email()
        // Of each line anew: ids of one moment lie in no order, and rows that come in none are slow to write.
        let now = clock.now
        var user = BulkUser(id: id ?? UUID(at: now, random: random), email: email?.address, name: "", at: now)
        user.name = check.text(.name, 2...255) ?? email?.address ?? ""
        user.phone = check.phone()
        user.status = check.status() ?? .active
        user.requiresPasswordChange = check.flag(.requiresPasswordChange) ?? false
        user.externalID = check.text(.externalID, 1...255)
        user.createdAt = check.moment(.createdAt, notAfter: now) ?? now
        user.emailVerifiedAt = check.flag(.emailVerified) == true ? user.createdAt : nil
        user.settings = check.object(.settings, bytes: 8192) ?? "{}"
        user.appData = check.object(.appData, bytes: 65536) ?? "{}"
        user.passwordHash = hash(&check)
        let roles = check.roles(.roles)
        let memberships = check.memberships(roles: roles, scope: scope)
        faults += check.faults
        guard check.faults.isEmpty, let email else { return nil }
        return ImportedPerson(
            line: line, user: user, hasOwnID: id != nil, emailKey: email.normalized,
            roles: memberships.isEmpty || values[.company] == nil && scope == .everywhere ? roles : [],
            memberships: memberships)
    }

    private func hash(_ check: inout ImportCheck) -> String? {
        guard let text = check.string(.passwordHash), !text.isEmpty else { return nil }
        do throws(HashFault) { return try adoptHash(text) } catch {
            check.refuse(.passwordHash, error.code, error.message)
            return nil
        }
    }
}
